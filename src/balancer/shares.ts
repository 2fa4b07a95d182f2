import type { Endpoint } from '../endpoint.ts';
import type { Weighed } from './weights.ts';

/**
 * The circle of 2³² points, parted among endpoints by weight; immutable.
 *
 * A guide table (Chen & Asau, "On Generating Random Variates from an Empirical Distribution", 1974) leads to the part of a point:
 * the circle is cut into at least as many cells as there are endpoints, and each cell knows which parts begin in it. Mostly that is
 * one; where many are crowded into a cell, bisection finds it. So a look-up is O(1) expected, over all points, and O(log n) at worst.
 */
export class Shares {
  readonly #endpoints: readonly Endpoint[];
  /** Where each part begins. */
  readonly #starts: Uint32Array;
  /** Of each cell, the part its first point is in; one cell more at the end. */
  readonly #guide: Uint32Array;
  /** `point >>> shift` is the cell. */
  readonly #shift: number;

  /** O(n). */
  constructor({ endpoints, weights }: Weighed) {
    const size = endpoints.length;
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    this.#endpoints = endpoints;
    this.#starts = new Uint32Array(size);
    let below = 0;
    for (let i = 0; i < size; i++) {
      this.#starts[i] = Math.min(2 ** 32 - 1, Math.round((below / total) * 2 ** 32));
      below += weights[i]!;
    }
    const bits = Math.max(1, Math.ceil(Math.log2(size)));
    this.#shift = 32 - bits;
    this.#guide = new Uint32Array(2 ** bits + 1);
    let part = 0;
    for (let cell = 0; cell <= 2 ** bits; cell++) {
      while (part + 1 < size && this.#starts[part + 1]! <= cell * 2 ** this.#shift) part++;
      this.#guide[cell] = part;
    }
  }

  /** Whose part `point` is in; any int32. */
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
