import { describe, expect, it } from 'vitest';
import { weigh } from '../../src/balancer/weights.ts';
import { emptySnapshot } from '../../src/snapshot.ts';
import { numberOf, weighted, weightedLists } from './weighted-lists.ts';

const numbers = (endpoints: Parameters<typeof numberOf>[0][]) => endpoints.map(numberOf);

describe('the weights of a list', () => {
  it('stand beside their endpoints, whatever lists came before (T23)', () => {
    const next = weightedLists();
    for (const weights of [[3, 1, 2], [7], [5, undefined, 0, 4], [65_535, 65_534]]) {
      const { endpoints, weights: read } = weigh(next(weights));
      expect(endpoints.map((endpoint, i) => [numberOf(endpoint), read[i]])).toEqual(
        [...weights.entries()].filter(([, weight]) => weight),
      );
      expect(read).toHaveLength(endpoints.length);
    }
  });

  it('may be fractions', () => {
    expect([...weigh(weighted(0.25, 1)).weights]).toEqual([0.25, 1]);
  });

  it('of 0 make spares of their endpoints', () => {
    const { endpoints, spare, equal } = weigh(weighted(0, 4, 0, 4));
    expect([numbers([...endpoints]), numbers([...spare]), equal]).toEqual([[1, 3], [0, 2], true]);
  });

  it('that are all 0 are all the same', () => {
    const { endpoints, weights, spare, equal } = weigh(weighted(0, 0, 0));
    expect([numbers([...endpoints]), [...weights], spare, equal]).toEqual([[0, 1, 2], [1, 1, 1], [], true]);
  });

  it('that are no weights count as 0', () => {
    const { endpoints, spare } = weigh(weighted(Number.NaN, 1, -5));
    expect([numbers([...endpoints]), numbers([...spare])]).toEqual([[1], [0, 2]]);
  });

  it('of nobody are none', () => {
    expect(weigh(emptySnapshot)).toMatchObject({ endpoints: [], spare: [], equal: true });
  });
});
