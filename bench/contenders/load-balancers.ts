import { createRequire } from 'node:module';
import type { Endpoint } from '../../src/endpoint.ts';
import type { Contender, Fleet } from './contender.ts';

const { P2cBalancer, RandomBalancer } = createRequire(import.meta.url)('load-balancers') as Record<
  'P2cBalancer' | 'RandomBalancer',
  new (
    size: number,
  ) => { pick(): number }
>;

/** load-balancers' P2C: two draws, which may be the same one, and the one picked less often in all so far. */
export class LoadBalancersP2c implements Contender {
  readonly #endpoints: readonly Endpoint[];
  readonly #balancer;

  constructor({ endpoints }: Fleet) {
    this.#endpoints = endpoints;
    this.#balancer = new P2cBalancer(endpoints.length);
  }

  pick(): Endpoint | undefined {
    return this.#endpoints[this.#balancer.pick()];
  }
}

/** load-balancers' random: `Math.random()`. */
export class LoadBalancersRandom implements Contender {
  readonly #endpoints: readonly Endpoint[];
  readonly #balancer;

  constructor({ endpoints }: Fleet) {
    this.#endpoints = endpoints;
    this.#balancer = new RandomBalancer(endpoints.length);
  }

  pick(): Endpoint | undefined {
    return this.#endpoints[this.#balancer.pick()];
  }
}
