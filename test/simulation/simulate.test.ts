import { describe, expect, it } from 'vitest';
import {
  baseline,
  strategies,
  withEjection,
  withRetry,
  withSlowStart,
} from '../../simulation/contestants.ts';
import type { Case, Contestant } from '../../simulation/scenario.ts';
import { oneFailing } from '../../simulation/scenarios/fast-failing.ts';
import { scaleOut } from '../../simulation/scenarios/scale-out.ts';
import { oneSlow } from '../../simulation/scenarios/slow-server.ts';
import { simulate } from '../../simulation/simulate.ts';

const named = (wanted: string) => strategies.find(({ name }) => name === wanted)!;
const small = oneSlow(3, 0.4, 5_000);

describe('a simulation', () => {
  it.each([baseline, ...strategies])('gives the same for the same seed: $name', (contestant) => {
    const one = simulate(small, contestant, 11);
    expect(simulate(small, contestant, 11)).toEqual(one);
    expect(simulate(small, contestant, 12)).not.toEqual(one);
  });

  it('gives all contestants the same requests', () => {
    const arrivals = (contestant: Contestant) => {
      const begun: number[] = [];
      simulate({ ...small, requests: 500 }, contestant, 1, { sent: (_, at) => begun.push(at) });
      return begun;
    };
    expect(arrivals(named('random'))).toEqual(arrivals(baseline));
  });

  it('counts every request that it measures', () => {
    expect(simulate({ ...small, unmeasured: 0 }, baseline, 1).requests).toBe(5_000);
    expect(simulate({ ...small, unmeasured: 0.3 }, baseline, 1).requests).toBe(3_500);
  });

  it.each(['round-robin', 'least-in-flight', 'peak-ewma'])(
    'gives %s the same through availability that has nothing to do as without it',
    (name) => {
      const strategy = named(name);
      const idle = {
        priorities: undefined,
        outlier: undefined,
        slowStart: undefined,
        maxInFlight: undefined,
      };
      expect(simulate(small, { ...strategy, availability: idle }, 5)).toEqual(simulate(small, strategy, 5));
    },
  );

  it('fails what is retried too often for the budget, and what is not retried', () => {
    const plan = oneFailing(1, 10_000);
    const bare = simulate(plan, named('round-robin'), 1);
    expect(bare.failed / bare.requests).toBeCloseTo(0.1, 2);
    const allFail: Case = { ...plan, servers: plan.servers.map((server) => ({ ...server, failsAfter: 1 })) };
    // Nothing can work, so there is no capacity to have a load of.
    expect(() => simulate(allFail, withRetry(named('random')), 1)).toThrow(RangeError);
  });

  it('keeps the load on the mean through bursts', () => {
    const steady: Case = {
      ...small,
      requests: 20_000,
      servers: small.servers.map(() => ({ slots: 4, speed: 1 })),
    };
    const ends = (plan: Case) => {
      let last = 0;
      simulate(plan, baseline, 1, {
        sent: (_, at) => {
          last = at;
        },
      });
      return last;
    };
    const bursty: Case = { ...steady, bursts: { period: 200, length: 20, times: 5 } };
    expect(ends(bursty) / ends(steady)).toBeCloseTo(1, 1);
    expect(simulate(bursty, baseline, 1).herding).toBeGreaterThan(
      1.5 * simulate(steady, baseline, 1).herding,
    );
  });

  it('lets newcomers in, slowly where that is wished', () => {
    const [plan] = scaleOut.cases;
    const shareSoon = (contestant: Contestant) => {
      let soon = 0;
      let newcomers = 0;
      simulate({ ...plan!, requests: 45_000 }, contestant, 1, {
        sent: (server, at) => {
          if (at < 11_000 || at > 13_000) return;
          soon++;
          if (server >= 3) newcomers++;
        },
      });
      return newcomers / soon;
    };
    const strategy = named('weighted-round-robin');
    expect(shareSoon(strategy)).toBeCloseTo(0.5, 1);
    expect(shareSoon(withSlowStart(strategy, 10_000))).toBeLessThan(0.25);
  });
});

describe('one of ten servers 20 × slower, one client', () => {
  const plan = oneSlow(1, 0.4, 40_000);
  const best = simulate(plan, baseline, 1).p99;

  it.each(['least-in-flight', 'peak-ewma'])('the p99 of %s is at most 1.2 × that of the baseline', (name) => {
    expect(simulate(plan, named(name), 1).p99 / best).toBeLessThanOrEqual(1.2);
  });

  it('two choices come near, round-robin and random do not', () => {
    expect(simulate(plan, named('power-of-two-choices'), 1).p99 / best).toBeLessThan(1.3);
    expect(simulate(plan, named('round-robin'), 1).p99 / best).toBeGreaterThan(10);
    expect(simulate(plan, named('random'), 1).p99 / best).toBeGreaterThan(10);
  });
});

describe('one of ten servers fails at once', () => {
  const success = (clients: number, contestant: Contestant) => {
    const { failed, requests } = simulate(oneFailing(clients, 30_000), contestant, 1);
    return 1 - failed / requests;
  };

  it.each(strategies)('with ejection and one retry 99.9 % succeed: $name', (strategy) => {
    expect(success(1, withEjection(strategy))).toBeGreaterThanOrEqual(0.999);
    expect(success(20, withEjection(strategy))).toBeGreaterThanOrEqual(0.999);
  });

  it('without, least-in-flight runs into the trap: who fails fast has nothing in flight', () => {
    expect(success(1, named('least-in-flight'))).toBeLessThan(0.7);
  });
});
