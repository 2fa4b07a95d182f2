import type { Endpoint } from '../endpoint.ts';
import { Places } from './places.ts';
import type { Weighed } from './weights.ts';

interface Load {
  readonly weight: number;
  /** Its requests in flight, as far as they are counted in the total. */
  counted: number;
}

/**
 * The capacity of "Consistent Hashing with Bounded Loads" (Mirrokni, Thorup and Zadimoghaddam, 2016): of all requests in flight and one
 * more, nobody gets more than `bound` times its share by weight, rounded up. The capacities sum up to more than there is in
 * flight, so somebody always has room. O(1), but for `update`.
 */
export class BoundedLoad {
  readonly #bound: number;
  #places = new Places();
  /** By place. */
  #loads: readonly Load[] = [];
  #total = 0;
  #weight = 0;

  constructor(bound: number) {
    this.#bound = bound;
  }

  update({ endpoints, weights }: Weighed): void {
    this.#places = new Places(endpoints);
    this.#loads = endpoints.map(({ inFlight }, i) => ({ weight: weights[i]!, counted: inFlight }));
    this.#total = endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0);
    this.#weight = weights.reduce((sum, weight) => sum + weight, 0);
  }

  /** `endpoint.inFlight` has changed. Counts what it is now, so that a change told twice or after an update is counted once. */
  changed(endpoint: Endpoint): void {
    const load = this.#loadOf(endpoint);
    if (load === undefined) return;
    this.#total += endpoint.inFlight - load.counted;
    load.counted = endpoint.inFlight;
  }

  /** Whether one request more is within its capacity. */
  hasRoom(endpoint: Endpoint): boolean {
    const load = this.#loadOf(endpoint);
    if (load === undefined) return false;
    const share = (this.#bound * (this.#total + 1) * load.weight) / this.#weight;
    // What is a whole number but for rounding must not be rounded up to the next.
    return endpoint.inFlight < Math.ceil(share - 1e-9);
  }

  #loadOf(endpoint: Endpoint): Load | undefined {
    const place = this.#places.of(endpoint);
    return place < 0 ? undefined : this.#loads[place];
  }
}
