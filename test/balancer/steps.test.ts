import { Session } from 'node:inspector';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Balancer } from '../../src/balancer/balancer.ts';
import { createBalancer, strategyNames } from '../../src/balancer/index.ts';
import { createRandom } from '../../src/random.ts';
import { context, lists } from '../lists.ts';

/**
 * Steps counted by V8 itself: with precise coverage it counts how often each block of code runs, each round of a loop too. The contract
 * suite counts what is read of the endpoints; this also sees what a strategy does with arrays of its own.
 */
const session = new Session();

/** The blocks of code run since the last call, in the files of the balancers. Takes a millisecond or two. */
function stepsTaken(): number {
  let steps = 0;
  session.post('Profiler.takePreciseCoverage', (error, coverage) => {
    if (error !== null) throw error;
    for (const { url, functions } of coverage.result) {
      if (!/\/src\/(balancer|random)/.test(url)) continue;
      for (const { ranges } of functions) for (const { count } of ranges) steps += count;
    }
  });
  return steps;
}

beforeAll(() => {
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
});
afterAll(() => {
  session.post('Profiler.stopPreciseCoverage');
  session.disconnect();
});

/** The most steps that one of `calls` calls takes. */
function mostSteps(calls: number, call: () => void): number {
  let most = 0;
  for (let i = 0; i < calls; i++) {
    stepsTaken();
    call();
    most = Math.max(most, stepsTaken());
  }
  return most;
}

/** The steps of many calls together, a call: what comes seldom is in it too. */
function meanSteps(calls: number, call: () => void): number {
  stepsTaken();
  for (let i = 0; i < calls; i++) call();
  return stepsTaken() / calls;
}

function filled(name: string, count: number, weigh: (i: number) => number): Balancer {
  const balancer = createBalancer(name, {
    ...context(),
    prober: () => ({ update() {}, idle() {}, close() {} }),
  });
  const addresses = Array.from({ length: count }, (_, i) => ({
    host: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    port: 80,
    priority: 1,
    weight: weigh(i),
  }));
  balancer.update(lists()(addresses));
  return balancer;
}

describe('a pick and its request take as many steps among 4 000 endpoints as among 10', () => {
  it.each(strategyNames)('%s', (name) => {
    const random = createRandom(1);
    const weights = Array.from({ length: 4_000 }, () => 1 + random.below(65_535));
    for (const weigh of [() => 1, (i: number) => weights[i]!]) {
      const [few, many] = [10, 4_000].map((count) => {
        const balancer = filled(name, count, weigh);
        const open = Array.from({ length: 5 }, () => balancer.pick()!);
        const request = () => {
          const endpoint = balancer.pick()!;
          endpoint.inFlight++;
          balancer.started?.(endpoint);
          open.push(endpoint);
          const ended = open.shift()!;
          ended.inFlight--;
          balancer.finished?.(ended, { ok: true, elapsed: 1 + random.below(50) });
        };
        return { mean: meanSteps(10_000, request), most: mostSteps(10, request) };
      });
      expect(few!.mean).toBeGreaterThan(0);
      expect(many!.mean).toBeLessThanOrEqual(1.5 * few!.mean + 5);
      expect(many!.most).toBeLessThanOrEqual(2 * few!.most + 20);
    }
  });

  it('as this test would notice: a look at each is seen', () => {
    const balancer = filled('least-used', 4_000, () => 1);
    const all = new Set(Array.from({ length: 4_000 }, () => balancer.pick()!));
    expect(mostSteps(1, () => balancer.pick(undefined, all))).toBeGreaterThan(4_000);
  });
});
