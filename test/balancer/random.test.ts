import { describe, expect, it } from 'vitest';
import { RandomChoice } from '../../src/balancer/random.ts';
import { chiSquare } from '../../src/testing/balancer-contract/statistics.ts';
import { context } from '../lists.ts';
import { CountedExclusion, countsOf, numberOf, weighted } from './weighted-lists.ts';

function over(snapshot = weighted(1, 1, 1, 1, 1), seed = 1) {
  const balancer = new RandomChoice(context(seed));
  balancer.update(snapshot);
  return balancer;
}

describe('random', () => {
  it.each([1, 2, 3])('is uniform, whatever the weights are (chi-square, seed %i)', (seed) => {
    const balancer = over(weighted(1, 65_535, 0, 10, 0.5, 1, 1), seed);
    const { value, limit } = chiSquare(countsOf(balancer, 7, 70_000), Array(7).fill(1));
    expect(value).toBeLessThan(limit);
  });

  it.each([1, 2, 3])('knows nothing of the pick before (chi-square of pairs, seed %i)', (seed) => {
    const balancer = over(undefined, seed);
    const pairs = Array<number>(25).fill(0);
    for (let i = 0; i < 100_000; i++) pairs[5 * numberOf(balancer.pick()) + numberOf(balancer.pick())]!++;
    const { value, limit } = chiSquare(pairs, Array(25).fill(1));
    expect(value).toBeLessThan(limit);
  });

  it.each([1, 2, 3])('is uniform among those that are not excluded (chi-square, seed %i)', (seed) => {
    const snapshot = weighted(...Array<number>(10).fill(1));
    for (const excluded of [1, 5, 7]) {
      const exclude = new Set(snapshot.endpoints.slice(0, excluded));
      const open = snapshot.endpoints.slice(excluded).map(numberOf);
      const counts = countsOf(over(snapshot, seed), 10, 30_000, exclude);
      const { value, limit } = chiSquare(
        counts,
        counts.map((_, i) => Number(open.includes(i))),
      );
      expect(value).toBeLessThan(limit);
    }
  });

  it('looks at a number of endpoints that does not grow with the list', () => {
    const snapshot = weighted(...Array<number>(2_000).fill(1));
    const exclude = new CountedExclusion(snapshot.endpoints.slice(0, 1_000));
    const balancer = over(snapshot);
    for (let i = 0; i < 1_000; i++) {
      exclude.asked = 0;
      balancer.pick(undefined, exclude);
      expect(exclude.asked).toBeLessThanOrEqual(8 + 2 * (1_000 + 64));
    }
  });
});
