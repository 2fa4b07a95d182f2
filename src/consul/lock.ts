import { hostname } from 'node:os';
import { signal as aSignal, callable, fields, number, oneOf } from '../checks.ts';
import { ClosedError, ConsulError } from '../errors.ts';
import { keepAliveDuring } from '../keep-alive.ts';
import { changed, nextIndex } from './blocking.ts';
import { HeldLock, type Lock, lockFlags } from './held-lock.ts';
import type { ConsulHttp } from './http.ts';
import { type RawEntries, type RawEntry, rawEntries } from './kv-entry.ts';
import { warnOf } from './kv-warning.ts';
import { mayPass } from './may-pass.ts';
import { keyInPath } from './path.ts';
import { retryDelay } from './retry-delay.ts';
import { Session } from './session.ts';

export type { Lock } from './held-lock.ts';

export interface LockOptions {
  /** Gives up waiting; a lock that is held stays held. */
  readonly signal?: AbortSignal;
  /** What the key shows of its holder, and of its last one. Default: host name and process id. */
  readonly value?: string;
  /** Milliseconds after which Consul takes it from a holder that is not heard of, 10 000…86 400 000; up to twice that. Default 15 000. */
  readonly ttl?: number;
  /** Milliseconds for which nobody gets it after it was lost that way, 0…60 000. Default 15 000. */
  readonly lockDelay?: number;
  /** What becomes of the key when its holder dies. Default `'release'`. */
  readonly behavior?: 'release' | 'delete';
  /** Consul does not answer while the lock is waited for; called once for each outage. Default: a warning of the process. */
  readonly onError?: (error: unknown) => void;
}

const checkLock = fields({
  signal: aSignal,
  value: (value) => String(value),
  ttl: number(10_000, 86_400_000),
  lockDelay: number(0, 60_000),
  behavior: oneOf('release', 'delete'),
  onError: callable<(error: unknown) => void>('a function'),
});

/** Between two tries where nobody holds the key and still nobody may have it: Consul's lock delay cannot be watched. */
const refusedPause = 1_000;
/**
 * Waits until the key is ours, as leader election does: one holder at a time, in no order. Goes on through failures of Consul.
 *
 * The holder renews its session; one that dies loses the lock after the session's TTL, and the next gets it after the lock delay.
 *
 * @throws InvalidOptionError; ConsulError where Consul refuses; `signal.reason`; ClosedError.
 */
export async function lock(http: ConsulHttp, key: string, options: LockOptions = {}): Promise<Lock> {
  const given = checkLock(options, 'lock') as LockOptions;
  const path = `/v1/kv/${keyInPath(key, 'lock')}`;
  return keepAliveDuring(new Candidate(http, key, path, given).elected());
}

/** Consul says so by a 500 too, in the same words in 1.8 and 1.22. */
function isEndOfSession(error: unknown): boolean {
  return error instanceof ConsulError && error.body.includes('invalid session');
}

/** Somebody who wants the key. */
class Candidate {
  readonly #http: ConsulHttp;
  readonly #key: string;
  readonly #path: string;
  readonly #options: LockOptions;
  #session: Session | undefined;
  /** How often in a row, though nobody held the key. */
  #refused = 0;

  constructor(http: ConsulHttp, key: string, path: string, options: LockOptions) {
    this.#http = http;
    this.#key = key;
    this.#path = path;
    this.#options = options;
  }

  async elected(): Promise<Lock> {
    const { signal, onError = warnOf(`lock ${this.#key}`) } = this.#options;
    const stay = this.#http.beforeClose(async () => this.#session?.end());
    try {
      for (let failures = 0; ; ) {
        signal?.throwIfAborted();
        if (this.#http.lifetime.aborted) throw new ClosedError('The Consul client was closed.');
        try {
          const held = await this.#try();
          if (held !== undefined) return held;
          failures = 0;
        } catch (error) {
          signal?.throwIfAborted();
          if (this.#http.lifetime.aborted || !mayPass(error)) throw error;
          // Its own session may have ended while it waited: the next try takes another.
          if (isEndOfSession(error)) this.#session?.lose(error as Error);
          else if (failures === 0) onError(error);
          await this.#http.pause(retryDelay(failures++), signal);
        }
      }
    } catch (error) {
      // Not awaited: who gave up waits for nothing.
      void this.#session?.end();
      throw error;
    } finally {
      stay();
    }
  }

  /** `undefined`: not this time, and there may be a next one. */
  async #try(): Promise<Lock | undefined> {
    const { signal, value = `${hostname()} ${process.pid}` } = this.#options;
    const session = await this.#ownSession();
    await this.#http.request('PUT', this.#path, {
      query: { acquire: session.id, flags: lockFlags },
      body: value,
      signal,
      // For the session that holds it already it does nothing.
      idempotent: true,
    });
    const found = await this.#holder();
    if (found?.Session === session.id && !session.lost.aborted) {
      this.#session = undefined;
      return new HeldLock(this.#http, this.#path, { session, value, key: this.#key, entry: found });
    }
    if (found?.Session !== undefined) {
      this.#refused = 0;
      await this.#untilFree(session.id);
    } else if (this.#refused++ > 0) {
      // The first time it may have been given back between the two questions.
      await this.#http.pause(refusedPause, signal);
    }
    return undefined;
  }

  async #ownSession(): Promise<Session> {
    if (this.#session !== undefined && !this.#session.lost.aborted) return this.#session;
    void this.#session?.end();
    const { signal, ttl = 15_000, lockDelay = 15_000, behavior = 'release' } = this.#options;
    const options = { ttl, lockDelay, behavior, name: `lock ${this.#key}` };
    this.#session = await Session.create(this.#http, options, signal);
    return this.#session;
  }

  async #holder(): Promise<RawEntry | undefined> {
    const { signal } = this.#options;
    const options = { consistency: 'consistent', accept: [404], signal } as const;
    return rawEntries((await this.#http.request('GET', this.#path, options)).body)[0];
  }

  /** Until the key is held by nobody, or by that session. */
  async #untilFree(own: string): Promise<void> {
    const { signal } = this.#options;
    let index: number | undefined;
    for (;;) {
      const options = { index, consistency: 'default', accept: [404], signal } as const;
      const response = await changed<RawEntries>(this.#http, this.#path, options);
      const holder = rawEntries(response.body)[0]?.Session;
      if (holder === undefined || holder === own) return;
      index = nextIndex(index, response.index);
    }
  }
}
