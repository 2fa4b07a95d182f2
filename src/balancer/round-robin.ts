import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';

/** Each endpoint in turn. Ignores weights; needs no leases. O(1). The default. */
export function roundRobin(): BalancerDescription {
  return { name: 'round-robin' };
}

export class RoundRobin implements Balancer {
  readonly #context: BalancerContext;
  #endpoints: readonly Endpoint[] = [];
  /** Where the next pick is taken; always inside the list, unless that is empty. */
  #cursor = 0;

  constructor(context: BalancerContext) {
    this.#context = context;
  }

  update({ endpoints }: Snapshot): void {
    const next = this.#endpoints[this.#cursor];
    this.#endpoints = endpoints;
    // The turn goes on where it was: starting anew would give the first ones a request more at every refresh, and
    // starting at 0 would send every fresh process to the same endpoint.
    this.#cursor =
      next === undefined ? this.#context.random.below(endpoints.length) : placeOf(next.address, endpoints);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    if (exclude !== undefined) return this.#pickOther(exclude);
    const endpoints = this.#endpoints;
    const cursor = this.#cursor;
    const next = cursor + 1;
    this.#cursor = next < endpoints.length ? next : 0;
    return endpoints[cursor];
  }

  #pickOther(exclude: Excluded): Endpoint | undefined {
    // One step more than there can be excluded ones among as many in a row.
    const steps = Math.min(exclude.size + 1, this.#endpoints.length);
    for (let step = 0; step < steps; step++) {
      const endpoint = this.pick();
      if (endpoint !== undefined && !exclude.has(endpoint)) return endpoint;
    }
    return undefined;
  }
}

/** The place of `address` in a sorted list, or of the one after it where it is gone; wraps to 0. O(log n). */
function placeOf(address: string, endpoints: readonly Endpoint[]): number {
  let low = 0;
  let high = endpoints.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (endpoints[middle]!.address < address) low = middle + 1;
    else high = middle;
  }
  return low < endpoints.length ? low : 0;
}
