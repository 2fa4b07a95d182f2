import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';
import { AliasTable } from './alias-table.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { drawOpen, redraws } from './exclusion.ts';
import { nothingWeighed, type Weighed, weigh } from './weights.ts';

/**
 * Any endpoint, the likelier the larger its weight. Obeys weights (and slow start); needs no leases. O(1): the alias method.
 *
 * Weighted round-robin spreads the same shares more evenly; this one keeps nothing that could fall into step with its callers.
 */
export function weightedRandom(): BalancerDescription {
  return { name: 'weighted-random' };
}

export class WeightedRandom implements Balancer {
  readonly #random: Random;
  #weighed: Weighed = nothingWeighed;
  #table = new AliasTable(nothingWeighed.weights);

  constructor(context: Pick<BalancerContext, 'random'>) {
    this.#random = context.random;
  }

  update(snapshot: Snapshot): void {
    this.#weighed = weigh(snapshot);
    this.#table = new AliasTable(this.#weighed.weights);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    if (exclude !== undefined) return this.#pickOther(exclude);
    return this.#weighed.endpoints[this.#table.placeOf(this.#random.next() | 0)];
  }

  /** O(|exclude|). */
  #pickOther(exclude: Excluded): Endpoint | undefined {
    const random = this.#random;
    for (let draw = 0; draw < redraws; draw++) {
      const endpoint = this.pick();
      if (endpoint === undefined || !exclude.has(endpoint)) return endpoint;
    }
    const { endpoints, weights, spare } = this.#weighed;
    return (
      drawOpen(endpoints, weights, exclude, random.next() | 0, random.next() | 0) ??
      drawOpen(spare, undefined, exclude, random.next() | 0, random.next() | 0)
    );
  }
}
