import type { Outcome } from './balancer/balancer.ts';
import type { Endpoint } from './endpoint.ts';
import { checkOutcome } from './outcome.ts';

/** @internal Who gave a lease and takes it back. */
export interface Lessor {
  /** Milliseconds, where the strategy wants to know how long requests take; else a number below 0. */
  started(): number;
  ended(lease: Lease, outcome: Outcome | undefined, started: number): void;
}

/**
 * One request to one endpoint, in flight from `service.acquire()` to `release()`.
 *
 *     using lease = service.acquire();
 *     await fetch(lease.endpoint.url('/'));
 *
 * One small object. What is released twice counts once; what is never released stays in flight (`leakSampling` finds it).
 */
export class Lease implements Disposable {
  readonly endpoint: Endpoint;
  readonly #started: number;
  #lessor: Lessor | undefined;

  /** @internal Leases are made by `service.acquire()`. */
  constructor(endpoint: Endpoint, lessor: Lessor) {
    this.endpoint = endpoint;
    this.#lessor = lessor;
    this.#started = lessor.started();
  }

  /** False after the release. */
  get held(): boolean {
    return this.#lessor !== undefined;
  }

  /**
   * Gives the endpoint back and says how it went; only the first call counts. Also after the endpoint has left or the service was closed.
   *
   * @param outcome default: it went well. `elapsed` is measured from the acquire where the strategy needs it and it is not given.
   * @throws InvalidOptionError for something else than an outcome; the lease is held then as before.
   */
  release(outcome?: Outcome): void {
    const lessor = this.#lessor;
    if (lessor === undefined) return;
    if (outcome !== undefined) checkOutcome(outcome, 'release');
    // Before anybody hears of it: who does may release it again.
    this.#lessor = undefined;
    lessor.ended(this, outcome, this.#started);
  }

  /** Releases as a success, unless it was released before. A block that was left by an exception cannot be told here. */
  [Symbol.dispose](): void {
    this.release();
  }
}
