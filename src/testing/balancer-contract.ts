import type { Balancer, BalancerContext, BalancerOption } from '../balancer/balancer.ts';
import { createBalancer } from '../balancer/index.ts';
import { createCoarseClock } from '../coarse-clock.ts';
import type { Endpoint } from '../endpoint.ts';
import { IntervalProber } from '../health/prober.ts';
import { createRandom } from '../random.ts';
import type { Address } from '../resolver/resolver.ts';
import { emptySnapshot, reconcile, rememberDeparted, type Snapshot } from '../snapshot.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import type { TestRunner } from './runner.ts';

/**
 * What every balancer must do, whoever wrote it: run it on yours.
 *
 *     balancerContract(myStrategy, { describe, it, expect });
 *
 * @param option a factory, a description or a name, as `createDiscovery({ balancer })` takes it.
 * @param spreads `false` for a strategy that prefers one endpoint on purpose, as `first` does.
 */
export function balancerContract(
  option: BalancerOption,
  { describe, it, expect }: TestRunner,
  { spreads = true }: { spreads?: boolean } = {},
): void {
  const title = typeof option === 'string' ? option : option.name || 'a balancer';

  describe(`${title} keeps the balancer contract`, () => {
    it('chooses nothing from an empty list, before and after an update', () => {
      const { balancer } = world(option);
      expect(balancer.pick()).toBe(undefined);
      balancer.update(emptySnapshot);
      expect(balancer.pick()).toBe(undefined);
      expect(balancer.pick('key')).toBe(undefined);
    });

    it('chooses the only endpoint every time', () => {
      const { balancer, list } = world(option);
      const { endpoints } = list(1);
      for (let i = 0; i < 10; i++) expect(balancer.pick(`key ${i}`)).toBe(endpoints[0]);
    });

    it('chooses only endpoints of the newest list, through many lists', () => {
      const { balancer, list, random } = world(option);
      for (let round = 0; round < 300; round++) {
        const { endpoints } = list(random.below(12), random.below(5));
        const listed = new Set(endpoints);
        for (let i = 0; i < 25; i++) {
          const endpoint = balancer.pick(`key ${i % 7}`);
          expect(endpoint === undefined ? listed.size === 0 : listed.has(endpoint)).toBe(true);
        }
      }
    });

    it('chooses from one when all others have left', () => {
      const { balancer, list } = world(option);
      list(8);
      for (let i = 0; i < 5; i++) balancer.pick();
      const [survivor] = list(1, 3).endpoints;
      for (let i = 0; i < 5; i++) expect(balancer.pick()).toBe(survivor);
    });

    it('never chooses an excluded endpoint, and nothing when all are excluded', () => {
      const { balancer, list, random } = world(option);
      const { endpoints } = list(7);
      for (let round = 0; round < 500; round++) {
        const exclude = new Set(endpoints.filter(() => random.below(2) === 0));
        const endpoint = balancer.pick('key', exclude);
        const possible = endpoint === undefined ? exclude.size === 7 : !exclude.has(endpoint);
        expect(possible).toBe(true);
      }
      expect(balancer.pick('key', new Set(endpoints))).toBe(undefined);
    });

    it('does not mind that excluded endpoints are not in its list', () => {
      const { balancer, list } = world(option);
      const strangers = new Set(list(3).endpoints);
      const { endpoints } = list(2, 5);
      expect(endpoints.includes(balancer.pick('key', strangers) as Endpoint)).toBe(true);
    });

    (spreads ? it : skip)('reaches every endpoint sooner or later without a key', () => {
      const { balancer, list } = world(option);
      const { endpoints } = list(5);
      const seen = new Set<unknown>();
      for (let i = 0; i < 1_000; i++) seen.add(balancer.pick());
      expect(seen.size).toBe(endpoints.length);
    });

    it('does the same again with the same seed', () => {
      const picks = (seed: number) => {
        const { balancer, list } = world(option, seed);
        list(6);
        const first = Array.from({ length: 30 }, () => balancer.pick()?.address);
        list(9);
        return [...first, ...Array.from({ length: 30 }, () => balancer.pick()?.address)];
      };
      expect(picks(7)).toEqual(picks(7));
    });

    (spreads ? it : skip)('does not send every fresh process to the same endpoint', () => {
      const firsts = new Set<unknown>();
      for (let seed = 1; seed <= 60; seed++) {
        const { balancer, list } = world(option, seed);
        list(4);
        firsts.add(balancer.pick()?.address);
      }
      expect(firsts.size).toBeGreaterThan(1);
    });

    it('is told of requests that end after their endpoint has left, and goes on', () => {
      const { balancer, list } = world(option);
      list(3);
      const endpoint = balancer.pick();
      if (endpoint !== undefined) balancer.started?.(endpoint);
      list(2, 6);
      if (endpoint !== undefined) balancer.finished?.(endpoint, { ok: false, elapsed: 12 });
      expect(balancer.pick() === undefined).toBe(false);
    });

    it('leaves no timer behind when it is closed, idle or not', async () => {
      const { balancer, list, clock } = world(option);
      list(3);
      await clock.advance(10_000);
      balancer.idle?.(true);
      balancer.idle?.(false);
      await clock.advance(10_000);
      balancer.close?.();
      await clock.advance(10_000);
      expect(clock.pending).toBe(0);
    });
  });
}

/** What a strategy does not promise is no case at all. */
function skip(_name: string, _body: () => void): void {}

interface World {
  readonly balancer: Balancer;
  readonly clock: FakeClock;
  readonly random: ReturnType<typeof createRandom>;
  /** Gives the balancer a list of `count` endpoints, numbered from `first`; those that stay are the same objects. */
  list(count: number, first?: number): Snapshot;
}

/** A balancer in a world of its own: time stands still, randomness is seeded, probes answer at once. */
function world(option: BalancerOption, seed = 1): World {
  const clock = createFakeClock();
  const random = createRandom(seed);
  const context: BalancerContext = {
    clock,
    coarse: createCoarseClock(clock),
    random: createRandom(random.next()),
    prober: (options) => new IntervalProber({ ...options, probe: async () => 1 }, clock, random),
  };
  const balancer = createBalancer(option, context);
  const departed = rememberDeparted(clock);
  let snapshot = emptySnapshot;
  return {
    balancer,
    clock,
    random,
    list(count, first = 0) {
      snapshot = reconcile(
        snapshot,
        Array.from({ length: count }, (_, i) => numbered(first + i)),
        departed,
      ).snapshot;
      balancer.update(snapshot);
      return snapshot;
    },
  };
}

function numbered(i: number): Address {
  return { host: `10.0.${i >> 8}.${i & 255}`, port: 8000 + i, priority: 1, weight: 1 };
}
