import type { TimerHandle } from '../clock.ts';
import { ConsulError } from '../errors.ts';
import type { ConsulHttp } from './http.ts';
import { retryDelay } from './retry-delay.ts';

export interface SessionOptions {
  /** Milliseconds without renewal after which Consul may end it, 10 000…86 400 000. Default 15 000. Consul may take up to twice that. */
  readonly ttl: number;
  /** Milliseconds for which what it held stays locked when it was lost, 0…60 000. Default 15 000. */
  readonly lockDelay: number;
  /** Keys it holds are given back, or deleted with it. */
  readonly behavior: 'release' | 'delete';
  readonly name: string;
}

/**
 * A session of Consul, renewed until it is ended: what holds locks. Lost when Consul says so, and when it could not be renewed for as long
 * as its TTL: from then on somebody else may have what it held.
 */
export class Session {
  readonly id: string;
  readonly #http: ConsulHttp;
  readonly #ttl: number;
  readonly #lost = new AbortController();
  #timer: TimerHandle | undefined;
  #renewedAt: number;
  #failures = 0;
  #ended = false;

  private constructor(http: ConsulHttp, id: string, ttl: number, createdAt: number) {
    this.#http = http;
    this.id = id;
    this.#ttl = ttl;
    // From before the question: Consul began to count some time after it.
    this.#renewedAt = createdAt;
    this.#plan(ttl / 3);
  }

  static async create(http: ConsulHttp, options: SessionOptions, signal?: AbortSignal): Promise<Session> {
    const { ttl, lockDelay, behavior, name } = options;
    const createdAt = http.clock.now();
    const { body } = await http.request<{ ID: string }>('PUT', '/v1/session/create', {
      body: { TTL: `${ttl}ms`, LockDelay: `${lockDelay}ms`, Behavior: behavior, Name: name },
      signal,
    });
    return new Session(http, body.ID, ttl, createdAt);
  }

  /** Aborts when the session is lost, and not when it is ended. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Gives it back, and with it all it holds. Never rejects: what Consul does not hear ends by its TTL. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#http.clock.clearTimeout(this.#timer);
    if (this.#lost.signal.aborted) return;
    await this.#http.request('PUT', `/v1/session/destroy/${this.id}`).catch(() => {});
  }

  /** @internal Somebody saw that it holds nothing any more. */
  lose(why: string): void {
    if (this.#ended || this.#lost.signal.aborted) return;
    this.#http.clock.clearTimeout(this.#timer);
    this.#lost.abort(new ConsulError(`The session ${this.id} was lost: ${why}.`, { status: 404, body: '' }));
  }

  #plan(delay: number): void {
    this.#timer = this.#http.clock.setTimeout(() => void this.#renew(), delay);
  }

  async #renew(): Promise<void> {
    const { clock } = this.#http;
    const asked = clock.now();
    const left = this.#renewedAt + this.#ttl - asked;
    if (left <= 0) {
      this.lose(`it could not be renewed for ${this.#ttl} ms`);
      return;
    }
    try {
      await this.#http.requestInBackground('PUT', `/v1/session/renew/${this.id}`, {
        timeout: Math.max(1, left),
      });
      if (this.#ended) return;
      this.#renewedAt = asked;
      this.#failures = 0;
      this.#plan(this.#ttl / 3);
    } catch (error) {
      if (this.#ended || this.#http.lifetime.aborted) return;
      if (error instanceof ConsulError && error.status === 404) {
        this.lose('Consul does not know it any more');
        return;
      }
      const rest = this.#renewedAt + this.#ttl - clock.now();
      this.#plan(Math.max(0, Math.min(retryDelay(this.#failures++), rest)));
    }
  }
}
