import { describe, expect, it } from 'vitest';
import type { Balancer, Endpoint, Snapshot } from '../../src/index.ts';
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

for (const strategy of [
  random(),
  roundRobin(),
  weightedRoundRobin(),
  weightedRandom(),
  leastUsed(),
  leastInFlight(),
  powerOfTwoChoices(),
  peakEwma(),
  consistentHash(),
  consistentHash({ bound: 1.25 }),
  fastest(),
])
  balancerContract(strategy, { describe, it, expect });
balancerContract('round-robin', { describe, it, expect });
balancerContract(first(), { describe, it, expect }, { spreads: false });

/** A user's own strategy, to show that the suite serves those too. */
function drawn({ random }: { random: { below(limit: number): number } }): Balancer {
  let endpoints: readonly Endpoint[] = [];
  return {
    update: (snapshot: Snapshot) => {
      endpoints = snapshot.endpoints;
    },
    pick: (_key, exclude) => {
      const open = exclude === undefined ? endpoints : endpoints.filter((endpoint) => !exclude.has(endpoint));
      return open[random.below(open.length)];
    },
  };
}
balancerContract(drawn, { describe, it, expect });

describe('the contract suite itself', () => {
  /** Runs the suite over a broken balancer and returns the names of the cases that fail. */
  async function failuresOf(broken: () => Balancer): Promise<string[]> {
    const cases: [string, () => void | Promise<void>][] = [];
    balancerContract(broken, {
      describe: (_name, body) => body(),
      it: (name, body) => cases.push([name, body]),
      expect,
    });
    const failed: string[] = [];
    for (const [name, body] of cases) {
      try {
        await body();
      } catch {
        failed.push(name);
      }
    }
    return failed;
  }

  it('fails a balancer that always takes the first', async () => {
    let first: Endpoint | undefined;
    const failed = await failuresOf(() => ({
      update: ({ endpoints }) => {
        first = endpoints[0];
      },
      pick: () => first,
    }));
    expect(failed).toContain('reaches every endpoint sooner or later without a key');
    expect(failed).toContain('does not send every fresh process to the same endpoint');
    expect(failed).toContain('never chooses an excluded endpoint, and nothing when all are excluded');
  });

  it('fails a balancer that keeps endpoints which have left', async () => {
    const all: Endpoint[] = [];
    let next = 0;
    const failed = await failuresOf(() => ({
      update: ({ endpoints }) => void all.push(...endpoints),
      pick: () => all[next++ % all.length],
    }));
    expect(failed).toContain('chooses only endpoints of the newest list, through many lists');
  });
});
