import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { Shares } from './shares.ts';
import { type Weighed, weigh } from './weights.ts';

/** Any endpoint, the likelier the larger its weight. Obeys weights (and slow start); needs no leases. O(1). */
export function weightedRandom(): BalancerDescription {
  return { name: 'weighted-random' };
}

export class WeightedRandom implements Balancer {
  readonly #random: Random;
  #shares: Shares | undefined;
  #all: readonly Endpoint[] = [];

  constructor(context: Pick<BalancerContext, 'random'>) {
    this.#random = context.random;
  }

  update(snapshot: Snapshot): void {
    const weighed: Weighed = weigh(snapshot);
    this.#all = snapshot.endpoints;
    this.#shares = weighed.endpoints.length === 0 ? undefined : new Shares(weighed);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    if (exclude !== undefined) return this.#pickOther(exclude);
    return this.#shares?.at(this.#random.next() | 0);
  }

  #pickOther(exclude: Excluded): Endpoint | undefined {
    for (let i = 0; i < 8; i++) {
      const endpoint = this.pick();
      if (endpoint !== undefined && !exclude.has(endpoint)) return endpoint;
    }
    return this.#all.find((endpoint) => !exclude.has(endpoint));
  }
}
