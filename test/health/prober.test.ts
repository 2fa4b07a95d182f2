import { afterEach, describe, expect, it } from 'vitest';
import { Fastest } from '../../src/balancer/fastest.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import type { Probe, ProberOptions } from '../../src/health/probe.ts';
import { IntervalProber } from '../../src/health/prober.ts';
import { createRandom } from '../../src/random.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { address, context, letterOf, lists, picks } from '../lists.ts';

const letters = (text: string) => [...text].map((letter) => address(letter));

/** A probe that takes as many ms of the clock's time as it is told to; `undefined` fails it. */
function scriptedProbe(clock = createFakeClock()) {
  const times: Record<string, number | undefined> = {};
  const log: { letter: string; at: number }[] = [];
  let running = 0;
  let most = 0;
  const probe: Probe = ({ host }, signal) =>
    new Promise((resolve, reject) => {
      const letter = letterOf(host);
      log.push({ letter, at: clock.now() });
      most = Math.max(most, ++running);
      const time = letter in times ? times[letter] : 5;
      const end = (settle: () => void) => () => {
        running--;
        settle();
      };
      const timer = clock.setTimeout(
        end(() => (time === undefined ? reject(new Error('refused')) : resolve(time))),
        time ?? 1,
      );
      signal.addEventListener(
        'abort',
        end(() => {
          clock.clearTimeout(timer);
          reject(signal.reason);
        }),
      );
    });
  return { clock, probe, times, log, mostAtOnce: () => most };
}

const close: (() => void)[] = [];
afterEach(() => {
  for (const one of close.splice(0)) one();
});

function prober(script: ReturnType<typeof scriptedProbe>, options: Partial<ProberOptions> = {}) {
  const made = new IntervalProber(
    {
      probe: script.probe,
      interval: 5_000,
      timeout: 1_000,
      concurrency: 4,
      smoothing: 0.5,
      onMeasured: () => {},
      ...options,
    },
    script.clock,
    createRandom(1),
  );
  close.push(() => made.close());
  return made;
}

describe('the prober', () => {
  it('measures newcomers at once, a few at a time', async () => {
    const script = scriptedProbe();
    const { endpoints } = lists()(letters('abcdefghij'));
    prober(script).update(endpoints);
    await script.clock.advance(20);
    expect(script.log).toHaveLength(10);
    expect(script.mostAtOnce()).toBe(4);
    expect(endpoints.every(({ latency }) => latency === 5)).toBe(true);
  });

  it('measures each once per interval, never sooner', async () => {
    const script = scriptedProbe();
    prober(script).update(lists()(letters('abc')).endpoints);
    await script.clock.advance(60_000);
    for (const letter of 'abc') {
      const at = script.log.filter((one) => one.letter === letter).map((one) => one.at);
      const gaps = at.slice(1).map((time, i) => time - at[i]!);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5_000);
      expect(Math.max(...gaps)).toBeLessThan(5_700);
    }
  });

  it('keeps a moving average, forgets it at a failure, and begins anew after it', async () => {
    const script = scriptedProbe();
    const { endpoints } = lists()(letters('a'));
    prober(script).update(endpoints);
    const [a] = endpoints as [Endpoint];
    const averages: unknown[] = [];
    for (const time of [10, 20, undefined, 40]) {
      script.times['a'] = time;
      await script.clock.advance(5_600);
      averages.push(a.latency);
    }
    expect(averages[0]).toBe(7.5);
    expect(averages[2]).toBe(Number.POSITIVE_INFINITY);
    expect(averages[3]).toBe(40);
  });

  it('gives up on a probe at its timeout, also on one that ignores its signal', async () => {
    const clock = createFakeClock();
    const deaf: Probe = () => new Promise(() => {});
    const { endpoints } = lists()(letters('ab'));
    const made = new IntervalProber(
      { probe: deaf, interval: 5_000, timeout: 1_000, concurrency: 1, smoothing: 0.5, onMeasured: () => {} },
      clock,
      createRandom(1),
    );
    made.update(endpoints);
    await clock.advance(1_000);
    expect(endpoints.map(({ latency }) => latency)).toEqual([Number.POSITIVE_INFINITY, undefined]);
    await clock.advance(1_000);
    expect(endpoints[1]!.latency).toBe(Number.POSITIVE_INFINITY);
    made.close();
    await clock.advance(10_000);
    expect(clock.pending).toBe(0);
  });

  it('takes what a probe throws, or returns that is no time, for a failure', async () => {
    for (const bad of [
      () => {
        throw new Error('sync');
      },
      async () => Number.NaN,
      async () => -1,
      async () => 'fast' as never,
    ]) {
      const script = scriptedProbe();
      const { endpoints } = lists()(letters('a'));
      prober(script, { probe: bad as Probe }).update(endpoints);
      await script.clock.advance(10);
      expect(endpoints[0]!.latency).toBe(Number.POSITIVE_INFINITY);
    }
  });

  it('does not measure one that flaps more often than the interval', async () => {
    const script = scriptedProbe();
    const made = prober(script);
    const next = lists(script.clock);
    for (let second = 0; second < 20; second++) {
      made.update(next(letters(second % 2 === 0 ? 'ab' : 'a')).endpoints);
      await script.clock.advance(1_000);
    }
    expect(script.log.filter(({ letter }) => letter === 'b').length).toBeLessThanOrEqual(4);
  });

  it('stops while idle and when closed, leaving no timer', async () => {
    const script = scriptedProbe();
    const made = prober(script);
    made.update(lists()(letters('abc')).endpoints);
    await script.clock.advance(7_000);
    made.idle(true);
    const before = script.log.length;
    await script.clock.advance(60_000);
    expect([script.log.length, script.clock.pending]).toEqual([before, 0]);
    made.idle(false);
    await script.clock.advance(1_000);
    expect(script.log.length).toBe(before + 3);
    made.close();
    await script.clock.advance(60_000);
    expect(script.clock.pending).toBe(0);
  });
});

describe('fastest', () => {
  function world(options: object = {}) {
    const script = scriptedProbe();
    const balancer = new Fastest(context(1, script.clock), { probe: script.probe, ...options });
    close.push(() => balancer.close());
    const next = lists(script.clock);
    const list = (text: string) => balancer.update(next(letters(text)));
    const spread = (count = 60) => [...new Set(picks(balancer, count))].sort().join('');
    return { ...script, balancer, list, spread };
  }

  it('is round-robin while nothing is measured', () => {
    const { balancer, list } = world();
    list('abc');
    expect('abcabcabc').toContain(picks(balancer, 6));
  });

  it('then rotates among those within the tolerance of the best, so that none is flooded', async () => {
    const { balancer, list, times, clock, spread } = world();
    Object.assign(times, { a: 10, b: 12, c: 40, d: 12.4, e: 13 });
    list('abcde');
    await clock.advance(100);
    expect(spread()).toBe('abd');
    const counts = [...picks(balancer, 300)].filter((letter) => letter === 'b').length;
    expect(counts).toBe(100);
  });

  it('treats differences below the margin as noise', async () => {
    const { list, times, clock, spread } = world();
    Object.assign(times, { a: 0.1, b: 0.9, c: 3 });
    list('abc');
    await clock.advance(100);
    expect(spread()).toBe('ab');
  });

  it('leaves out one whose probe fails, and takes it back', async () => {
    const { list, times, clock, spread } = world();
    times['b'] = undefined;
    list('abc');
    await clock.advance(100);
    expect(spread()).toBe('ac');
    times['b'] = 5;
    await clock.advance(6_000);
    expect(spread()).toBe('abc');
  });

  it('uses all when every probe fails', async () => {
    const { list, times, clock, spread } = world();
    Object.assign(times, { a: undefined, b: undefined });
    list('ab');
    await clock.advance(100);
    expect(spread()).toBe('ab');
  });

  it('lets a newcomer wait for its first measurement, which is made at once', async () => {
    const { list, clock, spread } = world();
    list('ab');
    await clock.advance(100);
    list('abc');
    expect(spread()).toBe('ab');
    await clock.advance(30);
    expect(spread()).toBe('abc');
  });

  it('forgets who left at once', async () => {
    const { list, clock, spread } = world();
    list('abc');
    await clock.advance(100);
    list('bc');
    expect(spread()).toBe('bc');
  });
});
