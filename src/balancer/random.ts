import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';

/** Any endpoint, each as likely as another. Ignores weights (and slow start); needs no leases. O(1). */
export function random(): BalancerDescription {
  return { name: 'random' };
}

export class RandomChoice implements Balancer {
  readonly #random: Random;
  #endpoints: readonly Endpoint[] = [];

  constructor(context: Pick<BalancerContext, 'random'>) {
    this.#random = context.random;
  }

  update({ endpoints }: Snapshot): void {
    this.#endpoints = endpoints;
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    if (exclude !== undefined) return this.#pickOther(exclude);
    return this.#endpoints[this.#random.below(this.#endpoints.length)];
  }

  #pickOther(exclude: Excluded): Endpoint | undefined {
    const endpoints = this.#endpoints;
    for (let i = 0; i < 8; i++) {
      const endpoint = this.pick();
      if (endpoint !== undefined && !exclude.has(endpoint)) return endpoint;
    }
    return endpoints.find((endpoint) => !exclude.has(endpoint));
  }
}
