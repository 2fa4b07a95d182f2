import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { createDiscoveryIn, type Discovery } from '../src/discovery.ts';
import type { DiscoveryOptions, DiscoveryWarning, Service } from '../src/index.ts';
import { createRandom } from '../src/random.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { PushingSource } from './pushing-source.ts';
import { letters } from './service-world.ts';

const open: Discovery[] = [];
afterEach(async () => {
  for (const discovery of open.splice(0)) await discovery.close();
});

function world(list = 'ab', options: DiscoveryOptions = {}) {
  const clock = createFakeClock();
  const source = new PushingSource(clock, list);
  const warnings: DiscoveryWarning[] = [];
  const discovery = createDiscoveryIn(
    { clock, random: createRandom(1) },
    { source, ttl: { jitter: 0 }, onWarning: (warning) => void warnings.push(warning), ...options },
  );
  open.push(discovery);
  return { clock, source, warnings, discovery, web: discovery.service('web') };
}

async function readyWorld(list = 'ab', options: DiscoveryOptions = {}) {
  const all = world(list, options);
  await all.web.ready();
  await all.clock.advance(0);
  return all;
}

const listOf = ({ snapshot }: Service) => letters(snapshot.endpoints);

describe('a source that can tell of changes', () => {
  it('is asked to, from the first list on; what it says is in the list at once', async () => {
    const { clock, source, web } = await readyWorld('ab');
    expect(source.asked.map(({ after }) => after)).toEqual([undefined, '1']);
    const versions: string[] = [];
    web.subscribe(({ endpoints }) => versions.push(letters(endpoints)));
    source.become('abc');
    await clock.advance(0);
    source.become('c');
    await clock.advance(10);
    expect(versions).toEqual(['abc', 'c']);
  });

  it('is asked for one change at a time, and no sooner than 10 ms after the last question', async () => {
    const { clock, source } = await readyWorld();
    for (let i = 0; i < 30; i++) {
      source.become('abcdef'.slice(0, 1 + (i % 6)));
      await clock.advance(1);
    }
    const watches = source.asked.filter(({ after }) => after !== undefined).map(({ at }) => at);
    const between = watches.slice(1).map((at, i) => at - watches[i]!);
    expect(Math.min(...between)).toBeGreaterThanOrEqual(10);
    expect(source.mostWatches).toBe(1);
  });

  it('loses nothing of a burst: 100 changes within a second are few questions, and the last state', async () => {
    const { clock, source, web } = await readyWorld();
    for (let i = 0; i < 100; i++) {
      source.become(i === 99 ? 'xyz' : 'abcdef'.slice(i % 6));
      await clock.advance(10);
    }
    await clock.advance(20);
    expect(listOf(web)).toBe('xyz');
    expect(source.asked.length).toBeLessThan(110);
  });

  it('is not disturbed by the refresh when the TTL ends: the watch stays, and there is one', async () => {
    const { clock, source } = await readyWorld();
    // Another token for the same list is no news.
    source.becomeUnheard(source.list);
    await clock.advance(600_000);
    expect(source.asked.filter(({ after }) => after !== undefined)).toHaveLength(1);
    expect(source.asked.length).toBeGreaterThan(8);
    expect(source.watches).toBe(1);
  });

  it('is refreshed sooner where a list that it tells of lasts shorter than the one before', async () => {
    const { clock, source } = await readyWorld();
    await clock.advance(100_000);
    source.ttl = 10_000;
    source.become('abc');
    await clock.advance(0);
    const asked = source.asked.length;
    await clock.advance(10_000);
    expect(source.asked.slice(asked).filter(({ after }) => after === undefined)).toHaveLength(1);
  });

  it('is watched anew where a refresh shows that its watch missed something', async () => {
    const { clock, source, web } = await readyWorld();
    source.becomeUnheard('x');
    await clock.advance(1_000);
    expect(listOf(web)).toBe('ab');
    await clock.advance(60_000);
    expect(listOf(web)).toBe('x');
    source.become('y');
    await clock.advance(10);
    expect([listOf(web), source.watches]).toEqual(['y', 1]);
  });

  it('tells of an end too: the list is held for `hold.empty`, and what comes back is there at once', async () => {
    const { clock, source, web, warnings } = await readyWorld('ab', { hold: { empty: 30_000 } });
    source.become('');
    await clock.advance(0);
    expect(warnings.map(({ code }) => code)).toEqual(['SERVICE_EMPTY']);
    // Nobody has to ask again to believe it.
    await clock.advance(10);
    expect(source.asked.map(({ after }) => after)).toEqual([undefined, '1', '2']);
    await clock.advance(29_000);
    expect(listOf(web)).toBe('ab');
    await clock.advance(2_000);
    expect(listOf(web)).toBe('');
    source.become('z');
    await clock.advance(10);
    expect(listOf(web)).toBe('z');
  });

  it('brings a first instance at once where there was none', async () => {
    const { clock, source, web } = world('');
    await expect(web.ready()).rejects.toMatchObject({ code: 'ERR_SERVICE_NOT_FOUND' });
    const ready = web.ready({ timeout: 60_000 });
    await clock.advance(20_100);
    const before = clock.now();
    source.become('a');
    await ready;
    expect(clock.now()).toBe(before);
    expect(source.mostWatches).toBe(1);
  });

  it('brings the list where a question hangs; what that brings in the end is older, and not taken', async () => {
    const { clock, source, web } = await readyWorld();
    const versions: string[] = [];
    web.subscribe(({ endpoints }) => versions.push(letters(endpoints)));
    source.latency = 20_000;
    const refreshed = web.refresh();
    await clock.advance(10_000);
    source.latency = 0;
    source.become('q');
    await clock.advance(0);
    expect(listOf(web)).toBe('q');
    await clock.advance(20_000);
    expect(versions).toEqual(['q']);
    expect(letters((await refreshed).endpoints)).toBe('q');
  });

  it('goes on while questions fail', async () => {
    const { clock, source, web } = await readyWorld();
    source.fails = true;
    await web.refresh().catch(() => {});
    source.fails = false;
    source.become('q');
    await clock.advance(0);
    expect([listOf(web), source.mostWatches]).toEqual(['q', 1]);
  });

  it('rests while nobody uses the service, also where the list changes all the time; the next use resumes', async () => {
    const { clock, source, web } = await readyWorld('ab', { idle: 120_000 });
    for (let i = 0; i < 40; i++) {
      source.become(i % 2 === 0 ? 'abc' : 'ab');
      await clock.advance(10_000);
    }
    expect([web.stats().idle, source.watches]).toEqual([true, 0]);
    const asked = source.asked.length;
    source.become('z');
    await clock.advance(600_000);
    expect(source.asked).toHaveLength(asked);
    web.pick();
    await clock.advance(0);
    expect([listOf(web), source.watches]).toEqual(['z', 1]);
  });

  it('is let go at once by close(), of the service and of the discovery', async () => {
    const { clock, source, web, discovery } = await readyWorld();
    web.close();
    await clock.advance(0);
    expect(source.watches).toBe(0);
    await discovery.service('web').ready();
    await clock.advance(0);
    expect(source.watches).toBe(1);
    await discovery.close();
    await clock.advance(0);
    expect([source.watches, clock.pending]).toEqual([0, 0]);
  });

  it('is let go by who closes the service on being told of a change', async () => {
    const { clock, source, web } = await readyWorld();
    web.subscribe(() => web.close());
    source.become('z');
    await clock.advance(1_000);
    expect([source.watches, source.asked.length]).toEqual([0, 2]);
  });

  it.each([
    { hasty: 'the same', most: 20 },
    { hasty: 'ever new', most: 5 * 60 + 50 },
  ] as const)('makes no storm by answering at once with $hasty token', async ({ hasty, most }) => {
    const { clock, source, web } = await readyWorld();
    source.hasty = hasty;
    source.become('abc');
    await clock.advance(60_000);
    expect(source.asked.length).toBeLessThan(most);
    expect(listOf(web)).toBe('abc');
    source.hasty = undefined;
    source.become('d');
    await clock.advance(60_000);
    expect(listOf(web)).toBe('d');
  });

  it('makes no storm by refusing to wait, and is a source like any other then', async () => {
    const { clock, source, web } = await readyWorld();
    const { resolve } = source;
    source.resolve = async function (this: PushingSource, name: unknown, options = {}) {
      if (options.after === undefined) return resolve.call(this, name, options);
      this.asked.push({ at: clock.now(), after: options.after });
      throw new Error('400 Bad Request');
    };
    source.become('c');
    await clock.advance(600_000);
    expect(source.asked.length).toBeLessThan(100);
    expect(listOf(web)).toBe('c');
    expect(web.stats().failures).toBe(0);
  });

  it('is asked again as after any failure where it breaks, and then watched again', async () => {
    const { clock, source, web, warnings } = await readyWorld();
    source.breakDown();
    await clock.advance(0);
    expect(warnings.map(({ code }) => code)).toEqual(['CONSUL_UNAVAILABLE']);
    await clock.advance(60_000);
    expect(listOf(web)).toBe('ab');
    expect(source.asked.length).toBeLessThan(20);
    source.fails = false;
    await clock.advance(10_000);
    source.become('c');
    await clock.advance(10);
    expect(listOf(web)).toBe('c');
  });
});

describe('whatever a source that pushes does', () => {
  const step = fc.record({
    what: fc.constantFrom(
      'list',
      'list',
      'list',
      'same',
      'empty',
      'break',
      'mend',
      'refresh',
      'slow',
      'fast',
    ),
    list: fc.constantFrom('a', 'b', 'ab', 'abc', 'bcd'),
    wait: fc.constantFrom(0, 1, 5, 12, 100, 1_500, 20_000, 70_000),
  });

  it('the list is the newest said in the end, one watch is held at a time, and questions are few', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.integer({ min: 0, max: 40 }),
        async (steps, latency) => {
          const { clock, source, web, discovery } = world('ab', { hold: { empty: 0 } });
          source.latency = latency;
          await Promise.all([web.ready(), clock.advance(latency)]);
          const began = clock.now();
          for (const { what, list, wait } of steps) {
            if (what === 'list') source.become(list);
            if (what === 'same') source.become(source.list);
            if (what === 'empty') source.become('');
            if (what === 'break') source.breakDown();
            if (what === 'mend') source.fails = false;
            if (what === 'refresh') void web.refresh().catch(() => {});
            if (what === 'slow') source.latency = 400;
            if (what === 'fast') source.latency = latency;
            void web.endpoints;
            await clock.advance(wait);
          }
          source.fails = false;
          source.latency = latency;
          // A retry is 10 s away at most, an answer 400 ms.
          void web.endpoints;
          await clock.advance(11_000);
          expect(listOf(web)).toBe(source.list);
          expect(source.mostWatches).toBeLessThanOrEqual(1);
          const seconds = (clock.now() - began) / 1_000;
          expect(source.asked.length).toBeLessThan(10 + 3 * steps.length + seconds);
          // And once the pause after failures is over, 30 s at most, what is new is there as soon as it can be.
          await clock.advance(30_000);
          void web.endpoints;
          source.become('xy');
          await clock.advance(latency * 2 + 30);
          expect(listOf(web)).toBe('xy');
          await discovery.close();
          await clock.advance(0);
          expect([source.watches, clock.pending]).toEqual([0, 0]);
        },
      ),
      { numRuns: 150, seed: 1_163_885_230 },
    );
  });
});
