import { describe, expect, it } from 'vitest';
import type { Balancer, Endpoint, Lease, Service } from '../src/index.ts';
import { createRandom, type Random } from '../src/random.ts';
import type { FakeClock } from '../src/testing/fake-clock.ts';
import { readyWorld } from './service-world.ts';

const strategies = [
  'random',
  'first',
  'round-robin',
  'weighted-round-robin',
  'weighted-random',
  'least-used',
  'least-in-flight',
  'power-of-two-choices',
  'peak-ewma',
  { name: 'consistent-hash', bound: 1.25 },
];

/** A strategy of somebody's own that throws now and then, wherever it can. */
function unreliable(random: Random): () => Balancer {
  const maybe = (odds: number) => {
    if (random.below(odds) === 0) throw new Error('a strategy that throws');
  };
  return () => {
    let all: readonly Endpoint[] = [];
    return {
      update: ({ endpoints }) => {
        all = endpoints;
        maybe(5);
      },
      pick: () => {
        maybe(9);
        return all[random.below(all.length)];
      },
      started: () => maybe(4),
      finished: () => maybe(4),
    };
  };
}

/** What the function of a `run()` does: well, badly, soon, late, or something with the service itself. */
function workOf(web: Service, random: Random, clock: FakeClock): () => unknown {
  const later = (settle: () => void) => clock.setTimeout(settle, random.below(3_000));
  const works: (() => unknown)[] = [
    () => 'at once',
    () => {
      throw new Error('at once');
    },
    () => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })),
    () => {
      web.acquire().release();
      web.setBalancer(oneOf(strategies, random));
      return Promise.reject(new Error('after a change of strategy'));
    },
    () => new Promise((_, reject) => later(() => reject(new Error('late')))),
    () => new Promise<void>((resolve) => later(resolve)),
  ];
  return oneOf(works, random);
}

const oneOf = <T>(all: readonly T[], random: Random): T => all[random.below(all.length)]!;
const codes = (error: unknown) => (error as { code?: string }).code ?? String(error);

describe('requests in flight', () => {
  it.each(Array.from({ length: 40 }, (_, i) => i + 1))(
    'are counted exactly, whatever happens in whatever order (seed %i)',
    async (seed) => {
      const random = createRandom(seed);
      const chance = (odds: number) => random.below(odds) === 0;
      const { web, clock, source } = await readyWorld(
        {
          balancer: oneOf(strategies, random),
          outlier: chance(2),
          slowStart: chance(2),
          maxInFlight: oneOf([Number.POSITIVE_INFINITY, 3], random),
        },
        'abcdef',
      );
      const held: Lease[] = [];
      const seen = new Set<Endpoint>(web.endpoints);
      let running = 0;
      const actions: (() => unknown)[] = [
        () => held.push(web.acquire({ key: `user ${random.below(9)}` })),
        () => held.push(web.acquire({ exclude: new Set(web.endpoints.filter(() => chance(3))) })),
        () => {
          const [lease] = held.splice(random.below(held.length), 1);
          lease?.release({ ok: chance(2) });
          lease?.release();
        },
        () => {
          const caller = new AbortController();
          if (chance(3)) clock.setTimeout(() => caller.abort('enough'), random.below(600));
          running++;
          web
            .run(workOf(web, random, clock), {
              retries: random.below(4),
              signal: caller.signal,
              ...(chance(2) && { timeout: 500 }),
              ...(chance(2) && { attemptTimeout: 200 }),
            })
            .catch(() => {})
            .finally(() => running--);
        },
        () => {
          source.answer = oneOf(['abcdef', 'abc', 'def', 'a', 'bcdef', 'abcdeg'], random);
        },
        () => clock.advance(random.below(4_000)),
        () => web.setBalancer(oneOf(strategies, random)),
        () => web.setBalancer(unreliable(random)),
        () => web.report(oneOf(web.endpoints, random), { ok: !chance(3), elapsed: random.below(50) }),
      ];
      for (let step = 1; step <= 200; step++) {
        try {
          await oneOf(actions, random)();
        } catch (error) {
          expect(codes(error)).toMatch(/^ERR_(NO_ENDPOINTS|OVERLOADED)$|a strategy that throws/);
        }
        for (const endpoint of web.endpoints) seen.add(endpoint);
        if (step % 10 > 0) continue;
        // All runs end within their time; what is held is all that is left.
        await clock.advance(15_000);
        expect(running).toBe(0);
        for (const endpoint of seen) {
          const own = held.filter((lease) => lease.endpoint === endpoint).length;
          expect([endpoint.address, endpoint.inFlight]).toEqual([endpoint.address, own]);
        }
      }
      web.close();
      for (const lease of held) lease.release();
      expect([...seen].map(({ inFlight }) => inFlight)).toEqual([...seen].map(() => 0));
    },
  );
});
