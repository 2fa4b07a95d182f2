import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { Rotation } from './rotation.ts';

/** Each endpoint in turn. Ignores weights (and slow start); needs no leases. O(1). */
export function roundRobin(): BalancerDescription {
  return { name: 'round-robin' };
}

export class RoundRobin implements Balancer {
  readonly #rotation: Rotation;

  constructor(context: Pick<BalancerContext, 'random'>) {
    this.#rotation = new Rotation(context.random);
  }

  update({ endpoints }: Snapshot): void {
    this.#rotation.update(endpoints);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    return exclude === undefined ? this.#rotation.next() : this.#rotation.nextExcept(exclude);
  }
}
