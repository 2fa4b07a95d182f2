import { describe, expect, it } from 'vitest';
import { grows, trend } from '../../soak/flat.ts';
import { createRandom } from '../../src/random.ts';

const random = createRandom(1);
const samples = (value: (i: number) => number, count = 60) =>
  Array.from({ length: count }, (_, i) => ({ at: i * 5_000, value: value(i) }));
const noise = (size: number) => size * (random.fraction() - 0.5);

describe('a series of samples', () => {
  it('that only scatters is flat', () => {
    expect(grows(trend(samples(() => 1e7 + noise(1e6))), 1e5)).toBe(false);
  });

  it('that rises beneath its noise is not', () => {
    const leak = trend(samples((i) => 1e7 + 40_000 * i + noise(1e6)));
    expect(leak.growth).toBeGreaterThan(2e6);
    expect(grows(leak, 1e6)).toBe(true);
  });

  it('may rise by what is allowed', () => {
    expect(grows(trend(samples((i) => i)), 60)).toBe(false);
    expect(grows(trend(samples((i) => i)), 58)).toBe(true);
  });

  it('that falls is flat', () => {
    expect(grows(trend(samples((i) => -1_000 * i)), 0)).toBe(false);
  });

  it('of two is not judged', () => {
    expect(grows(trend(samples((i) => 1e9 * i, 2)), 1)).toBe(false);
  });
});
