/**
 * What strategies share for leaving endpoints out. Who is excluded can be asked, not listed, so it is found by looking: no further
 * than to one endpoint more than can be excluded.
 */
import type { Endpoint } from '../endpoint.ts';
import type { Excluded } from './balancer.ts';

/** The place of the first that is not excluded, from `place` on around the list; -1 where there is none. O(|exclude|). */
export function openFrom(place: number, endpoints: readonly Endpoint[], exclude: Excluded): number {
  const size = endpoints.length;
  const steps = Math.min(exclude.size + 1, size);
  for (let step = 0; step < steps; step++) {
    const at = (place + step) % size;
    if (!exclude.has(endpoints[at]!)) return at;
  }
  return -1;
}

/** How often strategies that draw do so again, before they look in the list: for a few among many, once is nearly always enough. */
export const redraws = 8;

/** As many as are looked at, beside those that are excluded. */
const window = 64;

/** Whether `drawOpen` looks through the whole list, and so is exact. */
export function fitsWindow(endpoints: readonly Endpoint[], exclude: Excluded): boolean {
  return endpoints.length <= exclude.size + window;
}

/**
 * One of those that are not excluded, by weight: for when whoever is excluded was drawn time and again. Exact over a list that fits
 * into the window; in a longer one over so many in a row, so that nobody inherits what is excluded beside him. O(|exclude|).
 *
 * @param weights all equal where there are none.
 * @param where any int32, drawn: which part of a long list.
 * @param which any int32, drawn: which of them.
 */
export function drawOpen(
  endpoints: readonly Endpoint[],
  weights: Float64Array | undefined,
  exclude: Excluded,
  where: number,
  which: number,
): Endpoint | undefined {
  const size = endpoints.length;
  const seen = Math.min(size, exclude.size + window);
  const start = fitsWindow(endpoints, exclude) ? 0 : Math.floor(portion(where) * size);
  let total = 0;
  for (let step = 0; step < seen; step++) {
    const at = (start + step) % size;
    if (!exclude.has(endpoints[at]!)) total += weights?.[at] ?? 1;
  }
  let left = portion(which) * total;
  let drawn: Endpoint | undefined;
  for (let step = 0; step < seen && left >= 0; step++) {
    const at = (start + step) % size;
    if (exclude.has(endpoints[at]!)) continue;
    drawn = endpoints[at];
    left -= weights?.[at] ?? 1;
  }
  return drawn;
}

/** An int32 as a number in [0, 1). */
function portion(bits: number): number {
  return (bits >>> 0) / 2 ** 32;
}
