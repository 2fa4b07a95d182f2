import { expect, it } from 'vitest';
import {
  Availability,
  type OutlierOptions,
  type PrioritiesOptions,
} from '../../src/availability/availability.ts';
import type { Outcome } from '../../src/balancer/balancer.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { emptySnapshot, type Snapshot } from '../../src/snapshot.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { lists } from '../lists.ts';
import { address, completed, lettersOf, seeded, type WorldOptions } from './world.ts';

/** Lists change, requests begin and end well, badly or not at all, time passes; what must hold is looked at after each step. */
async function live(seed: number) {
  const random = seeded(seed);
  const one = <T>(choices: readonly T[]) => choices[random.below(choices.length)]!;
  const clock = createFakeClock();
  const outlier = {
    consecutiveFailures: one([0, 1, 3, 5]),
    failureShare: one([0.3, 0.5]),
    minRequests: one([1, 5, 20]),
    maxEjected: one([0, 0.2, 0.5, 1]),
    maxEjectionTime: 60_000,
    panic: { threshold: one([0, 0.3, 0.5, 1]), use: one(['all', 'none'] as const) },
  } satisfies OutlierOptions;
  const options = {
    priorities: one<boolean | PrioritiesOptions>([true, false, { zones: ['z0', 'z1'] }]),
    outlier: random.below(8) > 0 ? outlier : false,
    slowStart: one([false, true, 1_000]),
    ...(random.below(2) === 0 && { maxInFlight: one([1, 2, 5]) }),
  } satisfies WorldOptions;

  let list: Snapshot = emptySnapshot;
  let applied: Snapshot | undefined;
  let inside = false;
  let quiet = false;
  let closed = false;
  const availability = new Availability({
    clock,
    random: seeded(seed),
    options: completed(options),
    apply: (snapshot) => {
      expect([inside, closed]).toEqual([false, false]);
      expect(snapshot).not.toBe(applied);
      inside = true;
      applied = snapshot;
      const [first] = snapshot.endpoints;
      if (first !== undefined && !quiet && random.below(10) === 0)
        availability.reported(first, { ok: false });
      inside = false;
    },
  });
  const next = lists(clock);
  const all = [...'abcdefghijkl'].map((letter) =>
    address(letter, {
      priority: one([1, 1, 2]),
      weight: one([0, 1, 1, 10]),
      meta: { zone: one(['z0', 'z1', 'z2']) },
    }),
  );
  const known = new Set<Endpoint>();
  const leases: Endpoint[] = [];

  const ejectedNow = () => list.endpoints.filter((endpoint) => availability.isEjected(endpoint));
  const holds = () => {
    const now = applied ?? emptySnapshot;
    const { stats, excluded } = availability;
    const ejected = ejectedNow();
    expect(stats).toMatchObject({ available: now.endpoints.length, ejected: ejected.length });
    expect(stats.full).toBe(excluded?.size ?? 0);
    // Of the list, in its order, everything in step.
    const wanted = list.endpoints.filter((endpoint) => now.endpoints.includes(endpoint));
    expect(now.endpoints.every((endpoint, i) => endpoint === wanted[i])).toBe(true);
    expect(now.addresses.every(({ host }, i) => host === wanted[i]?.host)).toBe(true);
    for (const { weight, host } of now.addresses) {
      const whole = list.addresses.find((listed) => listed.host === host)!.weight;
      if (!(weight >= 0 && weight <= Math.max(whole, 1))) expect.fail(`weight ${weight} of ${whole}`);
    }
    const isNone = stats.panic && outlier.panic.use === 'none';
    expect(now.endpoints.length === 0).toBe(list.endpoints.length === 0 || isNone);
    if (!stats.panic)
      expect(lettersOf(now.endpoints.filter((endpoint) => ejected.includes(endpoint)))).toBe('');
    // Who is full is excluded, and nobody else but those on a trial.
    const { maxInFlight = Number.POSITIVE_INFINITY } = options as WorldOptions;
    const isExcluded = (endpoint: Endpoint) => excluded?.has(endpoint) ?? false;
    const wrong = [...known].filter((endpoint) => {
      if (!now.endpoints.includes(endpoint) || endpoint.inFlight === 0) return isExcluded(endpoint);
      return endpoint.inFlight >= maxInFlight && !isExcluded(endpoint);
    });
    expect(lettersOf(wrong)).toBe('');
    const spare = availability.spare(excluded);
    if (spare !== undefined) {
      expect(list.endpoints).toContain(spare);
      expect([excluded?.has(spare) ?? false, !stats.panic && ejected.includes(spare)]).toEqual([
        false,
        false,
      ]);
    }
    expect(clock.pending).toBeLessThanOrEqual(1);
  };

  const outcome = (): Outcome =>
    one<Outcome>([
      { ok: true },
      { ok: false },
      { ok: false },
      { ok: false, aborted: true },
      { ok: false, elapsed: random.below(20_000) },
    ]);
  const cap = () =>
    list.endpoints.length < 2 ? 0 : Math.floor(outlier.maxEjected * list.endpoints.length + 1e-9);
  const steps: (() => void | Promise<void>)[] = [
    () => {
      const chance = one([0, 1, 3, 4, 4]);
      list = next(all.filter(() => random.below(4) < chance));
      for (const endpoint of list.endpoints) known.add(endpoint);
      availability.update(list);
    },
    () => clock.advance(one([1, 100, 1_000, 10_000, 30_000])),
    () => {
      const idle = random.below(3) > 0;
      availability.idle(idle);
      if (idle) expect(clock.pending).toBe(0);
    },
  ];
  const request = () => {
    const before = ejectedNow().length;
    const endpoint = one([...known]);
    if (endpoint === undefined) return;
    const kind = random.below(3);
    if (kind === 0) {
      leases.push(endpoint);
      endpoint.inFlight++;
      availability.started(endpoint);
    } else if (kind === 1) availability.reported(endpoint, outcome());
    else if (leases.length > 0) {
      const [ended] = leases.splice(random.below(leases.length), 1);
      ended!.inFlight--;
      availability.finished(ended!, outcome());
    }
    const after = ejectedNow().length;
    expect(after <= Math.max(cap(), before)).toBe(true);
  };

  for (let step = 0; step < 250; step++) {
    await (random.below(5) === 0 ? one(steps)() : request());
    holds();
  }
  quiet = true;
  availability.idle(false);
  // Without further requests every ejection ends, and then nothing is left to wait for.
  await clock.advance(66_000);
  holds();
  expect([ejectedNow(), availability.stats.panic]).toEqual([[], false]);
  await clock.advance(60_000);
  expect(clock.pending).toBe(0);
  for (const endpoint of leases.splice(0)) {
    endpoint.inFlight--;
    availability.finished(endpoint, { ok: true });
  }
  holds();
  expect(availability.excluded).toBeUndefined();
  closed = true;
  availability.close();
  request();
  expect(clock.pending).toBe(0);
  return availability.stats.ejections;
}

it('whatever happens, nobody is ejected beyond the cap or for ever, somebody is left, and no timer remains', async () => {
  let ejections = 0;
  for (let seed = 1; seed <= 80; seed++) {
    try {
      ejections += await live(seed);
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
  }
  // It would be easy to hold all that without ever ejecting.
  expect(ejections).toBeGreaterThan(300);
});
