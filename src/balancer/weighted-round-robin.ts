import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { Rotation } from './rotation.ts';
import { Shares } from './shares.ts';
import { weigh } from './weights.ts';

/** Each endpoint in turn, as often as its weight says. Obeys weights (and slow start); needs no leases. O(1) expected. */
export function weightedRoundRobin(): BalancerDescription {
  return { name: 'weighted-round-robin' };
}

/** 2³² divided by the golden ratio. */
const step = 0x9e3779b9 | 0;

export class WeightedRoundRobin implements Balancer {
  readonly #rotation: Rotation;
  #shares: Shares | undefined;
  #turn: number;
  #all: readonly Endpoint[] = [];

  constructor(context: Pick<BalancerContext, 'random'>) {
    this.#rotation = new Rotation(context.random);
    this.#turn = context.random.next() | 0;
  }

  update(snapshot: Snapshot): void {
    const weighed = weigh(snapshot);
    this.#all = snapshot.endpoints;
    this.#rotation.update(weighed.endpoints);
    this.#shares = weighed.equal ? undefined : new Shares(weighed);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    if (exclude !== undefined) return this.#pickOther(exclude);
    const shares = this.#shares;
    if (shares === undefined) return this.#rotation.next();
    const turn = (this.#turn + step) | 0;
    this.#turn = turn;
    return shares.at(turn);
  }

  #pickOther(exclude: Excluded): Endpoint | undefined {
    for (let i = 0; i < 8; i++) {
      const endpoint = this.pick();
      if (endpoint !== undefined && !exclude.has(endpoint)) return endpoint;
    }
    return this.#all.find((endpoint) => !exclude.has(endpoint));
  }
}
