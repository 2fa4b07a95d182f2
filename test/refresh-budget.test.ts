import { describe, expect, it } from 'vitest';
import { createDiscoveryIn } from '../src/discovery.ts';
import { createRandom } from '../src/random.ts';
import { RefreshBudget } from '../src/refresh-budget.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { Fleet } from './refresh-fleet.ts';
import { scriptedSource } from './scripted-source.ts';

/** A budget of 10 a second, of which nothing is left, and a way to queue by name. */
function exhausted(rate = 10) {
  const clock = createFakeClock();
  const budget = new RefreshBudget(clock, rate);
  const asked: string[] = [];
  const enter = (name: string) => budget.enter(() => void asked.push(name));
  for (let i = 0; i < rate; i++) budget.enter(() => {});
  for (let i = 0; i < rate; i++) budget.answered();
  return { clock, budget, asked, enter };
}

describe('questions in the background', () => {
  it('are not held up as long as they are few', () => {
    const budget = new RefreshBudget(createFakeClock(), 1_000);
    let asked = 0;
    for (let i = 0; i < 32; i++) expect(budget.enter(() => void asked++)).toBe(undefined);
    expect([asked, budget.lag]).toEqual([32, 0]);
  });

  it('beyond the rate wait for their turn, first come first served', async () => {
    const { clock, asked, enter } = exhausted();
    for (const name of 'abc') enter(name);
    expect(asked).toEqual([]);
    await clock.advance(100);
    expect(asked).toEqual(['a']);
    await clock.advance(200);
    expect(asked).toEqual(['a', 'b', 'c']);
    expect(clock.pending).toBe(0);
  });

  it('give up their place when their service is closed, and nobody else is held up by that', async () => {
    const { clock, budget, asked, enter } = exhausted();
    const [first] = [enter('a'), enter('b')];
    budget.leave(first!);
    await clock.advance(100);
    expect(asked).toEqual(['b']);
  });

  it('are late by as much as the one that waits longest', async () => {
    const { clock, budget, enter } = exhausted();
    enter('a');
    enter('b');
    await clock.advance(150);
    expect(budget.lag).toBe(150);
    await clock.advance(50);
    expect(budget.lag).toBe(0);
  });

  it('make room for those that somebody awaits, but for no more than a second of them', async () => {
    const { clock, budget, asked, enter } = exhausted();
    for (let i = 0; i < 1_000; i++) budget.spend();
    enter('a');
    await clock.advance(1_090);
    expect(asked).toEqual([]);
    await clock.advance(10);
    expect(asked).toEqual(['a']);
  });

  it('are at most 128 at once where nobody answers; the next is asked when one is over', async () => {
    const clock = createFakeClock();
    const budget = new RefreshBudget(clock, 1_000);
    let asked = 0;
    for (let i = 0; i < 200; i++) budget.enter(() => void asked++);
    await clock.advance(60_000);
    expect(asked).toBe(128);
    budget.answered();
    expect(asked).toBe(129);
  });

  it('never wait without a bound', () => {
    const budget = new RefreshBudget(createFakeClock(), Number.POSITIVE_INFINITY);
    let asked = 0;
    for (let i = 0; i < 5_000; i++) budget.enter(() => void asked++);
    expect(asked).toBe(5_000);
  });

  it('are slowed down by no service that is gone or at rest', async () => {
    const clock = createFakeClock();
    const budget = new RefreshBudget(clock, 1_000_000);
    // 10 000 services that ask every 5 s may ask 2 500 times a second …
    for (let i = 0; i < 10_000; i++) budget.plan(Number.POSITIVE_INFINITY, 5_000);
    let asked = 0;
    const enter = (count: number) => {
      for (let i = 0; i < count; i++)
        budget.enter(() => {
          asked++;
          // Over in the same moment.
          queueMicrotask(() => budget.answered());
        });
    };
    enter(5_000);
    await clock.advance(1_000);
    expect(asked).toBeGreaterThanOrEqual(2_500);
    expect(asked).toBeLessThan(2_700);
    // … and without them it is 100.
    await clock.advance(2_000);
    for (let i = 0; i < 10_000; i++) budget.plan(5_000, Number.POSITIVE_INFINITY);
    asked = 0;
    enter(1_000);
    await clock.advance(1_000);
    expect(asked).toBeGreaterThanOrEqual(100);
    expect(asked).toBeLessThan(180);
  });
});

/** No second with more than 1.3 × the mean. */
function expectEven(counts: readonly number[]) {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  expect(mean).toBeGreaterThan(0);
  expect(Math.max(...counts) / mean).toBeLessThan(1.3);
}

describe.each([
  ['within the budget', 5_000, 2_350],
  ['beyond the budget, which stretches all intervals', 1_000, 1_000],
])('10 000 names with a TTL of 5 s, %s', (_, rate, mean) => {
  // One story, told once: each part begins where the one before has ended.
  const fleet = new Fleet({ size: 10_000, ttl: 5_000, rate });
  const during = (seconds: number) => {
    const from = fleet.clock.now() / 1_000;
    fleet.clock.advance(seconds * 1_000);
    return fleet.perSecond(from, from + seconds);
  };
  fleet.start();
  const start = during(60);
  const steady = during(60);
  fleet.answers = false;
  const refused = during(40);
  fleet.answers = true;
  const afterRefusal = during(40);
  fleet.answers = false;
  fleet.latency = 3_000;
  const silence = during(40);
  const lateInSilence = fleet.budget.lag;
  fleet.answers = true;
  fleet.latency = 2;
  // The last of those that nobody answered are still under way.
  during(3);
  const afterSilence = during(40);
  const late = fleet.budget.lag;
  fleet.inUse = false;
  during(30);
  const resting = fleet.resting;
  const atRest = during(10);
  fleet.resume();
  const afterRest = during(60);

  it('after all were made at once', () => {
    expectEven(start);
  });

  it('in the long run', () => {
    expectEven(steady);
    const average = steady.reduce((sum, count) => sum + count, 0) / steady.length;
    expect(average).toBeGreaterThan(0.98 * mean);
    expect(average).toBeLessThan(1.02 * mean);
  });

  it('while Consul refuses, and after it', () => {
    expectEven(refused);
    expectEven(afterRefusal);
  });

  it('while Consul is silent hardly ask, and are no burst after it', () => {
    expect(Math.max(...silence.slice(5))).toBeLessThanOrEqual(129);
    expect(lateInSilence).toBeGreaterThan(30_000);
    expectEven(afterSilence);
  });

  it('at rest ask nothing, and are no burst when all are used again at once', () => {
    expect([resting, Math.max(...atRest)]).toEqual([10_000, 0]);
    expectEven(afterRest);
  });

  it('starve nobody: no interval is much longer than the others', () => {
    const gaps = fleet.asked.flatMap((times) => {
      const inSteady = times.filter((at) => at >= 60_000 && at < 120_000);
      return inSteady.slice(1).map((at, i) => at - inSteady[i]!);
    });
    const average = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const longest = gaps.reduce((most, gap) => Math.max(most, gap), 0);
    expect(longest).toBeLessThan(1.3 * average);
  });

  it('say how late they are', () => {
    // Ten seconds from question to question, of which 4 to 4.5 are meant.
    if (rate === 1_000) expect(late).toBeGreaterThan(4_000);
    else expect(late).toBeLessThan(500);
  });
});

describe('a discovery', () => {
  const many = 100;
  const world = () => {
    const clock = createFakeClock();
    const source = scriptedSource('abc');
    const options = { source, refreshRate: 5, ttl: { min: 5_000, max: 5_000 }, idle: 20_000 };
    const discovery = createDiscoveryIn({ clock, random: createRandom(1) }, options);
    const services = Array.from({ length: many }, (_, i) => discovery.service(`s${i}`));
    const during = async (ms: number, use = true) => {
      if (use) for (const service of services) await service.ready();
      const before = source.asked.length;
      await clock.advance(ms);
      return source.asked.length - before;
    };
    return { clock, source, discovery, services, during };
  };

  it('asks first questions at once, and later ones within refreshRate', async () => {
    const { source, discovery, during } = world();
    await during(0);
    expect(source.asked).toHaveLength(many);
    // 100 names every 5 s would be 20 a second.
    await during(20_000);
    const asked = await during(10_000);
    expect(asked).toBeGreaterThanOrEqual(49);
    expect(asked).toBeLessThanOrEqual(51);
    expect(discovery.stats().refreshLag).toBeGreaterThan(10_000);
    expect(discovery.stats().services.every(({ nextRefresh }) => nextRefresh !== undefined)).toBe(true);
    await discovery.close();
  });

  it('lets nobody wait who awaits: ready() of a new service and refresh() of a late one', async () => {
    const { source, discovery, services, during } = world();
    await during(20_000, false);
    const before = source.asked.length;
    await discovery.service('new').ready();
    await services.at(-1)!.refresh();
    expect(source.asked.length - before).toBe(2);
    await discovery.close();
  });

  it('has nobody waiting in line once its services are closed or at rest', async () => {
    const { clock, discovery, services, during } = world();
    await during(20_000);
    for (const service of services.slice(1)) service.close();
    await clock.advance(1_000);
    expect(discovery.stats().refreshLag).toBe(0);
    // The last one is left alone, and goes to rest.
    await clock.advance(60_000);
    expect(discovery.stats().services.map(({ idle }) => idle)).toEqual([true]);
    expect(clock.pending).toBe(0);
    await discovery.close();
  });

  it('wakes services that rested in turn', async () => {
    const { discovery, services, source, during } = world();
    await during(20_000);
    await during(100_000, false);
    expect(discovery.stats().services.every(({ idle }) => idle)).toBe(true);
    const before = source.asked.length;
    for (const service of services) service.pick();
    expect(source.asked.length - before).toBe(5);
    expect(await during(2_000)).toBe(15 - 5);
    await discovery.close();
  });
});
