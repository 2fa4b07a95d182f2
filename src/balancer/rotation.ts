import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Excluded } from './balancer.ts';
import { openFrom } from './exclusion.ts';

/** A list taken by turns: what strategies share that rotate, wholly (round-robin) or where they have no preference. */
export class Rotation {
  readonly #random: Random;
  #endpoints: readonly Endpoint[] = [];
  /** Where the next is taken; always inside the list, unless that is empty. */
  #cursor = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Takes over a list sorted by address; see `turnIn`. O(log n). */
  update(endpoints: readonly Endpoint[]): void {
    this.#cursor = turnIn(endpoints, this.#endpoints[this.#cursor], this.#random);
    this.#endpoints = endpoints;
  }

  /** O(1). */
  next(): Endpoint | undefined {
    return this.#endpoints[this.nextPlace()];
  }

  /** The next one's place in the list; 0 where that is empty. O(1). */
  nextPlace(): number {
    const cursor = this.#cursor;
    const next = cursor + 1;
    this.#cursor = next < this.#endpoints.length ? next : 0;
    return cursor;
  }

  /** The next that is not excluded, if there is one. O(|exclude|). */
  nextExcept(exclude: Excluded): Endpoint | undefined {
    const open = openFrom(this.#cursor, this.#endpoints, exclude);
    if (open < 0) return undefined;
    this.#cursor = open;
    return this.next();
  }
}

/**
 * Where the turn is in a new list, of `next` that was next in the old one. It goes on where it was: starting anew would give the first ones a
 * request more at every refresh, and starting at 0 would send every fresh process to the same endpoint. O(log n).
 */
export function turnIn(endpoints: readonly Endpoint[], next: Endpoint | undefined, random: Random): number {
  if (next === undefined) return random.below(endpoints.length);
  const place = placesBelow(next.address, endpoints);
  return place < endpoints.length ? place : 0;
}

/** How many of a sorted list are below `address`: its place, or that of the one after it. O(log n). */
export function placesBelow(address: string, endpoints: readonly Endpoint[]): number {
  let low = 0;
  let high = endpoints.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (endpoints[middle]!.address < address) low = middle + 1;
    else high = middle;
  }
  return low;
}
