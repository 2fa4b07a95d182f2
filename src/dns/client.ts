import { randomFillSync } from 'node:crypto';
import pRetry from 'p-retry';
import { type Clock, sleep } from '../clock.ts';
import { ClosedError, type DnsAttempt } from '../errors.ts';
import type { ClientContext } from './context.ts';
import { lookupFailed, RoundFailure, Trail } from './lookup-failure.ts';
import type { QuestionType } from './message.ts';
import type { DnsCounters } from './pending.ts';
import { type AskOptions, type DnsAnswer, isAnswer, Server } from './server.ts';
import type { ServerAddress } from './server-address.ts';
import { ServerOrder } from './server-order.ts';
import { type Sockets, systemSockets } from './sockets.ts';
import { TryFailure } from './try-failure.ts';

export type { DnsAnswer } from './server.ts';

export interface DnsClientOptions {
  /** In order of preference; at least one. */
  readonly servers: readonly ServerAddress[];
  /** Of one try, in ms. */
  readonly timeout: number;
  /** Rounds through the servers after the first. */
  readonly retries: number;
  /** UDP size to advertise; `undefined`: 65 000 to a loopback server, 1 232 elsewhere. */
  readonly edns: number | undefined;
  readonly clock: Clock;
  /** Default: the system's. */
  readonly sockets?: Sockets;
  /** Fills an array with unpredictable bytes; default: the system's. */
  readonly randomFill?: (bytes: Uint8Array) => void;
}

export interface LookupOptions extends AskOptions {
  /** Rounds after the first; default as the client was told. */
  readonly retries?: number;
}

/** Between two rounds, doubled each time, in ms. */
const firstPause = 50;
/** Errors that the same question will meet again. */
const repeatsItself = new Set(['REFUSED', 'FORMERR', 'NOTIMP']);
/**
 * Asks one question until somebody answers it (NOERROR or NXDOMAIN): each server in turn, those that answer first
 * (server-order.ts), then all of them again after a pause, `retries` times. It fails only if no server answers.
 *
 * A question that is not answered within `timeout` is sent again rather than waited for: while Consul elects a leader it holds
 * what it has, and a later question overtakes.
 */
export class DnsClient {
  readonly counters: DnsCounters = {
    sent: 0,
    sentByTcp: 0,
    timeouts: 0,
    foreign: 0,
    malformed: 0,
    abandoned: 0,
  };
  readonly #options: DnsClientOptions;
  readonly #servers: readonly Server[];
  readonly #order: ServerOrder<Server>;
  #closed = false;

  constructor(options: DnsClientOptions) {
    this.#options = options;
    const { clock, timeout, edns, sockets = systemSockets, randomFill = randomFillSync } = options;
    const context: ClientContext = { clock, counters: this.counters, sockets, randomFill };
    this.#servers = options.servers.map((address) => new Server(address, context, timeout, edns));
    this.#order = new ServerOrder(this.#servers, clock);
  }

  /** @throws DnsError with every try; ClosedError; the signal's reason on abort. */
  async query(name: string, type: QuestionType, options: LookupOptions = {}): Promise<DnsAnswer> {
    const { signal } = options;
    const trail = new Trail();
    try {
      // The usual case pays nothing for the machinery of retries.
      return await this.#askEachServer(name, type, options, trail);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (!(error instanceof RoundFailure)) throw error;
      return await this.#askAgain(error, name, type, options, trail);
    }
  }

  /** The rounds after the first, which ended in `first`. */
  async #askAgain(
    first: RoundFailure,
    name: string,
    type: QuestionType,
    options: LookupOptions,
    trail: Trail,
  ): Promise<DnsAnswer> {
    const { signal } = options;
    const askRound = async (round: number) => {
      if (round === 1) throw first;
      return this.#askEachServer(name, type, options, trail);
    };
    try {
      return await pRetry(askRound, {
        retries: options.retries ?? this.#options.retries,
        // The pause is made below, on the injected clock.
        minTimeout: 0,
        maxTimeout: 0,
        factor: 1,
        randomize: false,
        shouldRetry: async ({ error, attemptNumber }) => {
          if (signal?.aborted || !(error instanceof RoundFailure) || error.final) return false;
          await sleep(this.#options.clock, firstPause * 2 ** (attemptNumber - 1), signal);
          return true;
        },
      });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw error instanceof RoundFailure ? lookupFailed(name, type, trail, error.kind) : error;
    }
  }

  close(): void {
    this.#closed = true;
    for (const server of this.#servers) server.close();
  }

  async #askEachServer(
    name: string,
    type: QuestionType,
    options: LookupOptions,
    trail: Trail,
  ): Promise<DnsAnswer> {
    if (this.#closed) throw new ClosedError('The resolver is closed.');
    let failure: RoundFailure | undefined;
    const failed: Server[] = [];
    for (const server of this.#order.order) {
      const started = this.#options.clock.now();
      try {
        const answer = await server.ask(name, type, options);
        if (isAnswer(answer.reply)) {
          this.#order.answered(server, failed);
          void this.#tryFailingServer(name, type, options);
          return answer;
        }
        const { rcode } = answer.reply;
        // Any other error is about the question: a server that refuses names of other domains is well.
        if (rcode === 'SERVFAIL') failed.push(server);
        failure ??= new RoundFailure();
        failure.note('response', repeatsItself.has(rcode));
        trail.rcode = rcode;
        trail.attempts.push(this.#attempt(server.address, answer.transport, started, rcode));
      } catch (error) {
        if (this.#closed) throw new ClosedError('The resolver was closed while it waited for an answer.');
        if (!(error instanceof TryFailure)) throw error;
        failed.push(server);
        failure ??= new RoundFailure();
        failure.note(error.kind === 'guessed' ? 'timeout' : error.kind, false);
        const transport = options.transport === 'tcp' ? 'tcp' : 'udp';
        trail.attempts.push(this.#attempt(server.address, transport, started, error.message));
      }
    }
    throw failure;
  }

  /** Beside a question that was answered, so that finding out costs no caller anything. */
  async #tryFailingServer(name: string, type: QuestionType, options: LookupOptions): Promise<void> {
    const server = this.#order.toTry();
    if (server === undefined) return;
    const asked = server.ask(name, type, { ...options, signal: undefined });
    const answered = await asked.then(({ reply }) => isAnswer(reply)).catch(() => false);
    this.#order.tried(server, answered);
  }

  #attempt(server: ServerAddress, transport: 'udp' | 'tcp', started: number, outcome: string): DnsAttempt {
    return { server: server.text, transport, elapsed: this.#options.clock.now() - started, outcome };
  }
}
