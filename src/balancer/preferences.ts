import { murmur3, scatter } from './key-hash.ts';

/**
 * Who wants which slot how much: each member has an order of its own in which it would take all the slots, drawn from its address.
 * Both ways are computed, not stored: which slot has a rank, and which rank has a slot.
 *
 * The order is a keyed permutation of the slots: two multiplications by odd numbers around a folding of the high bits into the
 * low, each step of which can be undone. Members are small numbers from 1; 0 is nobody.
 */
export class Preferences {
  /** By member: 1 / weight. */
  readonly paces: Float64Array;
  readonly #slots: number;
  readonly #mask: number;
  readonly #fold: number;
  readonly #first: Int32Array;
  readonly #firstInverse: Int32Array;
  readonly #turn: Int32Array;
  readonly #second: Int32Array;
  readonly #secondInverse: Int32Array;
  /** Where within its rank a member stands, in (0, 1 / slots): no two stand at the same place. */
  readonly #within: Float64Array;

  /** `slots` is a power of two; `room` is the largest member there can be. */
  constructor(slots: number, room: number) {
    this.#slots = slots;
    this.#mask = slots - 1;
    this.#fold = Math.ceil(Math.log2(slots) / 2);
    this.paces = new Float64Array(room + 1).fill(Number.POSITIVE_INFINITY);
    this.#first = new Int32Array(room + 1);
    this.#firstInverse = new Int32Array(room + 1);
    this.#turn = new Int32Array(room + 1);
    this.#second = new Int32Array(room + 1);
    this.#secondInverse = new Int32Array(room + 1);
    this.#within = new Float64Array(room + 1);
  }

  /** Draws a member's order. */
  set(member: number, address: string, weight: number): void {
    const one = scatter(murmur3(address, 0x2c1b3c6d));
    const other = scatter(murmur3(address, 0x297a2d39));
    this.#first[member] = one | 1;
    this.#firstInverse[member] = inverse(one | 1);
    this.#second[member] = other | 1;
    this.#secondInverse[member] = inverse(other | 1);
    this.#turn[member] = scatter(one ^ Math.imul(other, 0x9e3779b1));
    const place = scatter(other ^ Math.imul(one, 0x85ebca77)) >>> 0;
    this.#within[member] = (place + 1) / (2 ** 32 + 1) / this.#slots;
    this.paces[member] = 1 / weight;
  }

  /** The slot that `member` would take at that rank, from 0. */
  slotAt(member: number, rank: number): number {
    let bits = Math.imul(rank, this.#secondInverse[member]!) & this.#mask;
    bits ^= bits >>> this.#fold;
    return Math.imul(bits - this.#turn[member]!, this.#firstInverse[member]!) & this.#mask;
  }

  /** Where `slot` stands in the order of `member`, in (0, 1). */
  placeOf(member: number, slot: number): number {
    let bits = (Math.imul(slot, this.#first[member]!) + this.#turn[member]!) & this.#mask;
    bits ^= bits >>> this.#fold;
    return (Math.imul(bits, this.#second[member]!) & this.#mask) / this.#slots + this.#within[member]!;
  }

  placeAt(member: number, rank: number): number {
    return rank / this.#slots + this.#within[member]!;
  }

  /** Which of the members up to `last` gets `slot`; 0 where there are none. O(last). */
  bestFor(slot: number, last: number): number {
    let best = 0;
    let bestPlace = 0.5;
    let bestPace = Number.MAX_VALUE;
    for (let member = 1; member <= last; member++) {
      const place = this.placeOf(member, slot);
      const pace = this.paces[member]!;
      if (!isEarlier(place, pace, bestPlace, bestPace)) continue;
      best = member;
      bestPlace = place;
      bestPace = pace;
    }
    return best;
  }
}

/**
 * Whether a slot at `place` in one member's order goes to it, rather than to another in whose order it is at `otherPlace`: the
 * smaller -ln(1 - place) / weight has it (the logarithmic method of Schindelhauer and Schomaker, 2005, which makes shares
 * proportional to weights). The logarithm is mostly spared, since x ≤ -ln(1 - x) ≤ x / (1 - x).
 */
export function isEarlier(place: number, pace: number, otherPlace: number, otherPace: number): boolean {
  if (pace === otherPace) return place < otherPlace;
  const low = place * pace;
  const otherLow = otherPlace * otherPace;
  if (low * (1 - otherPlace) >= otherLow) return false;
  if (otherLow * (1 - place) >= low) return true;
  return timeOf(place, pace) < timeOf(otherPlace, otherPace);
}

export function timeOf(place: number, pace: number): number {
  return -Math.log1p(-place) * pace;
}

/** Of an odd number modulo 2³², by Newton's method. */
function inverse(odd: number): number {
  let guess = odd;
  for (let step = 0; step < 4; step++) guess = Math.imul(guess, 2 - Math.imul(odd, guess));
  return guess;
}
