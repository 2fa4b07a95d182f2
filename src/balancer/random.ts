import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { drawOpen, redraws } from './exclusion.ts';

/**
 * Any endpoint, each as likely as another: even in the long run only (of n requests to n endpoints, a third get none and the
 * unluckiest several). Ignores weights (and slow start); needs no leases. O(1).
 */
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
    const endpoints = this.#endpoints;
    return endpoints[this.#random.below(endpoints.length)];
  }

  /** O(|exclude|). */
  #pickOther(exclude: Excluded): Endpoint | undefined {
    const random = this.#random;
    for (let draw = 0; draw < redraws; draw++) {
      const endpoint = this.pick();
      if (endpoint === undefined || !exclude.has(endpoint)) return endpoint;
    }
    return drawOpen(this.#endpoints, undefined, exclude, random.next() | 0, random.next() | 0);
  }
}
