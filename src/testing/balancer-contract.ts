import type { BalancerOption } from '../balancer/balancer.ts';
import { openWorld } from './balancer-contract/balancer-world.ts';
import { churn } from './balancer-contract/churn.ts';
import { cost } from './balancer-contract/cost.ts';
import { exclusion } from './balancer-contract/exclusion.ts';
import { stickiness } from './balancer-contract/keys.ts';
import { memory } from './balancer-contract/memory.ts';
import type { BalancerContractOptions } from './balancer-contract/options.ts';
import { repeatable } from './balancer-contract/repeatable.ts';
import { rest } from './balancer-contract/rest.ts';
import { selection } from './balancer-contract/selection.ts';
import { sharing } from './balancer-contract/sharing.ts';
import type { Suite } from './balancer-contract/suite.ts';
import { weights } from './balancer-contract/weights.ts';
import type { TestRunner } from './runner.ts';

export type { BalancerContractOptions } from './balancer-contract/options.ts';

/**
 * What every balancer must do, whoever wrote it: run it on yours.
 *
 *     balancerContract(myStrategy, { describe, it, expect });
 *
 * It plays the service: gives the balancer lists that change, begins requests and ends them, lets time pass. Everything is seeded and
 * nothing waits, so a case that fails fails always; the last ones measure time and memory, with limits far from chance. It takes a few
 * seconds, and no case more than one or two.
 *
 * @param option a factory, a description or a name, as `createDiscovery({ balancer })` takes it.
 * @param options what your strategy promises: `spreads` (default true), `weights` and `sticks` (default false).
 */
export function balancerContract(
  option: BalancerOption,
  { describe, it, expect }: TestRunner,
  options: BalancerContractOptions = {},
): void {
  const title = typeof option === 'string' ? option : option.name || 'a balancer';
  const defaults = { spreads: true, weights: false, sticks: false, picks: 1_000_000, measured: true };
  const suite: Suite = {
    option,
    options: { ...defaults, ...options },
    it,
    expect,
    open: (seed) => openWorld(option, seed),
  };
  describe(`${title} keeps the balancer contract`, () => {
    for (const part of [
      selection,
      exclusion,
      sharing,
      weights,
      stickiness,
      churn,
      memory,
      repeatable,
      rest,
      cost,
    ]) {
      part(suite);
    }
  });
}
