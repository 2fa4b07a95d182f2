import type { TimerHandle } from '../clock.ts';
import { ConsulError, DiscoveryError } from '../errors.ts';
import type { ConsulHttp } from './http.ts';
import { retryDelay } from './retry-delay.ts';

export interface SessionOptions {
  /** Milliseconds without renewal after which Consul may end it, 10 000…86 400 000. Consul may take up to twice that. */
  readonly ttl: number;
  /** Milliseconds for which what it held stays locked when it was lost, 0…60 000. */
  readonly lockDelay: number;
  /** Keys it holds are given back, or deleted with it. */
  readonly behavior: 'release' | 'delete';
  readonly name: string;
}

/** Renewals within a TTL: one may fail, and the next still comes in time. */
const renewals = 3;

/**
 * A session of Consul, renewed in the background until it is ended: what holds locks. Lost when Consul says so, and when it could not be
 * renewed for as long as its TTL, counted from before the last renewal was sent: Consul counts from when it came, so it never ends one earlier.
 *
 * It hangs on its renewals alone, and not on the health of its node as Consul's own default is: Consul could end that while the holder cannot
 * be told, and give the lock away before the holder's time is over.
 */
export class Session {
  readonly id: string;
  readonly #http: ConsulHttp;
  readonly #ttl: number;
  readonly #lost = new AbortController();
  #renewal: TimerHandle | undefined;
  #deadline: TimerHandle | undefined;
  #failures = 0;
  #ending: Promise<void> | undefined;

  private constructor(http: ConsulHttp, id: string, ttl: number, createdAt: number) {
    this.#http = http;
    this.id = id;
    this.#ttl = ttl;
    this.#renewed(createdAt);
  }

  static async create(http: ConsulHttp, options: SessionOptions, signal?: AbortSignal): Promise<Session> {
    const { ttl, lockDelay, behavior, name } = options;
    const createdAt = http.clock.now();
    const { body } = await http.request<{ ID: string }>('PUT', '/v1/session/create', {
      body: {
        TTL: `${ttl}ms`,
        LockDelay: `${lockDelay}ms`,
        Behavior: behavior,
        Name: name,
        NodeChecks: [],
        // The same for versions before 1.7.
        Checks: [],
      },
      signal,
    });
    return new Session(http, body.ID, ttl, createdAt);
  }

  /** Aborts when the session is lost, and not when it is ended. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Somebody saw that it holds nothing any more. */
  lose(reason: Error): void {
    if (this.#ending !== undefined || this.#lost.signal.aborted) return;
    this.#stop();
    this.#lost.abort(reason);
  }

  /** Gives back all it holds; Consul applies its lock delay to that. Never rejects: what Consul does not hear ends by its TTL. */
  end(): Promise<void> {
    this.#ending ??= (async () => {
      this.#stop();
      const path = `/v1/session/destroy/${this.id}`;
      await this.#http.requestInBackground('PUT', path, { idempotent: true }).catch(() => {});
    })();
    return this.#ending;
  }

  #stop(): void {
    this.#http.clock.clearTimeout(this.#renewal);
    this.#http.clock.clearTimeout(this.#deadline);
  }

  #renewed(at: number): void {
    const { clock } = this.#http;
    this.#failures = 0;
    clock.clearTimeout(this.#deadline);
    // Apart from the renewals: one of them may hang.
    this.#deadline = clock.setTimeout(
      () =>
        this.lose(
          new DiscoveryError(
            'ERR_TIMEOUT',
            `The session ${this.id} was lost: it could not be renewed for ${this.#ttl} ms.`,
          ),
        ),
      at + this.#ttl - clock.now(),
    );
    this.#plan(this.#ttl / renewals);
  }

  #plan(delay: number): void {
    this.#renewal = this.#http.clock.setTimeout(() => void this.#renew(), delay);
  }

  async #renew(): Promise<void> {
    const asked = this.#http.clock.now();
    const over = () => this.#ending !== undefined || this.#lost.signal.aborted;
    try {
      await this.#http.requestInBackground('PUT', `/v1/session/renew/${this.id}`, {
        timeout: this.#ttl / renewals,
        idempotent: true,
      });
      if (!over()) this.#renewed(asked);
    } catch (error) {
      if (over() || this.#http.lifetime.aborted) return;
      if (error instanceof ConsulError && error.status === 404) {
        const { status, body } = error;
        this.lose(
          new ConsulError(`The session ${this.id} was lost: Consul does not know it any more.`, {
            status,
            body,
          }),
        );
        return;
      }
      this.#plan(Math.min(retryDelay(this.#failures++), this.#ttl / renewals));
    }
  }
}
