import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { openFrom } from './exclusion.ts';
import { turnIn } from './rotation.ts';

/** Each endpoint in turn. Ignores weights (and slow start); needs no leases. O(1). */
export function roundRobin(): BalancerDescription {
  return { name: 'round-robin' };
}

/** A Rotation, but with list and cursor in this very object: a step from one object to another is a sixth of what a pick costs. */
export class RoundRobin implements Balancer {
  readonly #random: Random;
  #endpoints: readonly Endpoint[] = [];
  /** Where the next pick is taken; always inside the list, unless that is empty. */
  #cursor = 0;

  constructor({ random }: Pick<BalancerContext, 'random'>) {
    this.#random = random;
  }

  update({ endpoints }: Snapshot): void {
    this.#cursor = turnIn(endpoints, this.#endpoints[this.#cursor], this.#random);
    this.#endpoints = endpoints;
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    if (exclude !== undefined) return this.#pickOther(exclude);
    const endpoints = this.#endpoints;
    const cursor = this.#cursor;
    const next = cursor + 1;
    this.#cursor = next < endpoints.length ? next : 0;
    return endpoints[cursor];
  }

  /** O(|exclude|). */
  #pickOther(exclude: Excluded): Endpoint | undefined {
    const place = openFrom(this.#cursor, this.#endpoints, exclude);
    if (place < 0) return undefined;
    this.#cursor = place;
    return this.pick();
  }
}
