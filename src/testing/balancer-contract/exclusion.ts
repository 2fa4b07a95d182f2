import type { Excluded } from '../../balancer/balancer.ts';
import type { Endpoint } from '../../endpoint.ts';
import { countsOf, only, type Suite } from './suite.ts';

/** What may not be chosen now: endpoints that a retry has tried, or that are full. */
export function exclusion({ open, it, expect, options }: Suite): void {
  it('never chooses an excluded endpoint, and nothing when all are excluded', () => {
    const { balancer, list, random } = open();
    const { endpoints } = list(7);
    for (let round = 0; round < 1_000; round++) {
      const exclude = new Set(endpoints.filter(() => random.below(2) === 0));
      const endpoint = balancer.pick(round % 2 === 0 ? undefined : 'key', exclude);
      const possible =
        endpoint === undefined ? exclude.size === 7 : endpoints.includes(endpoint) && !exclude.has(endpoint);
      expect(possible).toBe(true);
    }
    expect(balancer.pick('key', new Set(endpoints))).toBe(undefined);
    expect(balancer.pick(undefined, new Set(endpoints))).toBe(undefined);
  });

  it('does not mind that excluded endpoints are not in its list', () => {
    const { balancer, list } = open();
    const strangers = new Set(list(3).endpoints);
    const { endpoints } = list(2, 5);
    for (const key of [undefined, 'key']) {
      expect(endpoints.includes(balancer.pick(key, strangers)!)).toBe(true);
      strangers.add(endpoints[0]!);
      expect(balancer.pick(key, strangers)).toBe(endpoints[1]);
      strangers.delete(endpoints[0]!);
    }
  });

  it('goes through the whole list when each choice is excluded from the next, by one set that grows', () => {
    const { balancer, list, begin } = open();
    for (const count of [1, 2, 3, 10, 50]) {
      const { endpoints } = list(count);
      for (const key of [undefined, 'key']) {
        const tried = new Set<Endpoint>();
        for (let i = 0; i < count; i++) {
          const endpoint = balancer.pick(key, tried);
          if (endpoint === undefined || tried.has(endpoint)) break;
          tried.add(endpoint);
          begin(endpoint);
        }
        expect([...tried].sort(byAddress)).toEqual([...endpoints].sort(byAddress));
        expect(balancer.pick(key, tried)).toBe(undefined);
        expect(balancer.pick(key) === undefined).toBe(false);
      }
    }
  });

  it('asks no more of `exclude` than its `size` and `has`', () => {
    const { balancer, list } = open();
    const { endpoints } = list(5);
    const excluding = (...excluded: readonly Endpoint[]): Excluded => ({
      size: excluded.length,
      has: (endpoint) => excluded.includes(endpoint),
    });
    const [a, b, c, d, e] = endpoints as [Endpoint, Endpoint, Endpoint, Endpoint, Endpoint];
    for (const key of [undefined, 'key']) {
      for (let i = 0; i < 10; i++) {
        expect([c, e].includes(balancer.pick(key, excluding(a, b, d))!)).toBe(true);
        expect(balancer.pick(key, excluding(a, b, c, e))).toBe(d);
        expect(endpoints.includes(balancer.pick(key, excluding())!)).toBe(true);
        expect(balancer.pick(key, excluding(...endpoints))).toBe(undefined);
      }
    }
  });

  only(options.spreads, it)(
    'gives the share of excluded endpoints to all others, and to none too much',
    () => {
      const { balancer, list, random } = open();
      const { endpoints } = list(12);
      const exclude = new Set(endpoints.filter(() => random.below(3) === 0));
      const rest = endpoints.filter((endpoint) => !exclude.has(endpoint));
      const counts = countsOf(rest, rest.length * 500, () => balancer.pick(undefined, exclude));
      expect(Math.min(...counts)).toBeGreaterThan(249);
      expect(1_251).toBeGreaterThan(Math.max(...counts));
    },
  );
}

function byAddress(a: Endpoint, b: Endpoint): number {
  return a.address < b.address ? -1 : 1;
}
