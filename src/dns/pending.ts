import type { TimerHandle } from '../clock.ts';
import type { ClientContext } from './context.ts';
import {
  answersQuestion,
  answersQuestionInAnyCase,
  encodeQuery,
  isErrorHeader,
  type Query,
  type QuestionType,
  replyId,
} from './message.ts';
import { type DnsReply, decodeReply } from './reply.ts';
import { Secrets } from './secrets.ts';
import { Doubt, TryFailure } from './try-failure.ts';
import { UsedIds } from './used-ids.ts';

/** What to ask. `name` has passed name.ts. */
export interface Question {
  readonly name: string;
  readonly type: QuestionType;
  /** UDP size to advertise; `undefined`: no OPT at all. */
  readonly ednsSize: number | undefined;
}

/** What a client did and saw since it was made. */
export interface DnsCounters {
  /** Questions sent, retries included. */
  sent: number;
  sentByTcp: number;
  timeouts: number;
  /** Messages that did not answer a question of ours (wrong id, question or letter case, or too late). */
  foreign: number;
  /** Messages that answered a question of ours but could not be decoded. */
  malformed: number;
  /** Sockets given up because hundreds of messages on them answered nothing: somebody may be guessing. */
  abandoned: number;
}

/**
 * So many messages that answer nothing are no accident. Few enough that a guesser who knows the port has no chance worth naming
 * before the port is gone (docs/hostile-network.md), and far more than any honest network sends: late and repeated replies do
 * not count.
 */
export const guessLimit = 256;

export interface PendingOptions {
  /** Nobody but the server can have sent what comes here: a TCP connection. */
  readonly authentic: boolean;
  /** So many guesses came that the channel should not be used any longer. Called once. */
  readonly onGuessing: () => void;
  /** The last question was settled. */
  readonly onEmpty?: () => void;
}

interface Entry {
  readonly query: Query;
  resolve: (reply: DnsReply) => void;
  reject: (reason: unknown) => void;
  readonly timer: TimerHandle;
  readonly forget: () => void;
  rejectedByHeader: boolean;
  doubted: boolean;
}

/**
 * Questions in flight on one socket, by id. A message settles a question only if it carries its id and its question section byte
 * for byte; everything else is counted and ignored, and the wait goes on. By UDP the asker learns of doubts (see Doubt).
 *
 * Over TCP the letters' case is no secret that is needed, and some forwarders change it: there any case will do, and an error
 * header that repeats no question (Consul's answer to what it cannot parse) is believed.
 */
export class PendingQueries {
  readonly #entries = new Map<number, Entry>();
  readonly #usedIds = new UsedIds();
  readonly #context: ClientContext;
  readonly #options: PendingOptions;
  readonly #secrets: Secrets;
  #guesses = 0;

  constructor(context: ClientContext, options: PendingOptions) {
    this.#context = context;
    this.#options = options;
    this.#secrets = new Secrets(context.randomFill);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Enters a question under an unused random id. The promise rejects with TryFailure, Doubt or the signal's reason. */
  add(
    question: Question,
    timeout: number,
    signal: AbortSignal | undefined,
    onTimeout: () => void,
  ): { query: Query; reply: Promise<DnsReply> } {
    signal?.throwIfAborted();
    const { clock, counters } = this.#context;
    const random = this.#secrets.take();
    let id = random.readUInt16BE(0);
    while (this.#usedIds.has(id) || this.#entries.has(id)) id = (id + 1) & 0xffff;
    this.#usedIds.add(id);
    const query = encodeQuery(question.name, question.type, id, question.ednsSize, random.subarray(2));
    const reply = new Promise<DnsReply>((resolve, reject) => {
      const onAbort = () => this.#take(id)?.reject(signal?.reason);
      const timer = clock.setTimeout(() => {
        counters.timeouts++;
        onTimeout();
        const entry = this.#take(id);
        const hint = entry?.rejectedByHeader
          ? ' (only an error header that did not repeat the question)'
          : '';
        entry?.reject(new TryFailure('timeout', `no reply in ${timeout} ms${hint}`));
      }, timeout);
      const forget = () => signal?.removeEventListener('abort', onAbort);
      const entry = { query, resolve, reject, timer, forget, rejectedByHeader: false, doubted: false };
      this.#entries.set(id, entry);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    counters.sent++;
    return { query, reply };
  }

  /** Takes in a message. Never throws, whatever the bytes are. */
  receive(message: Buffer): void {
    const { counters } = this.#context;
    const { authentic } = this.#options;
    const id = replyId(message);
    const entry = id === undefined ? undefined : this.#entries.get(id);
    if (id === undefined || entry === undefined) {
      counters.foreign++;
      if (id === undefined || !this.#usedIds.has(id)) this.#guessed();
      return;
    }
    const isAnswer =
      answersQuestion(message, entry.query) ||
      (authentic && (answersQuestionInAnyCase(message, entry.query) || isErrorHeader(message)));
    if (!isAnswer) {
      counters.foreign++;
      if (isErrorHeader(message)) entry.rejectedByHeader = true;
      this.#doubt(id, entry);
      this.#guessed();
      return;
    }
    const reply = decodeReply(message);
    if (reply !== undefined) {
      this.#take(id)?.resolve(reply);
      return;
    }
    counters.malformed++;
    this.#doubt(id, entry);
  }

  /** Gives up on one question. */
  fail(query: Query, reason: unknown): void {
    this.#take(query.id)?.reject(reason);
  }

  failAll(reason: unknown): void {
    for (const id of [...this.#entries.keys()]) this.#take(id)?.reject(reason);
  }

  #doubt(id: number, entry: Entry): void {
    if (this.#options.authentic || entry.doubted) return;
    entry.doubted = true;
    const { reject } = entry;
    const wait = new Promise<DnsReply>((resolve, rejectWait) => {
      entry.resolve = resolve;
      entry.reject = rejectWait;
    });
    // Who asked may well be content with an answer that came another way.
    wait.catch(() => {});
    reject(new Doubt(wait, () => void this.#take(id)));
  }

  #guessed(): void {
    this.#guesses++;
    if (this.#guesses === guessLimit) this.#options.onGuessing();
  }

  #take(id: number): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    this.#entries.delete(id);
    this.#context.clock.clearTimeout(entry.timer);
    entry.forget();
    if (this.#entries.size === 0) this.#options.onEmpty?.();
    return entry;
  }
}
