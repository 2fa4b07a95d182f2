import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { createDiscoveryIn, type Discovery } from '../src/discovery.ts';
import type { DiscoveryOptions, DiscoveryWarning, Service } from '../src/index.ts';
import { createRandom } from '../src/random.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { letterOf } from './lists.ts';
import { notFound, scriptedSource, unreachable } from './scripted-source.ts';

const open: Discovery[] = [];
afterEach(async () => {
  for (const discovery of open.splice(0)) await discovery.close();
});

function world(options: DiscoveryOptions = {}) {
  const clock = createFakeClock();
  const source = scriptedSource();
  const warnings: DiscoveryWarning[] = [];
  const discovery = createDiscoveryIn(
    { clock, random: createRandom(1), env: {} },
    { source, onWarning: (warning) => void warnings.push(warning), ttl: { jitter: 0 }, ...options },
  );
  open.push(discovery);
  return { clock, source, warnings, discovery, web: discovery.service('web') };
}

const letters = ({ endpoints }: Pick<Service, 'endpoints'>) =>
  endpoints.map(({ host }) => letterOf(host)).join('');

describe('a listener', () => {
  it('given twice is two subscriptions, each with its own end', async () => {
    const { web, clock } = world();
    let calls = 0;
    const listener = () => void calls++;
    const stops = [web.subscribe(listener), web.subscribe(listener), web.subscribe(listener)];
    stops[0]!();
    stops[0]!();
    await clock.advance(0);
    expect(calls).toBe(2);
  });

  it('is not called any more once it was stopped, also by one before it', async () => {
    const { web, clock } = world();
    const called: string[] = [];
    let stopSecond = () => {};
    web.subscribe(() => {
      called.push('first');
      stopSecond();
      web.subscribe(() => void called.push('new'));
    });
    stopSecond = web.subscribe(() => void called.push('second'));
    web.subscribe(() => void called.push('third'));
    await clock.advance(0);
    expect(called).toEqual(['first', 'third']);
  });

  it('is not called after the service was closed, also by one before it', async () => {
    const { web, clock } = world();
    const called: string[] = [];
    web.subscribe(() => {
      called.push('first');
      web.close();
    });
    web.subscribe(() => void called.push('second'));
    const waiting = [web.ready(), web.ready({ timeout: 1_000 })];
    for (const work of waiting) await expect(work).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect([called, clock.pending]).toEqual([['first'], 0]);
  });

  it('may refresh, and ask for other services', async () => {
    const { web, clock, discovery } = world();
    const seen: string[] = [];
    web.subscribe(() => {
      void web.refresh().then((snapshot) => seen.push(`web ${letters(snapshot)}`));
      const api = discovery.service('api');
      void api.ready().then(() => seen.push(`api ${letters(api)}`));
    });
    await clock.advance(0);
    expect(seen.toSorted()).toEqual(['api abc', 'web abc']);
  });

  it('may close the service when its list ends: nothing is said of it afterwards, but of the next of that name', async () => {
    const { web, clock, source, discovery, warnings } = world({ hold: { error: 20_000 } });
    await web.ready();
    web.subscribe((_, { why }) => {
      if (why === 'expired') web.close();
    });
    source.answer = unreachable();
    await clock.advance(60_000);
    expect([clock.pending, warnings.length]).toEqual([0, 1]);
    source.answer = 'abc';
    await discovery.service('api').ready();
    source.answer = unreachable();
    await discovery
      .service('web')
      .ready()
      .catch(() => {});
    expect(warnings.map(({ service }) => service)).toEqual(['web.service.consul', 'web.service.consul']);
  });
});

describe('onWarning', () => {
  it('may ask for the service it is about: there is one of it', () => {
    const services: Service[] = [];
    const discovery: Discovery = createDiscoveryIn(
      { clock: createFakeClock(), env: {} },
      {
        servers: ['127.0.0.1:9'],
        onWarning: ({ code }) => {
          if (code === 'CONNECT_EXPECTS_MTLS') services.push(discovery.service({ connect: 'web' }));
        },
      },
    );
    open.push(discovery);
    services.push(discovery.service({ connect: 'web' }));
    expect(services).toHaveLength(2);
    expect(services[0]).toBe(services[1]);
  });

  it.each([
    ['nobody answers', unreachable],
    ['there is nothing', notFound],
  ])('may close the discovery, where %s', async (_, failure) => {
    const { web, clock, source, discovery } = world({
      onWarning: () => void discovery.close(),
    });
    await web.ready();
    source.answer = failure();
    await clock.advance(60_000);
    expect(() => web.pick()).toThrowError(expect.objectContaining({ code: 'ERR_CLOSED' }));
    expect(clock.pending).toBe(0);
  });

  it('may close the discovery before a list is handed out: then it is not', async () => {
    const calls: string[] = [];
    const noting = () => ({
      update: ({ endpoints }: { endpoints: readonly unknown[] }) =>
        void calls.push(`update ${endpoints.length}`),
      pick: () => undefined,
      close: () => void calls.push('close'),
    });
    const { clock, discovery } = world({
      balancer: noting,
      // No file, so it is warned of when the first list is written.
      lastGood: tmpdir(),
      onWarning: () => void discovery.close(),
    });
    await clock.advance(0);
    expect(calls).toEqual(['update 0', 'close']);
    expect(clock.pending).toBe(0);
  });

  it('is told each time that a balancer fails to close', () => {
    const broken = () => ({
      update() {},
      pick: () => undefined,
      close() {
        throw new Error('mine');
      },
    });
    const { discovery, warnings } = world({ balancer: broken });
    discovery.service('web').close();
    discovery.service('web').close();
    expect(warnings.map(({ code }) => code)).toEqual(['BALANCER_FAILED', 'BALANCER_FAILED']);
  });
});

describe('a watch', () => {
  it('whose signal aborted while its consumer worked has nothing more to say', async () => {
    const { web, clock, source } = world();
    const leaver = new AbortController();
    const lists = web.watch({ signal: leaver.signal });
    const first = await lists.next();
    expect(first.value && letters(first.value)).toBe('abc');
    source.answer = 'ab';
    leaver.abort(new Error('enough'));
    await clock.advance(10_000);
    expect(letters(web)).toBe('ab');
    await expect(lists.next()).rejects.toThrow('enough');
  });
});

describe('making room', () => {
  it('for a service ends the asking of the one that goes, and of no other', async () => {
    const { clock, source, discovery, web } = world({ maxServices: 1 });
    const release = source.hold();
    const waiting = web.ready().catch((error) => error.code);
    const api = discovery.service('api');
    release();
    expect(await waiting).toBe('ERR_CLOSED');
    await api.ready();
    await clock.advance(60_000);
    expect(discovery.stats().services.map(({ name }) => name)).toEqual(['api.service.consul']);
    api.close();
    expect(clock.pending).toBe(0);
  });
});
