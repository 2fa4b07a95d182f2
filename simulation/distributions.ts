import type { Random } from '../src/random.ts';

/** Times to draw from, in ms. */
export interface Distribution {
  readonly mean: number;
  draw(random: Random): number;
}

/** Memoryless: what queueing theory calculates with. */
export function exponential(mean: number): Distribution {
  return { mean, draw: (random) => mean * standardExponential(random) };
}

/** A long tail, as measured response times have it. `sigma` is that of the logarithm: with 1, the p99 is 6 times the mean. */
export function lognormal(mean: number, sigma: number): Distribution {
  const median = mean * Math.exp(-(sigma ** 2) / 2);
  return { mean, draw: (random) => median * Math.exp(sigma * standardNormal(random)) };
}

export function constant(mean: number): Distribution {
  return { mean, draw: () => mean };
}

export function standardExponential(random: Random): number {
  return -Math.log(1 - random.fraction());
}

/** Box and Muller, "A note on the generation of random normal deviates", 1958. */
function standardNormal(random: Random): number {
  return Math.sqrt(2 * standardExponential(random)) * Math.cos(2 * Math.PI * random.fraction());
}
