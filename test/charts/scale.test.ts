import { describe, expect, it } from 'vitest';
import { createScale } from '../../charts/scale.ts';

describe('a linear axis', () => {
  it('reaches from the least to the largest value', () => {
    const { place } = createScale('linear', [20, 5, 10]);
    expect([5, 12.5, 20].map(place)).toEqual([0, 0.5, 1]);
  });

  it('is divided by 1, 2 or 5 of a decade', () => {
    expect(createScale('linear', [0, 1]).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(createScale('linear', [3, 41]).ticks).toEqual([10, 20, 30, 40]);
  });

  it('may begin at 0 and end at a tick', () => {
    const { ticks, place } = createScale('linear', [3, 7.3], { fromZero: true, whole: true });
    expect(ticks).toEqual([0, 2, 4, 6, 8]);
    expect(place(8)).toBe(1);
  });

  it('has room for a single value', () => {
    expect(createScale('linear', [0]).place(0)).toBe(0);
  });
});

describe('a log axis', () => {
  it('gives every decade the same length', () => {
    const { ticks, place } = createScale('log', [3, 10_000]);
    expect(ticks).toEqual([10, 100, 1_000, 10_000]);
    expect(place(1_000) - place(100)).toBeCloseTo(place(100) - place(10));
  });

  it('is divided more finely where it is short', () => {
    expect(createScale('log', [3, 40], { whole: true }).ticks).toEqual([2, 5, 10, 20, 50]);
  });

  it('has room for a single value', () => {
    const { ticks, place } = createScale('log', [20], { whole: true });
    expect(ticks).toEqual([20, 50]);
    expect(place(20)).toBe(0);
  });

  it('refuses what has no logarithm', () => {
    expect(() => createScale('log', [1, 0])).toThrow(RangeError);
  });
});

it('leaves out what is not finite, and refuses when nothing is left', () => {
  expect(createScale('linear', [Number.NaN, 1, Number.POSITIVE_INFINITY, 2]).place(2)).toBe(1);
  expect(() => createScale('linear', [Number.NaN])).toThrow(/at least one finite value/);
});
