import { describe, expect, it } from 'vitest';
import { WeightedRandom } from '../../src/balancer/weighted-random.ts';
import { createRandom } from '../../src/random.ts';
import { chiSquare } from '../../src/testing/balancer-contract/statistics.ts';
import { context } from '../lists.ts';
import { CountedExclusion, countsOf, numberOf, weighted, weightedLists } from './weighted-lists.ts';

function over(snapshot = weighted(1, 2, 3), seed = 1) {
  const balancer = new WeightedRandom(context(seed));
  balancer.update(snapshot);
  return balancer;
}

describe('weighted random', () => {
  describe.each([1, 2, 3])('with seed %i', (seed) => {
    it.each([
      [[1, 2, 3, 4]],
      [[1, 1, 1, 1]],
      [[0, 0, 0]],
      [[65_535, 1, 300, 20_000, 65_535]],
      [[0.1, 1, 1, 0.75]],
      [[5, 0, 5]],
      [Array.from({ length: 200 }, (_, i) => 1 + i * i)],
    ])('shares by weight: %j (chi-square)', (weights) => {
      const counts = countsOf(over(weighted(...weights), seed), weights.length, 100_000);
      const due = weights.some((weight) => weight > 0) ? weights : weights.map(() => 1);
      const { value, limit } = chiSquare(counts, due);
      expect(value).toBeLessThan(limit);
      for (const [i, weight] of due.entries()) if (weight === 0) expect(counts[i]).toBe(0);
    });

    it('knows nothing of the pick before (chi-square of pairs)', () => {
      const balancer = over(undefined, seed);
      const pairs = Array<number>(9).fill(0);
      for (let i = 0; i < 100_000; i++) pairs[3 * numberOf(balancer.pick()) + numberOf(balancer.pick())]!++;
      const { value, limit } = chiSquare(pairs, [1, 2, 3, 2, 4, 6, 3, 6, 9]);
      expect(value).toBeLessThan(limit);
    });

    it('shares by weight among those that are not excluded (chi-square)', () => {
      const weights = [65_535, 1, 300, 20, 7, 20];
      const snapshot = weighted(...weights);
      for (const excluded of [[0], [2], [0, 2], [0, 1, 3, 5]]) {
        const exclude = new Set(
          snapshot.endpoints.filter((endpoint) => excluded.includes(numberOf(endpoint))),
        );
        const counts = countsOf(over(snapshot, seed), 6, 50_000, exclude);
        const { value, limit } = chiSquare(
          counts,
          weights.map((weight, i) => (excluded.includes(i) ? 0 : weight)),
        );
        expect(value).toBeLessThan(limit);
      }
    });
  });

  it('chooses a weight of 0 only where all others are excluded, and then evenly', () => {
    const snapshot = weighted(0, 5, 0, 5, 0);
    const balancer = over(snapshot);
    const some = new Set(snapshot.endpoints.filter((endpoint) => numberOf(endpoint) === 1));
    expect(countsOf(balancer, 5, 100, some)).toEqual([0, 0, 0, 100, 0]);
    const heavy = new Set(snapshot.endpoints.filter((endpoint) => numberOf(endpoint) % 2 === 1));
    const { value, limit } = chiSquare(countsOf(balancer, 5, 30_000, heavy), [1, 0, 1, 0, 1]);
    expect(value).toBeLessThan(limit);
  });

  it('follows the newest list, of whatever length (T23)', () => {
    const random = createRandom(5);
    const next = weightedLists();
    const balancer = new WeightedRandom(context());
    for (let round = 0; round < 500; round++) {
      const weights = Array.from({ length: 1 + random.below(30) }, () => random.below(4));
      const snapshot = next(weights);
      balancer.update(snapshot);
      const allowed = weights.some((weight) => weight > 0) ? weights : weights.map(() => 1);
      for (let i = 0; i < 20; i++) expect(allowed[numberOf(balancer.pick())]).toBeGreaterThan(0);
    }
  });

  it('looks at a number of endpoints that does not grow with the list, even without the heaviest', () => {
    const snapshot = weighted(65_535, ...Array<number>(3_000).fill(1));
    const exclude = new CountedExclusion([snapshot.endpoints.find((endpoint) => endpoint.weight > 1)!]);
    const balancer = over(snapshot);
    for (let i = 0; i < 2_000; i++) {
      exclude.asked = 0;
      balancer.pick(undefined, exclude);
      expect(exclude.asked).toBeLessThanOrEqual(8 + 2 * (1 + 64));
    }
  });
});
