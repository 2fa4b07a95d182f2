import { describe, expect, it } from 'vitest';
import { hash } from '../src/hash.ts';

/** Σ (observed − expected)² / expected over equal bins. */
function chiSquare(bins: ArrayLike<number>, samples: number): number {
  const expected = samples / bins.length;
  return Array.from(bins).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe('hash', () => {
  it('is the same everywhere, for ever: subsets must not move with a new version', () => {
    expect([hash(''), hash('a'), hash('pod-7 10.0.0.1:8080')]).toEqual([
      1210086343011548, 3529985069932882, 2352278863152918,
    ]);
  });

  it('stands in [0, 2⁵³), and differs for 200 000 texts that look alike', () => {
    const values = Array.from({ length: 200_000 }, (_, i) =>
      hash(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:80`),
    );
    expect(values.every((value) => Number.isSafeInteger(value) && value >= 0)).toBe(true);
    expect(new Set(values).size).toBe(200_000);
  });

  it.each([
    ['addresses', (i: number) => `10.0.${i >> 8}.${i & 255}:8080`],
    ['counted keys', (i: number) => `pod-${i}`],
    ['one address under many keys', (i: number) => `${i} 10.0.0.1:80`],
  ])('is even over %s, in its high and in its low digits', (_, text) => {
    const [samples, count] = [100_000, 1_000];
    const high = new Uint32Array(count);
    const low = new Uint32Array(count);
    for (let i = 0; i < samples; i++) {
      const value = hash(text(i));
      high[Math.floor((value / 2 ** 53) * count)]!++;
      low[value % count]!++;
    }
    // 999 degrees of freedom: above 1 144 in one of a thousand cases.
    expect(chiSquare(high, samples)).toBeLessThan(1_144);
    expect(chiSquare(low, samples)).toBeLessThan(1_144);
  });

  it('changes about half of its bits with one character', () => {
    let flipped = 0;
    for (let i = 0; i < 2_000; i++) {
      const difference = BigInt(hash(`${i} 10.0.0.1:80`)) ^ BigInt(hash(`${i} 10.0.0.1:81`));
      flipped += difference.toString(2).replaceAll('0', '').length;
    }
    expect(flipped / 2_000 / 53).toBeCloseTo(0.5, 2);
  });
});
