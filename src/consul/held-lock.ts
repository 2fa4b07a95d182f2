import { ClosedError, ConsulError } from '../errors.ts';
import { keepAliveDuring } from '../keep-alive.ts';
import { changed, nextIndex } from './blocking.ts';
import type { ConsulHttp } from './http.ts';
import { type RawEntries, type RawEntry, rawEntries } from './kv-entry.ts';
import { retryDelay } from './retry-delay.ts';
import type { Session } from './session.ts';

/** A key that is held. By itself it does not keep the process alive. */
export interface Lock extends AsyncDisposable {
  readonly key: string;
  /** The session that holds it. With `key` and `lockIndex` what those who can ask Consul check. */
  readonly session: string;
  /** How often the key was acquired. Begins anew where it was deleted. */
  readonly lockIndex: number;
  /** Larger for each later holder of the key: what is protected can refuse who comes with a smaller one. */
  readonly fencingToken: number;
  /** Aborts when the lock is lost, or the client closed: stop what it protects. Not at a release. */
  readonly signal: AbortSignal;
  /**
   * Gives it back, so that the next has it at once: when what it protects has ended, also after a loss. Without it, as when the client is
   * closed, others have to wait for the lock delay. Never rejects: what Consul does not hear ends by its TTL. Idempotent.
   */
  release(): Promise<void>;
}

/** By which `consul lock` and Consul's own client know a lock: they may wait for the same key. Larger than a number can be exactly. */
export const lockFlags = '3304740253564472344';

interface Holding {
  readonly key: string;
  readonly session: Session;
  readonly value: string;
  /** As it was right after it was acquired. */
  readonly entry: RawEntry;
}

export class HeldLock implements Lock {
  readonly key: string;
  readonly session: string;
  readonly lockIndex: number;
  readonly fencingToken: number;
  readonly #http: ConsulHttp;
  readonly #path: string;
  readonly #holding: Holding;
  readonly #watch = new AbortController();
  readonly #stay: () => void;
  #releasing: Promise<void> | undefined;

  constructor(http: ConsulHttp, path: string, holding: Holding) {
    const { key, session, entry } = holding;
    this.key = key;
    this.session = session.id;
    this.lockIndex = entry.LockIndex;
    this.fencingToken = entry.ModifyIndex;
    this.#http = http;
    this.#path = path;
    this.#holding = holding;
    this.#stay = http.beforeClose(() => {
      if (this.#releasing !== undefined) return this.#releasing;
      session.lose(new ClosedError('The Consul client was closed.'));
      return session.end();
    });
    // The key is left as it is: what it protects may still be ending, and until `release()` says that it has, Consul's TTL and lock delay
    // keep others out.
    session.lost.addEventListener('abort', () => this.#watch.abort(), { once: true });
    void this.#watchKey();
  }

  get signal(): AbortSignal {
    return this.#holding.session.lost;
  }

  release(): Promise<void> {
    this.#releasing ??= this.#release();
    return keepAliveDuring(this.#releasing);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #release(): Promise<void> {
    const { session, value } = this.#holding;
    this.#watch.abort();
    try {
      // First the key: at the end of its session others would have to wait for the lock delay.
      await this.#http.requestInBackground('PUT', this.#path, {
        query: { release: session.id, flags: lockFlags },
        body: value,
        idempotent: true,
      });
    } catch {
      // What Consul does not hear ends by the TTL.
    }
    await session.end();
    this.#stay();
  }

  /** Somebody may take the key away by hand, or end the session. */
  async #watchKey(): Promise<void> {
    const { signal } = this.#watch;
    let index: number | undefined;
    for (let failures = 0; !signal.aborted && !this.#http.lifetime.aborted; ) {
      try {
        // A leader that was just elected may not yet know what is on its disk: that is no loss.
        const consistency = index === undefined ? 'consistent' : 'default';
        const options = { index, consistency, accept: [404], signal, background: true } as const;
        const response = await changed<RawEntries>(this.#http, this.#path, options);
        failures = 0;
        index = nextIndex(index, response.index);
        const holder = rawEntries(response.body)[0]?.Session;
        if (holder !== this.session) this.#taken(holder);
      } catch {
        if (signal.aborted) return;
        index = undefined;
        await this.#http.pause(retryDelay(failures++), signal).catch(() => {});
      }
    }
  }

  #taken(holder: string | undefined): void {
    const who = holder === undefined ? 'nobody holds it' : `the session ${holder} does`;
    const message = `The lock ${this.key} was lost: ${who}.`;
    this.#holding.session.lose(new ConsulError(message, { status: 200, body: '' }));
  }
}
