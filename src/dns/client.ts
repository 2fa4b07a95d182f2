import pRetry from 'p-retry';
import { type Clock, sleep } from '../clock.ts';
import { ClosedError, type DnsAttempt } from '../errors.ts';
import { lookupFailed, RoundFailure } from './lookup-failure.ts';
import type { QuestionType } from './message.ts';
import { type DnsCounters, TryFailure } from './pending.ts';
import type { DnsReply } from './reply.ts';
import type { ServerAddress } from './server-address.ts';
import { TcpTransport } from './tcp.ts';
import { UdpTransport } from './udp.ts';

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
}

/** A reply that means something (NOERROR or NXDOMAIN), and how it came. */
export interface DnsAnswer {
  readonly reply: DnsReply;
  readonly server: ServerAddress;
  readonly transport: 'udp' | 'tcp';
  /** The largest reply the server could have sent this way, in bytes. */
  readonly limit: number;
}

export interface LookupOptions {
  /** `auto`: UDP, then TCP where the reply says that it was cut (TC). */
  readonly transport?: 'auto' | 'udp' | 'tcp';
  /** Rounds after the first; default as the client was told. */
  readonly retries?: number;
  /** Advertises a smaller UDP size than usual. */
  readonly edns?: number;
  readonly signal?: AbortSignal | undefined;
}

interface Server {
  readonly address: ServerAddress;
  readonly udp: UdpTransport;
  readonly tcp: TcpTransport;
}

/** Larger ones were dropped without a word by Consul up to 1.13 when the reply came near 64 KiB. */
const loopbackEdns = 65_000;
/** Fits any path without fragments (DNS flag day 2020). */
const remoteEdns = 1_232;
/** Between two rounds, doubled each time, in ms. */
const firstPause = 50;
/** Where Consul cuts a TCP reply. */
const tcpLimit = 65_523;

/**
 * Asks one question until somebody answers it: each server in order, then all of them again after a pause, `retries` times.
 *
 * A question that is not answered within `timeout` is sent again rather than waited for: while Consul elects a leader it holds
 * what it has, and a later question overtakes.
 */
export class DnsClient {
  readonly counters: DnsCounters = { sent: 0, sentByTcp: 0, timeouts: 0, foreign: 0, malformed: 0 };
  readonly #options: DnsClientOptions;
  readonly #servers: readonly Server[];
  #closed = false;

  constructor(options: DnsClientOptions) {
    this.#options = options;
    const { clock } = options;
    this.#servers = options.servers.map((address) => ({
      address,
      udp: new UdpTransport(address, clock, this.counters),
      tcp: new TcpTransport(address, clock, this.counters),
    }));
  }

  /** @throws DnsError with every try; ClosedError; the signal's reason on abort. */
  async query(name: string, type: QuestionType, options: LookupOptions = {}): Promise<DnsAnswer> {
    const { signal } = options;
    const attempts: DnsAttempt[] = [];
    try {
      // The usual case pays nothing for the machinery of retries.
      return await this.#askEachServer(name, type, options, attempts);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (!(error instanceof RoundFailure)) throw error;
      return await this.#askAgain(error, name, type, options, attempts);
    }
  }

  /** The rounds after the first, which ended in `first`. */
  async #askAgain(
    first: RoundFailure,
    name: string,
    type: QuestionType,
    options: LookupOptions,
    attempts: DnsAttempt[],
  ): Promise<DnsAnswer> {
    const { signal } = options;
    const askRound = async (round: number) => {
      if (round === 1) throw first;
      return this.#askEachServer(name, type, options, attempts);
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
      throw error instanceof RoundFailure ? lookupFailed(name, type, attempts, error.kind) : error;
    }
  }

  close(): void {
    this.#closed = true;
    for (const { udp, tcp } of this.#servers) {
      udp.close();
      tcp.close();
    }
  }

  async #askEachServer(
    name: string,
    type: QuestionType,
    options: LookupOptions,
    attempts: DnsAttempt[],
  ): Promise<DnsAnswer> {
    let failure: RoundFailure | undefined;
    for (const server of this.#servers) {
      const started = this.#options.clock.now();
      const transport = options.transport === 'tcp' ? 'tcp' : 'udp';
      try {
        const answer = await this.#askServer(server, name, type, options);
        const { rcode } = answer.reply;
        if (rcode === 'NOERROR' || rcode === 'NXDOMAIN') return answer;
        failure ??= new RoundFailure();
        failure.note('response', rcode === 'REFUSED');
        attempts.push(this.#attempt(server.address, answer.transport, started, rcode));
      } catch (error) {
        if (this.#closed) throw new ClosedError('The resolver was closed while it waited for an answer.');
        if (!(error instanceof TryFailure)) throw error;
        failure ??= new RoundFailure();
        failure.note(error.kind, false);
        attempts.push(this.#attempt(server.address, transport, started, error.message));
      }
    }
    throw failure;
  }

  async #askServer(
    { address, udp, tcp }: Server,
    name: string,
    type: QuestionType,
    { transport = 'auto', edns, signal }: LookupOptions,
  ): Promise<DnsAnswer> {
    if (this.#closed) throw new ClosedError('The resolver is closed.');
    const usual = this.#options.edns ?? (address.loopback ? loopbackEdns : remoteEdns);
    const question = { name, type, ednsSize: edns === undefined ? usual : Math.min(edns, usual) };
    const { timeout } = this.#options;
    const overTcp = async (): Promise<DnsAnswer> => ({
      reply: await tcp.ask(question, timeout, signal),
      server: address,
      transport: 'tcp',
      limit: tcpLimit,
    });
    if (transport === 'tcp') return overTcp();
    let reply: DnsReply;
    try {
      reply = await udp.ask(question, timeout, signal);
    } catch (error) {
      // A container's port is easily published for TCP alone; the kernel says so at once.
      const refused = error instanceof TryFailure && error.kind === 'unreachable';
      if (transport === 'udp' || !refused || this.#closed) throw error;
      return await overTcp().catch((second) => {
        throw second instanceof TryFailure
          ? new TryFailure(error.kind, `${error.message} (by TCP too: ${second.message})`)
          : second;
      });
    }
    const answer: DnsAnswer = {
      reply,
      server: address,
      transport: 'udp',
      limit: Math.max(512, question.ednsSize),
    };
    if (transport === 'udp' || !reply.truncated) return answer;
    try {
      return await overTcp();
    } catch (error) {
      // A cut list of what is there beats none, where only UDP is let through.
      if (error instanceof TryFailure) return answer;
      throw error;
    }
  }

  #attempt(server: ServerAddress, transport: 'udp' | 'tcp', started: number, outcome: string): DnsAttempt {
    return { server: server.text, transport, elapsed: this.#options.clock.now() - started, outcome };
  }
}
