import type { BalancerFactory } from '../src/balancer/balancer.ts';
import type { Endpoint } from '../src/endpoint.ts';
import type { World } from './world.ts';

/**
 * The baseline: shortest expected delay over the true queue and the true speed of every server, whoever sent what is there.
 * It avoids a server that fails. O(n) and impossible in reality; nothing that chooses before it sends does much better.
 */
export function omniscient(world: World, meanWork: number): BalancerFactory {
  return ({ random }) => {
    let listed: readonly Endpoint[] = [];
    return {
      update({ endpoints }) {
        listed = endpoints;
      },
      pick(_key, exclude) {
        let best: Endpoint | undefined;
        let least = Number.POSITIVE_INFINITY;
        let ties = 0;
        for (const endpoint of listed) {
          if (exclude?.has(endpoint)) continue;
          const server = world.serverOf(endpoint);
          const delay =
            server.plan.failsAfter === undefined
              ? server.expectedDelay(meanWork, meanWork)
              : Number.MAX_VALUE;
          if (delay > least) continue;
          ties = delay < least ? 1 : ties + 1;
          least = delay;
          // Each of k equals is kept with probability 1/k.
          if (random.below(ties) === 0) best = endpoint;
        }
        return best;
      },
    };
  };
}
