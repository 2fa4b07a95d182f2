/** How values become places on an axis, and which of them are written beside it. */
export type ScaleKind = 'linear' | 'log';

export interface Scale {
  /** Values to write, ascending, all inside the axis. */
  readonly ticks: readonly number[];
  /** Where a value lies: 0 at the axis' begin, 1 at its end. */
  place(value: number): number;
}

export interface ScaleOptions {
  /** Whether a linear axis begins at 0; a log axis cannot. */
  readonly fromZero?: boolean;
  /** Whether the axis ends at a tick instead of at the last value. */
  readonly whole?: boolean;
}

/**
 * An axis over `values`; those that are not finite are left out.
 * @throws RangeError where none is left, or where a log axis meets one that is not above 0.
 */
export function createScale(kind: ScaleKind, values: readonly number[], options: ScaleOptions = {}): Scale {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = finite.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (finite.length === 0) throw new RangeError('a chart needs at least one finite value');
  if (kind === 'linear') return linear(low, high, options);
  if (low <= 0) throw new RangeError(`a log axis shows only values above 0, got ${low}`);
  return log(low, high, options);
}

function linear(low: number, high: number, { fromZero = false, whole = false }: ScaleOptions): Scale {
  let from = fromZero ? Math.min(0, low) : low;
  let to = fromZero ? Math.max(0, high) : high;
  if (from === to) to = from + 1;
  const step = niceStep((to - from) / 5);
  if (whole) {
    from = Math.floor(from / step + 1e-9) * step;
    to = Math.ceil(to / step - 1e-9) * step;
  }
  const ticks: number[] = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i++) ticks.push(clean(i * step));
  return { ticks, place: (value) => (value - from) / (to - from) };
}

/** The smallest of 1, 2, 5 × 10ⁿ that is not below `step`. */
function niceStep(step: number): number {
  const decade = 10 ** Math.floor(Math.log10(step));
  const factor = [1, 2, 5].find((times) => times * decade >= step * (1 - 1e-9)) ?? 10;
  return factor * decade;
}

function log(low: number, high: number, { whole = false }: ScaleOptions): Scale {
  const wide = high / low > 1_000;
  const steps = wide ? [1] : [1, 2, 5];
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)) + 1; power++) {
    for (const step of steps) all.push(clean(step * 10 ** power));
  }
  const from = whole ? all.findLast((tick) => tick <= low * (1 + 1e-9))! : low;
  let to = whole ? all.find((tick) => tick >= high * (1 - 1e-9))! : high;
  if (to <= from) to = all.find((tick) => tick > from)!;
  const ticks = all.filter((tick) => tick >= from * (1 - 1e-9) && tick <= to * (1 + 1e-9));
  return { ticks, place: (value) => Math.log(value / from) / Math.log(to / from) };
}

/** 0.30000000000000004 → 0.3. */
function clean(value: number): number {
  return Number(value.toPrecision(12));
}
