import type { BalancerOption } from '../../balancer/balancer.ts';
import type { Endpoint } from '../../endpoint.ts';
import type { TestRunner } from '../runner.ts';
import type { BalancerWorld } from './balancer-world.ts';
import type { BalancerContractOptions } from './options.ts';

/** What each part of the suite is given. */
export interface Suite {
  readonly option: BalancerOption;
  readonly options: Required<BalancerContractOptions>;
  readonly it: TestRunner['it'];
  readonly expect: TestRunner['expect'];
  /** A fresh balancer in a fresh world. */
  open(seed?: number): BalancerWorld;
}

/** A case of what a strategy promises, and none where it does not. */
export function only(promised: boolean, it: Suite['it']): Suite['it'] {
  return promised ? it : () => undefined;
}

/** How often each endpoint of the list is chosen in `picks` picks; whatever else is chosen is a fault. */
export function countsOf(
  endpoints: readonly Endpoint[],
  picks: number,
  pick: () => Endpoint | undefined,
): number[] {
  const counts = new Map<Endpoint | undefined, number>(endpoints.map((endpoint) => [endpoint, 0]));
  for (let i = 0; i < picks; i++) {
    const endpoint = pick();
    const count = counts.get(endpoint);
    if (count === undefined)
      throw new Error(`${endpoint?.address ?? 'nothing'} was chosen, which is not in the list`);
    counts.set(endpoint, count + 1);
  }
  return endpoints.map((endpoint) => counts.get(endpoint)!);
}
