import type { Endpoint } from '../endpoint.ts';
import type { Weighed } from './weights.ts';

/**
 * A circle of 2³² points, parted among endpoints by weight; immutable.
 *
 * A guide table (H.-C. Chen and Y. Asau, "On Generating Random Variates from an Empirical Distribution", AIIE Transactions, 1974)
 * leads to the part that a point is in: the circle is cut into more cells than there are endpoints, and of each cell is known which
 * parts it has to do with. Mostly that is one or two; where many are crowded into a cell, bisection tells them apart. So a look-up
 * is O(1) on average over the circle and O(log n) at worst, and the size is O(n), whatever the weights are.
 */
export class Shares {
  readonly #endpoints: readonly Endpoint[];
  /** Where each part begins, ascending from 0. */
  readonly #starts: Uint32Array;
  /** Of each cell the part that its first point is in; and one cell more, so that each has a next. */
  readonly #guide: Uint32Array;
  /** `point >>> shift` is the cell. */
  readonly #shift: number;

  /** O(n). */
  constructor({ endpoints, weights }: Pick<Weighed, 'endpoints' | 'weights'>) {
    this.#endpoints = endpoints;
    this.#starts = startsOf(weights);
    // Two to four cells an endpoint: with fewer, more time goes into telling parts apart than is saved in memory.
    const bits = Math.ceil(Math.log2(endpoints.length)) + 1;
    this.#shift = 32 - bits;
    this.#guide = guideTo(this.#starts, 2 ** bits);
  }

  /** Whose part `point` is in; an int32. */
  at(point: number): Endpoint {
    const starts = this.#starts;
    const cell = point >>> this.#shift;
    let low = this.#guide[cell]!;
    let high = this.#guide[cell + 1]!;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (starts[middle]! <= point >>> 0) low = middle;
      else high = middle - 1;
    }
    return this.#endpoints[low]!;
  }
}

function startsOf(weights: Float64Array): Uint32Array {
  let total = 0;
  for (const weight of weights) total += weight;
  const starts = new Uint32Array(weights.length);
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    starts[i] = Math.min(2 ** 32 - 1, Math.round((sum / total) * 2 ** 32));
    sum += weights[i]!;
  }
  return starts;
}

function guideTo(starts: Uint32Array, cells: number): Uint32Array {
  const guide = new Uint32Array(cells + 1);
  const width = 2 ** 32 / cells;
  let part = 0;
  for (let cell = 0; cell <= cells; cell++) {
    while (part + 1 < starts.length && starts[part + 1]! <= cell * width) part++;
    guide[cell] = part;
  }
  return guide;
}
