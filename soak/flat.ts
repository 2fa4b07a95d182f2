/** Is a series of samples flat? A line is fitted through it by least squares. */
export interface Trend {
  readonly mean: number;
  /** How much higher the line is at the last sample than at the first. */
  readonly growth: number;
  /** The standard error of `growth`; with fewer than 3 samples Infinity. */
  readonly error: number;
}

export function trend(samples: readonly { readonly at: number; readonly value: number }[]): Trend {
  const count = samples.length;
  const mean = average(samples.map(({ value }) => value));
  const middle = average(samples.map(({ at }) => at));
  let spread = 0;
  let slope = 0;
  for (const { at, value } of samples) {
    spread += (at - middle) ** 2;
    slope += (at - middle) * (value - mean);
  }
  slope = spread === 0 ? 0 : slope / spread;
  const residue = samples.reduce(
    (sum, { at, value }) => sum + (value - mean - slope * (at - middle)) ** 2,
    0,
  );
  const time = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0);
  const error =
    count < 3 || spread === 0 ? Number.POSITIVE_INFINITY : Math.sqrt(residue / (count - 2) / spread);
  return { mean, growth: slope * time, error: error * time };
}

/** True when the series grew by more than `allowed`, and by more than chance explains (three standard errors). */
export function grows({ growth, error }: Trend, allowed: number): boolean {
  return growth > allowed && growth > 3 * error;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
