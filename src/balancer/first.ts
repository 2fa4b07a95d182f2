import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerDescription, Excluded } from './balancer.ts';
import { openFrom } from './exclusion.ts';

/**
 * Always the first that may be chosen: in the order of an ordered prepared query (`{ query, ordered: true }`, nearest first), else the
 * lowest priority, then by address. Ignores weights; needs no leases. O(1).
 *
 * Without an ordered query every process chooses the same endpoint: for one active instance with spares, not for sharing load.
 */
export function first(): BalancerDescription {
  return { name: 'first' };
}

export class First implements Balancer {
  #ordered: readonly Endpoint[] = [];

  update({ endpoints, addresses }: Snapshot): void {
    const last = endpoints.length;
    const places = endpoints.map((_, place) => place);
    places.sort((a, b) => {
      const one = addresses[a]!;
      const other = addresses[b]!;
      const byRank = (one.rank ?? last) - (other.rank ?? last);
      return byRank || one.priority - other.priority || a - b;
    });
    this.#ordered = places.map((place) => endpoints[place]!);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    if (exclude === undefined) return this.#ordered[0];
    return this.#ordered[openFrom(0, this.#ordered, exclude)];
  }
}
