import { describe, expect, it } from 'vitest';
import type { Balancer, BalancerContext, Endpoint } from '../../src/index.ts';
import {
  consistentHash,
  fastest,
  first,
  leastInFlight,
  leastUsed,
  peakEwma,
  powerOfTwoChoices,
  random,
  roundRobin,
  weightedRandom,
  weightedRoundRobin,
} from '../../src/index.ts';
import { balancerContract } from '../../src/testing/balancer-contract.ts';

for (const strategy of [random(), roundRobin(), leastUsed(), leastInFlight(), fastest()])
  balancerContract(strategy, { describe, it, expect });
for (const strategy of [weightedRoundRobin(), weightedRandom(), powerOfTwoChoices(), peakEwma()])
  balancerContract(strategy, { describe, it, expect }, { weights: true });
for (const strategy of [consistentHash(), consistentHash({ bound: 1.25 })])
  balancerContract(strategy, { describe, it, expect }, { weights: true, sticks: true });
balancerContract('round-robin', { describe, it, expect });
balancerContract(first(), { describe, it, expect }, { spreads: false });

/** A user's own strategy, to show that the suite serves those too: anybody. */
function drawn({ random }: BalancerContext): Balancer {
  let endpoints: readonly Endpoint[] = [];
  return {
    update: (snapshot) => {
      endpoints = snapshot.endpoints;
    },
    pick: (_key, exclude) => {
      if (endpoints.length === 0) return undefined;
      if (exclude === undefined) return endpoints[random.below(endpoints.length)];
      for (let draw = 0; draw < 8; draw++) {
        const endpoint = endpoints[random.below(endpoints.length)]!;
        if (!exclude.has(endpoint)) return endpoint;
      }
      for (const endpoint of endpoints) if (!exclude.has(endpoint)) return endpoint;
      return undefined;
    },
  };
}
balancerContract(drawn, { describe, it, expect });
