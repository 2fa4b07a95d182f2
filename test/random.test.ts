import { describe, expect, it } from 'vitest';
import { createRandom } from '../src/random.ts';

describe('the generator', () => {
  it('repeats itself with the same seed and differs with another', () => {
    const take = (seed: number) => Array.from({ length: 5 }, createRandom(seed).next);
    expect(take(1)).toEqual(take(1));
    expect(take(1)).not.toEqual(take(2));
  });

  it('never gets stuck, with seed 0 either', () => {
    const { next } = createRandom(0);
    expect(new Set(Array.from({ length: 1_000 }, next)).size).toBe(1_000);
  });

  it('draws evenly, from the first number of neighbouring seeds too', () => {
    const draws = (draw: (i: number) => number) => {
      const counts = Array<number>(10).fill(0);
      for (let i = 0; i < 10_000; i++) counts[draw(i)]!++;
      // χ² with 9 degrees of freedom: 33.7 is passed once in 10 000.
      return counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0);
    };
    const one = createRandom(99);
    expect(draws(() => one.below(10))).toBeLessThan(33.7);
    expect(draws((seed) => createRandom(seed).below(10))).toBeLessThan(33.7);
  });

  it('stays inside its bounds', () => {
    const { below, fraction } = createRandom(5);
    for (let i = 0; i < 10_000; i++) {
      expect(below(7)).toBeLessThan(7);
      expect(fraction()).toBeLessThan(1);
    }
    expect([below(1), below(0)]).toEqual([0, 0]);
  });
});
