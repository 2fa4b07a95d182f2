import { randomFillSync } from 'node:crypto';
import type { Clock, TimerHandle } from '../clock.ts';
import { answersQuestion, encodeQuery, type Query, type QuestionType, replyId } from './message.ts';
import { type DnsReply, decodeReply } from './reply.ts';

/** What to ask. `name` has passed name.ts. */
export interface Question {
  readonly name: string;
  readonly type: QuestionType;
  /** UDP size to advertise. */
  readonly ednsSize: number;
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
}

/** Why one try brought no reply. Internal: the client turns it into a DnsError that lists every try. */
export class TryFailure extends Error {
  readonly kind: 'timeout' | 'unreachable';

  constructor(kind: 'timeout' | 'unreachable', message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The system's word for it, with the words people know for the commonest. */
export function unreachable(error: NodeJS.ErrnoException): TryFailure {
  const words = error.code === 'ECONNREFUSED' ? 'connection refused' : (error.code ?? error.message);
  return new TryFailure('unreachable', words, { cause: error });
}

interface Entry {
  readonly query: Query;
  readonly resolve: (reply: DnsReply) => void;
  readonly reject: (reason: unknown) => void;
  readonly timer: TimerHandle;
  readonly forget: () => void;
  rejectedByHeader: boolean;
}

/**
 * Questions in flight on one socket, by id. A message settles a question only if it carries its id and its question section byte
 * for byte; everything else is counted and ignored, and the wait goes on.
 */
export class PendingQueries {
  readonly #entries = new Map<number, Entry>();
  readonly #randomness = new RandomPool();
  readonly #clock: Clock;
  readonly #counters: DnsCounters;

  constructor(clock: Clock, counters: DnsCounters) {
    this.#clock = clock;
    this.#counters = counters;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Enters a question under an unused random id. The promise rejects with TryFailure, or with the signal's reason. */
  add(
    question: Question,
    timeout: number,
    signal: AbortSignal | undefined,
    onTimeout: () => void,
  ): { query: Query; reply: Promise<DnsReply> } {
    signal?.throwIfAborted();
    const random = this.#randomness.take();
    let id = random.readUInt16BE(0);
    while (this.#entries.has(id)) id = (id + 1) & 0xffff;
    const query = encodeQuery(question.name, question.type, id, question.ednsSize, random.subarray(2));
    const reply = new Promise<DnsReply>((resolve, reject) => {
      const onAbort = () => this.#take(id)?.reject(signal?.reason);
      const timer = this.#clock.setTimeout(() => {
        const entry = this.#take(id);
        if (entry === undefined) return;
        this.#counters.timeouts++;
        onTimeout();
        const hint = entry.rejectedByHeader ? ' (only an error header that did not repeat the question)' : '';
        entry.reject(new TryFailure('timeout', `no reply in ${timeout} ms${hint}`));
      }, timeout);
      const forget = () => signal?.removeEventListener('abort', onAbort);
      this.#entries.set(id, { query, resolve, reject, timer, forget, rejectedByHeader: false });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    this.#counters.sent++;
    return { query, reply };
  }

  /** Takes in a message from the server. Never throws, whatever the bytes are. */
  receive(message: Buffer): void {
    const id = replyId(message);
    const entry = id === undefined ? undefined : this.#entries.get(id);
    if (id === undefined || entry === undefined) {
      this.#counters.foreign++;
      return;
    }
    if (!answersQuestion(message, entry.query)) {
      // Consul answers what it cannot parse with 12 bytes that anybody could forge (FORMERR): worth a hint, not belief.
      if (message.length === 12) entry.rejectedByHeader = true;
      this.#counters.foreign++;
      return;
    }
    const reply = decodeReply(message);
    if (reply === undefined) this.#counters.malformed++;
    else this.#take(id)?.resolve(reply);
  }

  /** Gives up on one question. */
  fail(query: Query, reason: unknown): void {
    this.#take(query.id)?.reject(reason);
  }

  failAll(reason: unknown): void {
    for (const id of [...this.#entries.keys()]) this.#take(id)?.reject(reason);
  }

  #take(id: number): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    this.#entries.delete(id);
    this.#clock.clearTimeout(entry.timer);
    entry.forget();
    return entry;
  }
}

const bytesPerQuery = 34;

/** System randomness, fetched for 128 questions at a time: one by one it costs more than the question's encoding. */
class RandomPool {
  readonly #bytes = Buffer.allocUnsafe(bytesPerQuery * 128);
  #used = this.#bytes.length;

  /** 34 bytes that nobody can guess, each handed out once: 2 for the id, 32 for the letter case of 253 letters. */
  take(): Buffer {
    if (this.#used === this.#bytes.length) {
      randomFillSync(this.#bytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += bytesPerQuery;
    return this.#bytes.subarray(start, this.#used);
  }
}
