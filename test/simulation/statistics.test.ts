import { describe, expect, it } from 'vitest';
import { constant, exponential, lognormal } from '../../simulation/distributions.ts';
import { Arrivals, imbalance, Sample } from '../../simulation/statistics.ts';
import { createRandom } from '../../src/random.ts';

describe('Sample', () => {
  it('gives quantiles by nearest rank, and the mean', () => {
    const sample = new Sample();
    for (let i = 5_000; i >= 1; i--) sample.add(i);
    expect([0, 0.5, 0.99, 0.999, 1].map((p) => sample.quantile(p))).toEqual([1, 2_500, 4_950, 4_995, 5_000]);
    expect(sample.mean).toBe(2_500.5);
    sample.add(0);
    expect(sample.quantile(0)).toBe(0);
  });

  it('has no quantile without values', () => {
    expect(new Sample().quantile(0.5)).toBeNaN();
  });
});

it('imbalance is the largest over the mean', () => {
  expect(imbalance([1, 1, 1])).toBe(1);
  expect(imbalance([0, 4, 0, 0])).toBe(4);
  expect(imbalance([0, 0])).toBe(1);
});

describe('Arrivals', () => {
  const run = (perWindow: (window: number) => readonly number[]) => {
    const arrivals = new Arrivals(2, 10, 100);
    for (let window = 0; window < 500; window++) {
      for (const server of perWindow(window)) arrivals.add(server, 100 + window * 10 + 5);
    }
    return arrivals;
  };

  it('have no dispersion where every window is like the other', () => {
    const steady = run(() => [0, 1]);
    expect(steady.dispersion).toBeCloseTo(0);
    expect(steady.peak).toBe(1);
    expect(steady.perServer).toEqual([499, 499]);
  });

  it('have a dispersion of 1 where chance throws them', () => {
    const random = createRandom(3);
    // 40 windows' worth of thin coin flips make a Poisson stream per server.
    const chance = run(() =>
      Array.from({ length: 200 }, () => random.below(20)).filter((server) => server < 2),
    );
    expect(chance.dispersion).toBeGreaterThan(0.85);
    expect(chance.dispersion).toBeLessThan(1.15);
  });

  it('have a large one where they come in swarms', () => {
    const swarms = run((window) => Array.from({ length: 10 }, () => window % 2));
    expect(swarms.dispersion).toBeCloseTo(5, 1);
    expect(swarms.peak).toBe(2);
  });
});

describe('distributions', () => {
  it.each([
    ['exponential', exponential(10), 46.05],
    ['lognormal', lognormal(10, 1), 62.1],
    ['constant', constant(10), 10],
  ] as const)('%s has its mean and its p99', (_, distribution, p99) => {
    const random = createRandom(5);
    const sample = new Sample();
    for (let i = 0; i < 200_000; i++) sample.add(distribution.draw(random));
    expect(sample.mean / 10).toBeCloseTo(1, 1);
    expect(sample.quantile(0.99) / p99).toBeGreaterThan(0.97);
    expect(sample.quantile(0.99) / p99).toBeLessThan(1.03);
  });
});
