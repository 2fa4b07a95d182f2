/** Sides of a coin: a small integer, whatever bits stand for it. */
const sides = 2 ** 30;

/**
 * Places by weight from a uniform draw, O(1) at worst: the alias method (A. J. Walker, "An Efficient Method for Generating Discrete
 * Random Variables with General Distributions", ACM TOMS, 1977), built as M. D. Vose, "A Linear Algorithm for Generating Random
 * Numbers with a Given Distribution", IEEE TSE, 1991. Immutable.
 *
 * There are as many columns as weights, each as high as the mean weight: a lighter one leaves room in its own, which is filled
 * with a heavier one. So a column belongs to two at most, and a coin decides between them.
 */
export class AliasTable {
  readonly #size: number;
  /** Two numbers a column: how many sides of the coin mean its own place, and whose the others are. */
  readonly #columns: Int32Array;

  /** O(n). */
  constructor(weights: Float64Array) {
    this.#size = weights.length;
    this.#columns = columnsOf(weights);
  }

  /**
   * @param bits drawn from all int32: they say the column, and what is left of them is the coin. (Not a fraction: such a number is an
   * object on the heap wherever this call is not inlined.)
   * @returns 0 also where there are no weights.
   */
  placeOf(bits: number): number {
    const place = (bits >>> 0) * 2 ** -32 * this.#size;
    const column = place | 0;
    const coin = ((place - column) * sides) | 0;
    const own = this.#columns[2 * column]!;
    const other = this.#columns[2 * column + 1]!;
    // All ones where the coin means the column's own place, else 0: a branch on a coin is mispredicted half the time.
    const mask = (coin - own) >> 31;
    return other ^ ((other ^ column) & mask);
  }
}

function columnsOf(weights: Float64Array): Int32Array {
  const size = weights.length;
  let total = 0;
  for (const weight of weights) total += weight;
  // One in any case: what is read past the end of a typed array once makes the reading slow for ever.
  const columns = new Int32Array(Math.max(2, 2 * size));
  const left = weights.map((weight) => (weight / total) * size);
  // The lighter wait in front, the heavier at the end.
  const waiting = new Uint32Array(size);
  let light = 0;
  let heavy = size;
  for (let i = 0; i < size; i++) {
    waiting[left[i]! < 1 ? light++ : --heavy] = i;
    // What rounding leaves over on either side keeps a column of its own.
    columns[2 * i] = sides;
    columns[2 * i + 1] = i;
  }
  while (light > 0 && heavy < size) {
    const small = waiting[--light]!;
    const large = waiting[heavy]!;
    columns[2 * small] = Math.round(left[small]! * sides);
    columns[2 * small + 1] = large;
    left[large] = left[large]! - (1 - left[small]!);
    if (left[large]! >= 1) continue;
    heavy++;
    waiting[light++] = large;
  }
  return columns;
}
