import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Excluded } from './balancer.ts';
import { Rotation } from './rotation.ts';
import { weigh } from './weights.ts';

/**
 * Two distinct places of a list, to be compared, and the load of each place: what the strategies of two choices share.
 *
 * The first is taken by turns and keeps its turn unless the other is strictly better, so where all are alike two choices are
 * round-robin. The other is drawn from all but the first.
 */
export class TwoChoices {
  readonly #rotation: Rotation;
  readonly #random: Random;
  #places: ReadonlyMap<Endpoint, number> = new Map();
  /** Of `endpoints`, those before are chosen from; those of weight 0 stand behind, for when nothing else may be chosen. */
  #size = 0;
  endpoints: readonly Endpoint[] = [];
  /** By place: requests in flight. */
  loads = new Int32Array(0);
  /** By place: the mean weight divided by its own, so that loads can be compared. */
  relief = new Float64Array(0);

  constructor(random: Random) {
    this.#random = random;
    this.#rotation = new Rotation(random);
  }

  /** O(n). */
  update(snapshot: Snapshot): void {
    const { endpoints, weights, spare } = weigh(snapshot);
    const all = spare.length === 0 ? endpoints : [...endpoints, ...spare];
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    this.endpoints = all;
    this.#size = endpoints.length;
    this.loads = Int32Array.from(all, ({ inFlight }) => inFlight);
    this.relief = Float64Array.from(all, (_, place) => mean / (weights[place] ?? mean));
    this.#places = new Map(all.map((endpoint, place) => [endpoint, place]));
    this.#rotation.update(endpoints);
  }

  /** Counts the load of one that is in the list anew. Returns its place, or -1. */
  reload(endpoint: Endpoint): number {
    const place = this.#places.get(endpoint) ?? -1;
    if (place >= 0) this.loads[place] = endpoint.inFlight;
    return place;
  }

  placeOf(endpoint: Endpoint): number {
    return this.#places.get(endpoint) ?? -1;
  }

  /** The one whose turn it is; -1 where nothing may be chosen. O(1), with exclusion O(|exclude|). */
  first(exclude: Excluded | undefined): number {
    if (exclude === undefined) return this.#size === 0 ? -1 : this.#rotation.nextPlace();
    const steps = Math.min(exclude.size + 1, this.#size);
    for (let step = 0; step < steps; step++) {
      const place = this.#rotation.nextPlace();
      if (!exclude.has(this.endpoints[place]!)) return place;
    }
    for (let place = this.#size; place < this.endpoints.length; place++) {
      if (!exclude.has(this.endpoints[place]!)) return place;
    }
    return -1;
  }

  /** Another than `first`, at random; `first` itself where there is no other. O(1), with exclusion O(|exclude|). */
  second(first: number, exclude: Excluded | undefined): number {
    const size = this.#size;
    if (size < 2 || first >= size) return first;
    const drawn = this.#random.below(size - 1);
    let place = drawn < first ? drawn : drawn + 1;
    if (exclude === undefined) return place;
    const steps = Math.min(exclude.size + 2, size);
    for (let step = 0; step < steps; step++) {
      if (place !== first && !exclude.has(this.endpoints[place]!)) return place;
      place = place + 1 < size ? place + 1 : 0;
    }
    return first;
  }
}
