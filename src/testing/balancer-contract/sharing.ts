import { chiSquare } from './statistics.ts';
import { countsOf, only, type Suite } from './suite.ts';

/** Who gets how much, without keys and with nothing in flight. */
export function sharing({ open, expect, options, ...suite }: Suite): void {
  const it = only(options.spreads, suite.it);

  it('reaches every endpoint sooner or later without a key', () => {
    for (const count of [2, 5, 1_000]) {
      const { balancer, list } = open();
      const { endpoints } = list(count);
      const counts = countsOf(endpoints, 30 * count, () => balancer.pick());
      expect(Math.min(...counts)).toBeGreaterThan(0);
    }
  });

  it('shares evenly, by a chi-square test (seeds 1, 2 and 3)', () => {
    for (const seed of [1, 2, 3]) {
      for (const count of [2, 3, 10, 64]) {
        const { balancer, list } = open(seed);
        const { endpoints } = list(count);
        const counts = countsOf(endpoints, 5_000 * count, () => balancer.pick());
        const { value, limit } = chiSquare(
          counts,
          counts.map(() => 1),
        );
        expect(limit, `chi-square of ${value} for ${count} endpoints, seed ${seed}`).toBeGreaterThan(value);
      }
    }
  });

  it('does not send every fresh process to the same endpoint', () => {
    const firsts = new Set<unknown>();
    for (let seed = 1; seed <= 60; seed++) {
      const { balancer, list } = open(seed);
      list(4);
      firsts.add(balancer.pick()?.address);
    }
    expect(firsts.size).toBeGreaterThan(2);
  });

  it('goes on where it was when the same list comes again: starting anew at each refresh would favour some', () => {
    for (const seed of [1, 2, 3]) {
      const { balancer, list } = open(seed);
      const { endpoints, addresses } = list(6);
      let version = 1;
      const counts = countsOf(endpoints, 3_000, () => {
        // The same objects, in a snapshot of its own: as when something else than the list has changed.
        balancer.update({ version: ++version, endpoints: [...endpoints], addresses: [...addresses] });
        return balancer.pick();
      });
      const { value, limit } = chiSquare(
        counts,
        counts.map(() => 1),
      );
      expect(limit, `chi-square of ${value}: ${counts}`).toBeGreaterThan(value);
    }
  });

  it('starves nobody who stays, while others come and go between all picks', () => {
    const { balancer, list, random } = open();
    const counts = new Map<string, number>();
    for (let i = 0; i < 1_200; i++) {
      // Numbers 4 and 5 are always there.
      const from = random.below(5);
      list(6 - from + random.below(4), from);
      const address = balancer.pick()?.address ?? 'none';
      counts.set(address, (counts.get(address) ?? 0) + 1);
    }
    for (const i of [4, 5]) expect(counts.get(`10.0.0.${i}:${8000 + i}`) ?? 0).toBeGreaterThan(60);
  });
}
