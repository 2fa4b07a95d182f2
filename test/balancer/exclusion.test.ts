import { describe, expect, it } from 'vitest';
import { drawOpen, openFrom } from '../../src/balancer/exclusion.ts';
import { weigh } from '../../src/balancer/weights.ts';
import { createRandom } from '../../src/random.ts';
import { chiSquare } from '../../src/testing/balancer-contract/statistics.ts';
import { CountedExclusion, numberOf, weighted } from './weighted-lists.ts';

const equal = (count: number) => weigh(weighted(...Array<number>(count).fill(1)));

/** How often each place of the list was drawn. */
function drawn(
  list: ReturnType<typeof weigh>,
  exclude: CountedExclusion,
  times: number,
  seed: number,
): number[] {
  const random = createRandom(seed);
  const counts = list.endpoints.map(() => 0);
  for (let i = 0; i < times; i++) {
    const endpoint = drawOpen(list.endpoints, list.weights, exclude, random.next() | 0, random.next() | 0);
    counts[list.endpoints.indexOf(endpoint!)]!++;
  }
  return counts;
}

describe('the first open one from a place on', () => {
  const { endpoints } = equal(6);

  it('is found around the end of the list', () => {
    expect(openFrom(4, endpoints, new Set([endpoints[4]!, endpoints[5]!, endpoints[0]!]))).toBe(1);
  });

  it('is none where all are excluded', () => {
    expect(openFrom(3, endpoints, new Set(endpoints))).toBe(-1);
    expect(openFrom(0, [], new Set())).toBe(-1);
  });

  it('is looked for among one more than are excluded', () => {
    const exclude = new CountedExclusion(endpoints.slice(0, 3));
    expect(openFrom(0, endpoints, exclude)).toBe(3);
    expect(exclude.asked).toBe(4);
  });
});

describe('an open one that is drawn', () => {
  it.each([1, 2, 3])('has its share of what is left, seed %i', (seed) => {
    const list = weigh(weighted(65_535, 1, 300, 20, 7, 20));
    const exclude = new CountedExclusion(
      [0, 3].map((number) => list.endpoints.find((e) => numberOf(e) === number)!),
    );
    const shares = list.endpoints.map((endpoint, i) => (exclude.has(endpoint) ? 0 : list.weights[i]!));
    const { value, limit } = chiSquare(drawn(list, exclude, 50_000, seed), shares);
    expect(value).toBeLessThan(limit);
  });

  it('inherits nothing from excluded neighbours in a long list', () => {
    const list = equal(1_000);
    const exclude = new CountedExclusion(list.endpoints.slice(500, 510));
    const counts = drawn(list, exclude, 300_000, 4);
    const { value, limit } = chiSquare(
      counts,
      list.endpoints.map((e) => (exclude.has(e) ? 0 : 1)),
    );
    expect(value).toBeLessThan(2 * limit);
    expect(Math.max(...counts.slice(510, 520), ...counts.slice(490, 500))).toBeLessThan(450);
  });

  it('is found in a number of steps that does not grow with the list', () => {
    const list = equal(5_000);
    const exclude = new CountedExclusion(list.endpoints.slice(100, 150));
    drawn(list, exclude, 100, 5);
    expect(exclude.asked / 100).toBeLessThanOrEqual(2 * (50 + 64));
  });

  it('is the only one left, wherever the draw falls', () => {
    const { endpoints, weights } = weigh(weighted(3, 5, 65_535, 1));
    for (const open of endpoints) {
      const exclude = new Set(endpoints.filter((endpoint) => endpoint !== open));
      for (const bits of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]) {
        expect(drawOpen(endpoints, weights, exclude, bits, bits)).toBe(open);
      }
    }
  });

  it('is none where all are excluded, or nobody is there', () => {
    const { endpoints, weights } = equal(100);
    expect(drawOpen(endpoints, weights, new Set(endpoints), 7, 7)).toBe(undefined);
    expect(drawOpen([], undefined, new Set(endpoints), 7, 7)).toBe(undefined);
  });
});
