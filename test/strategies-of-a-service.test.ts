import { describe, expect, it } from 'vitest';
import { createDiscovery, type DiscoveryOptions, type Endpoint, fixed, type Service } from '../src/index.ts';
import { address, letterOf } from './lists.ts';
import { letters, readyWorld } from './service-world.ts';

/** Who gets so many picks, sorted: `aabbcc`. */
const picked = (web: Service, count: number) =>
  Array.from({ length: count }, () => letterOf(web.pick().host))
    .sort()
    .join('');
const ok = { ok: true };
const failure = { ok: false };

function byLetter(web: Service, letter: string): Endpoint {
  return web.endpoints.find(({ host }) => letterOf(host) === letter)!;
}

describe('availability decides before the strategy', () => {
  it.each(['round-robin', 'least-used', 'least-in-flight', 'peak-ewma', 'weighted-random'])(
    'with %s: who fails five times in a row is not picked for ten seconds, then on trial, then as before',
    async (balancer) => {
      const { web, clock } = await readyWorld({ balancer, outlier: true }, 'abcd');
      const a = byLetter(web, 'a');
      for (let i = 0; i < 5; i++) web.report(a, failure);
      expect(web.stats()).toMatchObject({ ejected: 1, available: 3, ejections: 1, panic: false });
      expect(letters(web.available)).toBe('bcd');
      expect(letters(web.endpoints)).toBe('abcd');
      expect(picked(web, 100)).not.toContain('a');
      await clock.advance(11_001);
      expect(letters(web.available)).toBe('abcd');
      web.report(a, ok);
      expect(web.stats().ejected).toBe(0);
    },
  );

  it('learns the same from leases and from run()', async () => {
    const { web } = await readyWorld({ outlier: { consecutiveFailures: 2 } }, 'abcd');
    const others = (letter: string) => new Set(web.endpoints.filter((e) => e !== byLetter(web, letter)));
    for (let i = 0; i < 2; i++) web.acquire({ exclude: others('b') }).release(failure);
    expect(letters(web.available)).toBe('acd');
    const bad = byLetter(web, 'c');
    for (let i = 0; i < 40 && web.stats().ejected < 2; i++) {
      await web
        .run(
          (endpoint) => {
            if (endpoint === bad) throw new Error('503');
          },
          { retries: 1 },
        )
        .catch(() => {});
    }
    expect(letters(web.available)).toBe('ad');
  });

  it('of a user too: a strategy of one’s own never sees an ejected endpoint', async () => {
    let seen = '';
    const own = () => ({
      update: ({ endpoints }: { endpoints: readonly Endpoint[] }) => {
        seen = letters(endpoints);
      },
      pick: () => undefined,
    });
    const { web } = await readyWorld({ balancer: own, outlier: { consecutiveFailures: 1 } }, 'abc');
    web.report(byLetter(web, 'b'), failure);
    expect(seen).toBe('ac');
  });

  it('keeps ejections through refreshes, also when the list changes', async () => {
    const { web, source, clock } = await readyWorld({ outlier: { consecutiveFailures: 1 } }, 'abcd');
    web.report(byLetter(web, 'a'), failure);
    source.answer = 'abcde';
    await clock.advance(9_000);
    expect(letters(web.available)).toBe('bcde');
  });

  it('leaves no timer behind, closed while somebody is ejected', async () => {
    const { web, clock } = await readyWorld({ outlier: { consecutiveFailures: 1 } });
    web.report(byLetter(web, 'a'), failure);
    web.close();
    expect(clock.pending).toBe(0);
  });

  it('rests with the service: no timer runs while nobody uses it, and what is overdue happens at the next use', async () => {
    const outlier = { consecutiveFailures: 1, ejectionTime: 60_000 };
    const { web, clock } = await readyWorld({ outlier }, 'abc', { idle: 1_000 });
    web.report(byLetter(web, 'a'), failure);
    await clock.advance(30_000);
    expect([web.stats().idle, web.stats().ejected, clock.pending]).toEqual([true, 1, 0]);
    await clock.advance(60_000);
    expect(web.stats().ejected).toBe(1);
    expect(letters(web.available)).toBe('abc');
    expect(web.stats().ejected).toBe(0);
  });

  it('uses the lowest SRV priority, and the next while all of it are ejected', async () => {
    const addresses = [address('a'), address('b', { priority: 2 }), address('c', { priority: 2 })];
    const { web } = await readyWorld({ outlier: { consecutiveFailures: 1 } }, { addresses });
    expect(picked(web, 6)).toBe('aaaaaa');
    web.report(byLetter(web, 'a'), failure);
    expect(picked(web, 6)).toBe('bbbccc');
  });

  it('goes to the next priority for a retry when the first is tried', async () => {
    const addresses = [address('a'), address('b', { priority: 2 })];
    const { web } = await readyWorld({}, { addresses });
    const tried: string[] = [];
    await web.run(
      ({ host }, { attempt }) => {
        tried.push(letterOf(host));
        if (attempt === 1) throw new Error('503');
      },
      { retries: 1 },
    );
    expect(tried).toEqual(['a', 'b']);
  });

  it('prefers a datacenter and a zone where it is told to', async () => {
    const addresses = [
      address('a', { datacenter: 'dc2' }),
      address('b', { datacenter: 'dc1', meta: { zone: 'x' } }),
      address('c', { datacenter: 'dc1', meta: { zone: 'y' } }),
    ];
    const near = await readyWorld({ priorities: { datacenters: ['dc1'], zones: ['y'] } }, { addresses });
    expect(letters(near.web.available)).toBe('c');
    const all = await readyWorld({ priorities: false }, { addresses });
    expect(letters(all.web.available)).toBe('abc');
  });

  it('lets a newcomer start slowly under a strategy that obeys weights', async () => {
    const { web, source, clock } = await readyWorld({ slowStart: 20_000 }, 'abc');
    source.answer = 'abcd';
    await clock.advance(10_000);
    const share = () => [...picked(web, 3_000)].filter((letter) => letter === 'd').length / 3_000;
    expect(letters(web.available)).toBe('abcd');
    expect(share()).toBeLessThan(0.15);
    await clock.advance(25_000);
    expect(share()).toBeCloseTo(0.25, 2);
  });

  it('passes over those with maxInFlight leases, and says ERR_OVERLOADED when all have', async () => {
    const { web } = await readyWorld({ maxInFlight: 2 }, 'abc');
    const leases = Array.from({ length: 6 }, () => web.acquire());
    expect(web.endpoints.map(({ inFlight }) => inFlight)).toEqual([2, 2, 2]);
    for (const pick of [() => web.acquire(), () => web.pick()]) {
      expect(pick).toThrowError(expect.objectContaining({ code: 'ERR_OVERLOADED' }));
    }
    leases[4]!.release();
    expect(web.pick()).toBe(leases[4]!.endpoint);
    expect(web.acquire().endpoint).toBe(leases[4]!.endpoint);
    await expect(web.run(() => 1)).rejects.toMatchObject({ code: 'ERR_OVERLOADED' });
  });

  it('holds maxInFlight: Infinity for what it is, the default', async () => {
    const { web, discovery } = await readyWorld();
    expect(discovery.service('web', { maxInFlight: Number.POSITIVE_INFINITY })).toBe(web);
  });

  it('says of what kind those are that may not be chosen, and of no others', async () => {
    const { web } = await readyWorld({ maxInFlight: 1 }, 'ab');
    const exclude = new Set([web.endpoints[1]!]);
    web.acquire({ exclude });
    expect(() => web.acquire({ exclude })).toThrowError(
      expect.objectContaining({
        code: 'ERR_OVERLOADED',
        message: expect.stringContaining('request under way), 1 excluded by the caller. Shed'),
      }),
    );
    web.acquire();
    expect(() => web.pick()).toThrow(
      /2 full \(maxInFlight, or on probation with a request under way\)\. Shed/,
    );
    const unsized = { has: () => true };
    const { web: other } = await readyWorld();
    expect(() => other.acquire({ exclude: unsized as never })).toThrowError(
      expect.objectContaining({
        code: 'ERR_NO_ENDPOINTS',
        message: 'web.service.consul: none of 3 endpoints may be chosen now.',
      }),
    );
  });

  it('picks nobody in a panic where that was chosen, and says why', async () => {
    const outlier = {
      consecutiveFailures: 1,
      maxEjected: 1,
      panic: { threshold: 0.6, use: 'none' },
    } as const;
    const { web } = await readyWorld({ outlier }, 'abc');
    web.report(byLetter(web, 'a'), failure);
    expect(letters(web.available)).toBe('bc');
    web.report(byLetter(web, 'b'), failure);
    expect(() => web.pick()).toThrowError(
      expect.objectContaining({
        code: 'ERR_NO_ENDPOINTS',
        message: expect.stringContaining('2 ejected (outlier)'),
      }),
    );
  });
});

describe('another strategy for a live service', () => {
  it('goes on with what is known: in flight, counts, response times, ejections', async () => {
    const { web } = await readyWorld({ balancer: 'peak-ewma', outlier: { consecutiveFailures: 1 } }, 'abcd');
    web.report(byLetter(web, 'a'), failure);
    web.report(byLetter(web, 'b'), { ok: true, elapsed: 500 });
    const held = web.acquire({ exclude: new Set([byLetter(web, 'd')]) });
    web.setBalancer('least-in-flight');
    expect(held.endpoint.inFlight).toBe(1);
    expect(picked(web, 30)).not.toContain(letterOf(held.endpoint.host));
    expect(picked(web, 30)).not.toContain('a');
    held.release();
    web.setBalancer({ name: 'peak-ewma', decay: 5_000 });
    expect(byLetter(web, 'b').response?.average).toBeGreaterThan(400);
    expect(picked(web, 30)).not.toContain('a');
  });

  it('is what the service has from then on: who asks for it with that, or as at first, gets the same', async () => {
    const { web, discovery } = await readyWorld({ balancer: 'least-used', maxInFlight: 9 });
    web.setBalancer('random');
    expect(discovery.service('web', { balancer: 'random', maxInFlight: 9 })).toBe(web);
    expect(discovery.service('web', { balancer: 'least-used', maxInFlight: 9 })).toBe(web);
    expect(() => discovery.service('web', { balancer: 'first', maxInFlight: 9 })).toThrow(
      /exists with other options/,
    );
    expect(() => discovery.service('web', { balancer: 'random' })).toThrow(/exists with other options/);
    web.setBalancer('first');
    expect(() => discovery.service('web', { balancer: 'random', maxInFlight: 9 })).toThrow(
      /exists with other options/,
    );
  });

  it('stays the old one where the new one cannot be made', async () => {
    const { web } = await readyWorld({ balancer: 'round-robin' });
    expect(() => web.setBalancer('robin')).toThrow(/setBalancer\.name: expected/);
    expect(() =>
      web.setBalancer(() => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    let closed = 0;
    expect(() =>
      web.setBalancer(() => ({
        update: () => {
          throw new Error('mine too');
        },
        pick: () => undefined,
        close: () => void closed++,
      })),
    ).toThrow('mine too');
    expect(closed).toBe(1);
    expect(picked(web, 3)).toBe('abc');
  });

  it('takes over the list, and the old one is closed and hears nothing more', async () => {
    const calls: string[] = [];
    const noting = (name: string) => () => ({
      update: ({ endpoints }: { endpoints: readonly Endpoint[] }) =>
        void calls.push(`${name} ${letters(endpoints)}`),
      pick: () => undefined,
      idle: () => void calls.push(`${name} idle`),
      close: () => void calls.push(`${name} close`),
    });
    const { web, source, clock } = await readyWorld({ balancer: noting('old') });
    web.setBalancer(noting('new'));
    source.answer = 'ab';
    await clock.advance(10_000);
    web.close();
    expect(calls).toEqual(['old ', 'old abc', 'new abc', 'old close', 'new ab', 'new close']);
  });

  it('is not for a service that was closed', async () => {
    const { web } = await readyWorld();
    web.close();
    expect(() => web.setBalancer('random')).toThrowError(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  it('is closed where its making closed the service', async () => {
    const calls: string[] = [];
    const { web, clock } = await readyWorld();
    web.setBalancer(() => {
      web.close();
      return {
        update: () => {},
        pick: () => undefined,
        close: () => void calls.push('close'),
      };
    });
    expect(calls).toEqual(['close']);
    expect(clock.pending).toBe(0);
  });

  it('may be chosen by a strategy, in the middle of its pick', async () => {
    const { web } = await readyWorld({}, 'ab');
    web.setBalancer(() => {
      let all: readonly Endpoint[] = [];
      return {
        update: ({ endpoints }: { endpoints: readonly Endpoint[] }) => {
          all = endpoints;
        },
        pick: () => {
          web.setBalancer('first');
          return all[1];
        },
      };
    });
    const lease = web.acquire();
    expect(letterOf(lease.endpoint.host)).toBe('b');
    lease.release();
    expect(picked(web, 3)).toBe('aaa');
    expect(web.stats().inFlight).toBe(0);
  });

  it('may be changed while leases are held: they are released to the new one', async () => {
    const { web } = await readyWorld({ balancer: 'round-robin' });
    const leases = Array.from({ length: 5 }, () => web.acquire());
    for (const name of [
      'least-in-flight',
      'peak-ewma',
      'power-of-two-choices',
      'consistent-hash',
      'least-in-flight',
    ]) {
      web.setBalancer(name);
      leases.pop()!.release();
    }
    expect(web.stats().inFlight).toBe(0);
    expect(picked(web, 3)).toBe('abc');
  });
});

describe('configuration from JSON', () => {
  const config = `{
    "balancer": "peak-ewma",
    "outlier": { "consecutiveFailures": 3, "panic": { "threshold": 0.3 } },
    "services": {
      "web": {
        "balancer": { "name": "consistent-hash", "hash": "murmur3" },
        "slowStart": 10000, "maxInFlight": 100, "priorities": { "zones": ["eu-1a"] }
      },
      "api": { "outlier": false, "retryBudget": { "share": 0.1 } }
    }
  }`;
  const parsed = (text = config) =>
    ({ ...JSON.parse(text), source: fixed(['10.0.0.1:80']) }) as DiscoveryOptions;

  it('says all of it, per service', async () => {
    const discovery = createDiscovery(parsed());
    const web = discovery.service('web');
    await web.ready();
    expect(web.pick('user 1')).toBe(web.pick('user 1'));
    expect(
      discovery.service('web', {
        maxInFlight: 100,
        outlier: { consecutiveFailures: 3, panic: { threshold: 0.3 } },
      }),
    ).toBe(web);
    expect(discovery.service('api', { balancer: 'peak-ewma', outlier: false }).name).toBe(
      'api.service.consul',
    );
    await discovery.close();
  });

  it.each([
    ['"peak-ewma"', '"peak-ewna"', 'createDiscovery.balancer.name: expected'],
    ['"murmur3"', '"md5"', 'services.web.balancer (consistent-hash)'],
    [
      '"consecutiveFailures": 3',
      '"consecutiveFailure": 3',
      'createDiscovery.outlier: unknown option "consecutiveFailure"',
    ],
    [
      '"threshold": 0.3',
      '"threshold": 30',
      'createDiscovery.outlier.panic.threshold: expected a number from 0 to 1, got 30',
    ],
    [
      '"slowStart": 10000',
      '"slowStart": 1',
      'createDiscovery.services.web.slowStart: expected a number from 100',
    ],
    [
      '"maxInFlight": 100',
      '"maxInFlight": 0',
      'createDiscovery.services.web.maxInFlight: expected a whole number from 1',
    ],
    ['["eu-1a"]', '"eu-1a"', 'createDiscovery.services.web.priorities.zones: expected a list'],
    ['"share": 0.1', '"share": "10%"', 'createDiscovery.services.api.retryBudget.share: expected a number'],
  ])('refuses %s → %s and says where and what instead', (right, wrong, message) => {
    expect(() => createDiscovery(parsed(config.replace(right, wrong)))).toThrowError(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(message) }),
    );
  });
});
