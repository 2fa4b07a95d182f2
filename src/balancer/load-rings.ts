import type { Endpoint } from '../endpoint.ts';
import type { Excluded } from './balancer.ts';

/**
 * Places 0…n-1 by load: one ring for each load that occurs, the rings in a chain from the least load upward.
 *
 *     least ↔ load 0: ↻ 4 → 7 → 1     ↔ load 1: ↻ 0 → 5     ↔ load 6: ↻ 2
 *
 * A ring is a queue: whoever comes to it, or was just taken from its head, waits behind all others. A change of load by one looks at
 * the neighbouring ring only, so everything is O(1) but `rebuild`, and nothing is allocated but there.
 */
export class LoadRings {
  /** By place: its neighbours in the ring. One place more than needed, so that reading an empty structure stays inside. */
  #next = new Int32Array(1);
  #previous = new Int32Array(1);
  #ringOf = new Int32Array(1);
  /** By ring: its load, who is next, and the rings of the next higher and the next lower load. */
  #load = new Int32Array(1);
  #head = new Int32Array(1);
  #higher = new Int32Array(1);
  #lower = new Int32Array(1);
  /** A ring that is not in use, and through #higher all others. */
  #unused = 0;

  /** @param turns all places, those of equal load in the order in which they shall be taken. O(n) where they are sorted by load. */
  rebuild(turns: readonly number[], loadOf: (place: number) => number): void {
    const size = turns.length;
    // One ring a place, one that a place moves to before its own is given up, and the end of the chain.
    const rings = size + 2;
    this.#next = new Int32Array(size + 1);
    this.#previous = new Int32Array(size + 1);
    this.#ringOf = new Int32Array(size + 1);
    this.#load = new Int32Array(rings);
    this.#head = new Int32Array(rings);
    this.#lower = new Int32Array(rings);
    this.#higher = Int32Array.from({ length: rings }, (_, ring) => ring + 1);
    this.#unused = 1;
    this.#load[end] = -1;
    this.#higher[end] = end;
    let ring = end;
    for (const place of turns.toSorted((a, b) => loadOf(a) - loadOf(b))) {
      ring = this.#ringFor(Math.max(0, loadOf(place)), ring);
      this.#append(place, ring);
    }
  }

  /** The place whose turn it is among those of the least load; it goes to the end of their queue. 0 where there is none. */
  next(): number {
    const ring = this.#higher[end]!;
    const place = this.#head[ring]!;
    this.#head[ring] = this.#next[place]!;
    return place;
  }

  /** The same among those that are not excluded; -1 where there is none. Looks at |exclude| + 1 places at most. */
  nextExcept(exclude: Excluded, endpoints: readonly Endpoint[]): number {
    for (let ring = this.#higher[end]!; ring !== end; ring = this.#higher[ring]!) {
      const head = this.#head[ring]!;
      let place = head;
      do {
        const next = this.#next[place]!;
        if (!exclude.has(endpoints[place]!)) {
          this.#head[ring] = next;
          return place;
        }
        place = next;
      } while (place !== head);
    }
    return -1;
  }

  /** To the end of the queue of its new load. */
  move(place: number, load: number): void {
    const from = this.#ringOf[place]!;
    if (this.#load[from] === load) return;
    const to = this.#ringFor(Math.max(0, load), from);
    if (to === from) return;
    this.#detach(place, from);
    this.#append(place, to);
  }

  /** All places, in the order of loads and turns. */
  *places(): Generator<number, void, undefined> {
    for (let ring = this.#higher[end]!; ring !== end; ring = this.#higher[ring]!) {
      const head = this.#head[ring]!;
      let place = head;
      do {
        yield place;
        place = this.#next[place]!;
      } while (place !== head);
    }
  }

  /** The ring of a load, made where there is none; looked for from `ring` on. */
  #ringFor(load: number, ring: number): number {
    let below = ring;
    while (this.#load[below]! > load) below = this.#lower[below]!;
    for (let above = this.#higher[below]!; above !== end && this.#load[above]! <= load; ) {
      below = above;
      above = this.#higher[above]!;
    }
    if (this.#load[below] === load) return below;
    const made = this.#unused;
    this.#unused = this.#higher[made]!;
    this.#load[made] = load;
    this.#head[made] = none;
    this.#link(made, this.#higher[below]!);
    this.#link(below, made);
    return made;
  }

  #link(lower: number, higher: number): void {
    this.#higher[lower] = higher;
    this.#lower[higher] = lower;
  }

  #append(place: number, ring: number): void {
    const head = this.#head[ring]!;
    this.#ringOf[place] = ring;
    if (head === none) {
      this.#head[ring] = place;
      this.#next[place] = place;
      this.#previous[place] = place;
      return;
    }
    const last = this.#previous[head]!;
    this.#next[last] = place;
    this.#previous[place] = last;
    this.#next[place] = head;
    this.#previous[head] = place;
  }

  #detach(place: number, ring: number): void {
    const next = this.#next[place]!;
    if (next === place) {
      this.#link(this.#lower[ring]!, this.#higher[ring]!);
      this.#higher[ring] = this.#unused;
      this.#unused = ring;
      return;
    }
    const previous = this.#previous[place]!;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    if (this.#head[ring] === place) this.#head[ring] = next;
  }
}

/** The ring that closes the chain: below the least load and above the greatest. Nobody is in it. */
const end = 0;
const none = -1;
