import type { Endpoint } from '../endpoint.ts';
import type { Weighed } from './weights.ts';

/**
 * Endpoints by weight from two uniform draws, O(1) at worst: the alias method (A. J. Walker, "An Efficient Method for Generating
 * Discrete Random Variables with General Distributions", ACM TOMS, 1977), built as M. D. Vose, "A Linear Algorithm for Generating
 * Random Numbers with a Given Distribution", IEEE TSE, 1991. Immutable.
 *
 * There are as many columns as endpoints, each of the mean weight: one that is lighter leaves room in its column, which is filled
 * up by one that is heavier. So a column belongs to two at most, and a coin decides between them.
 */
export class AliasTable {
  readonly #endpoints: readonly Endpoint[];
  /** What of each column is its own endpoint's: of 2³² sides of the coin. */
  readonly #own: Uint32Array;
  /** Whose the rest is. */
  readonly #alias: Uint32Array;

  /** O(n). */
  constructor({ endpoints, weights }: Pick<Weighed, 'endpoints' | 'weights'>) {
    const size = endpoints.length;
    this.#endpoints = endpoints;
    this.#own = new Uint32Array(size).fill(2 ** 32 - 1);
    this.#alias = Uint32Array.from(endpoints.keys());
    let total = 0;
    for (const weight of weights) total += weight;
    const columns = weights.map((weight) => (weight / total) * size);
    // One array holds the light ones from its beginning and the heavy ones from its end.
    const waiting = new Uint32Array(size);
    let light = 0;
    let heavy = size;
    for (let i = 0; i < size; i++) waiting[columns[i]! < 1 ? light++ : --heavy] = i;
    while (light > 0 && heavy < size) {
      const small = waiting[--light]!;
      const large = waiting[heavy]!;
      this.#own[small] = Math.min(2 ** 32 - 1, Math.round(columns[small]! * 2 ** 32));
      this.#alias[small] = large;
      columns[large] = columns[large]! - (1 - columns[small]!);
      if (columns[large]! >= 1) continue;
      heavy++;
      waiting[light++] = large;
    }
    // What rounding has left over on either side is a column of its own.
  }

  /** The number of columns. */
  get size(): number {
    return this.#endpoints.length;
  }

  /** @param column in [0, size); @param coin in [0, 2³²). */
  at(column: number, coin: number): Endpoint | undefined {
    return this.#endpoints[coin < this.#own[column]! ? column : this.#alias[column]!];
  }
}
