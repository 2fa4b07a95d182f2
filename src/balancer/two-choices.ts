import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Excluded } from './balancer.ts';
import { weigh } from './weights.ts';

/** @param load requests in flight, those of a lighter endpoint counted for more: with equal weights their number. At least 0. */
export type CostOf = (place: number, load: number) => number;

export class TwoChoices {
  readonly #costOf: CostOf;
  #places: ReadonlyMap<Endpoint, number> = new Map();
  #endpoints: readonly Endpoint[] = [];
  #size = 0;
  #cursor = 0;
  /** xorshift32, as in random.ts; kept here since a call for each draw would cost as much as all the rest. */
  #state: number;
  #relief = new Float64Array(0);
  #costs = new Float32Array(1);
  /** The bits of #costs. Floating-point numbers from 0 upward are ordered as their bits are, and integers compare without a branch. */
  #ranks = new Int32Array(this.#costs.buffer);
  #random: Random;

  constructor(random: Random, costOf: CostOf) {
    this.#random = random;
    this.#costOf = costOf;
    this.#state = random.next() | 1;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  update(snapshot: Snapshot): void {
    const { endpoints, weights, spare } = weigh(snapshot);
    const all = spare.length === 0 ? endpoints : [...endpoints, ...spare];
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    const next = this.#endpoints[this.#cursor];
    this.#cursor = next === undefined ? this.#random.below(endpoints.length) : 0;
    this.#endpoints = all;
    this.#size = endpoints.length;
    this.#relief = Float64Array.from(all, (_, place) => mean / (weights[place] ?? mean));
    this.#places = new Map(all.map((endpoint, place) => [endpoint, place]));
    this.#costs = new Float32Array(Math.max(1, all.length));
    this.#ranks = new Int32Array(this.#costs.buffer);
  }

  reprice(): void {
    for (let place = 0; place < this.#endpoints.length; place++) this.#price(place);
  }

  /** -1 */
  priceOf(endpoint: Endpoint): number {
    const place = this.#places.get(endpoint);
    if (place === undefined) return -1;
    this.#price(place);
    return place;
  }

  placeOf(endpoint: Endpoint): number {
    return this.#places.get(endpoint) ?? -1;
  }

  #price(place: number): void {
    this.#costs[place] = this.#costOf(place, this.#endpoints[place]!.inFlight * this.#relief[place]!);
  }

  pick(_exclude?: Excluded): Endpoint | undefined {
    const size = this.#size;
    const one = this.#cursor;
    const next = one + 1;
    this.#cursor = next < size ? next : 0;
    if (size < 2) return this.#endpoints[one];
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    // In [-size, size): 1 … size - 1 places further on, less a turn; wrapped without a branch, which could not be predicted.
    const past = one + 1 - size + Math.floor((state >>> 0) * 2 ** -32 * (size - 1));
    const other = past + (size & (past >> 31));
    const ranks = this.#ranks;
    const less = (ranks[other]! - ranks[one]!) >> 31;
    return this.#endpoints[one ^ ((one ^ other) & less)];
  }
}
