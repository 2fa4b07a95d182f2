import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';
import { AliasTable } from './alias-table.ts';
import type { Excluded } from './balancer.ts';
import { drawOpen, openFrom, redraws } from './exclusion.ts';
import { goldenStep } from './golden-step.ts';
import { Places } from './places.ts';
import { Rotation } from './rotation.ts';
import { nothingWeighed, weigh } from './weights.ts';

/**
 * Of two distinct endpoints the one that costs less: what the strategies of two choices share. They differ in the cost.
 *
 * The first is the one whose turn it is, and it is taken unless the other costs strictly less: so where all cost the same, two choices
 * are round-robin (weighted, where weights differ). The other is drawn from all the rest. Weights act twice: in how often an
 * endpoint is looked at, which is what counts while little is in flight, and in what its load counts for.
 */
export class TwoChoices {
  readonly #rotation: Rotation;
  /** Unequal weights only. */
  #table: AliasTable | undefined;
  /** A golden-ratio sequence (golden-step.ts), for whose turn it is by weight. */
  #turn: number;
  /** Of xorshift32, as in random.ts, whose 32 unsigned bits would be an object on the heap wherever the call is not inlined. */
  #state: number;
  #weighed = nothingWeighed;
  /** Those that are chosen from, and behind them those of weight 0. */
  #endpoints: readonly Endpoint[] = [];
  /** How many are chosen from. */
  #size = 0;
  #places = new Places();
  #burdens = new Float64Array(0);
  #costs = new Float32Array(1);
  /** The bits of #costs: of numbers from 0 upward they are ordered as the numbers are, and integers are compared without a branch. */
  #ranks = new Int32Array(this.#costs.buffer);

  constructor(random: Random) {
    this.#rotation = new Rotation(random);
    this.#turn = random.next() | 0;
    this.#state = random.next() | 1;
  }

  /** By place. */
  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** By place: what a request in flight counts for, 1 at the mean weight, 2 at half of it. */
  get burdens(): Float64Array {
    return this.#burdens;
  }

  /** By place: what a request more would cost there, at least 0; lower is better. The strategy's to write; 0 after each update. */
  get costs(): Float32Array {
    return this.#costs;
  }

  /** O(n). */
  update(snapshot: Snapshot): void {
    const weighed = weigh(snapshot);
    const { endpoints, weights, spare, equal } = weighed;
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.#weighed = weighed;
    this.#endpoints = spare.length === 0 ? endpoints : [...endpoints, ...spare];
    this.#size = endpoints.length;
    this.#places = new Places(this.#endpoints);
    this.#burdens = Float64Array.from(this.#endpoints, (_, place) => mean / (weights[place] ?? mean));
    this.#costs = new Float32Array(Math.max(1, this.#endpoints.length));
    this.#ranks = new Int32Array(this.#costs.buffer);
    this.#rotation.update(endpoints);
    this.#table = equal ? undefined : new AliasTable(weights);
  }

  /** -1: not in the list. */
  placeOf(endpoint: Endpoint): number {
    return this.#places.of(endpoint);
  }

  /** `undefined` only where nothing may be chosen. O(1), with exclusion O(|exclude|). */
  pick(exclude?: Excluded): Endpoint | undefined {
    if (exclude !== undefined) return this.#pickOther(exclude);
    const size = this.#size;
    const turn = this.#next();
    if (size < 2) return this.#endpoints[turn];
    // 1 … size - 1 places further on, less a turn, and that given back below 0: without a branch, which nobody could predict.
    // Nor with a helper that returns a fraction: where it is not inlined, that is an object on the heap.
    const past = turn + 1 - size + Math.floor((this.#draw() >>> 0) * 2 ** -32 * (size - 1));
    return this.#cheaper(turn, past + (size & (past >> 31)));
  }

  #cheaper(turn: number, other: number): Endpoint | undefined {
    const ranks = this.#ranks;
    const less = (ranks[other]! - ranks[turn]!) >> 31;
    return this.#endpoints[turn ^ ((turn ^ other) & less)];
  }

  /** Whose turn it is. */
  #next(): number {
    const table = this.#table;
    if (table === undefined) return this.#rotation.nextPlace();
    this.#turn = (this.#turn + goldenStep) | 0;
    return table.placeOf(this.#turn);
  }

  #pickOther(exclude: Excluded): Endpoint | undefined {
    const turn = this.#openTurn(exclude);
    if (turn < 0) return drawOpen(this.#weighed.spare, undefined, exclude, this.#draw(), this.#draw());
    return this.#cheaper(turn, this.#openOther(turn, exclude));
  }

  #openTurn(exclude: Excluded): number {
    if (this.#size === 0) return -1;
    for (let draw = 0; draw < redraws; draw++) {
      const place = this.#next();
      if (!exclude.has(this.#endpoints[place]!)) return place;
    }
    const { endpoints, weights } = this.#weighed;
    const endpoint = drawOpen(endpoints, weights, exclude, this.#draw(), this.#draw());
    return endpoint === undefined ? -1 : this.placeOf(endpoint);
  }

  /** Another, or the same where it is the only one left. */
  #openOther(turn: number, exclude: Excluded): number {
    for (let draw = 0; draw < redraws; draw++) {
      const place = Math.floor((this.#draw() >>> 0) * 2 ** -32 * this.#size);
      if (place !== turn && !exclude.has(this.#endpoints[place]!)) return place;
    }
    return openFrom((turn + 1) % this.#size, this.#weighed.endpoints, exclude);
  }

  #draw(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return state;
  }
}
