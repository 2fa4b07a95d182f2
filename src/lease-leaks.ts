import type { Endpoint } from './endpoint.ts';
import type { Lease } from './lease.ts';
import type { Random } from './random.ts';

interface Held {
  readonly endpoint: Endpoint;
  /** Where the lease was acquired. */
  readonly stack: string;
}

/**
 * Finds leases that were dropped without a release, by the garbage collector's help. Only a sample is watched: that costs ten times
 * what the lease costs, and a leak that matters happens again.
 */
export class LeaseLeaks {
  readonly #sampling: number;
  readonly #random: Random;
  readonly #watched: FinalizationRegistry<Held>;

  /**
   * @param sampling share of the leases that are watched, in (0, 1].
   * @param onLeak called some time after the lease was dropped, with the place where it was acquired.
   */
  constructor(sampling: number, random: Random, onLeak: (endpoint: Endpoint, stack: string) => void) {
    this.#sampling = sampling;
    this.#random = random;
    this.#watched = new FinalizationRegistry(({ endpoint, stack }) => onLeak(endpoint, stack));
  }

  acquired(lease: Lease): void {
    if (this.#random.fraction() >= this.#sampling) return;
    const trace = { stack: '' };
    Error.captureStackTrace(trace, this.acquired);
    this.#watched.register(lease, { endpoint: lease.endpoint, stack: String(trace.stack) }, lease);
  }

  released(lease: Lease): void {
    this.#watched.unregister(lease);
  }
}
