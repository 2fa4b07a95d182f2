import { scatter } from './key-hash.ts';

/** Which member has a slot; 0: nobody yet. */
export type Owners = Uint16Array | Uint32Array;

/**
 * Who gets a slot: weighted rendezvous hashing, from whichever side it is cheaper to ask.
 *
 * Each member reaches all slots one after the other, in an order of its own that is drawn from its address; the one that reaches a
 * slot first has it. The r-th slot in the order is reached at the time -ln(1 - r / slots) / weight, which makes shares proportional
 * to weights (the logarithmic method of Schindelhauer and Schomaker, 2005). Who else takes part changes nothing in an order or a
 * time: so a member that leaves gives up its own slots only, and one that comes takes what becomes its own.
 *
 * An order is a keyed permutation, two multiplications by odd numbers around a folding of the high bits into the low. Each step can
 * be undone, so both questions are answered without a table: which slot has a rank, and which rank has a slot.
 *
 * Members are small numbers from 1. Two could tie only with equal 32 bits drawn from their addresses and equal ranks besides.
 */
export class SlotRace {
  readonly #slots: number;
  readonly #mask: number;
  readonly #fold: number;
  /** By member, as all that follow: 1 / weight, Infinity for who takes no part. */
  readonly #paces: Float64Array;
  readonly #first: Int32Array;
  readonly #turn: Int32Array;
  readonly #second: Int32Array;
  /** What a member has of its rank already, in (0, 1 / slots): hardly two are at the same place at once. */
  readonly #lead: Float64Array;

  /** `slots` is a power of two; `room` is the largest member there can be. */
  constructor(slots: number, room: number) {
    this.#slots = slots;
    this.#mask = slots - 1;
    this.#fold = Math.ceil(Math.log2(slots) / 2);
    this.#paces = new Float64Array(room + 1).fill(Number.POSITIVE_INFINITY);
    this.#first = new Int32Array(room + 1);
    this.#turn = new Int32Array(room + 1);
    this.#second = new Int32Array(room + 1);
    this.#lead = new Float64Array(room + 1);
  }

  enter(member: number, address: string, weight: number): void {
    // Two sums in the manner of FNV-1a, with different multipliers: 64 bits in one pass.
    let one = 0x811c9dc5;
    let other = 0x3c6ef372;
    for (let i = 0; i < address.length; i++) {
      const unit = address.charCodeAt(i);
      one = Math.imul(one ^ unit, 0x01000193);
      other = Math.imul(other ^ unit, 0x5bd1e995);
    }
    one = scatter(one);
    other = scatter(other);
    this.#first[member] = one | 1;
    this.#second[member] = other | 1;
    this.#turn[member] = scatter(one ^ Math.imul(other, 0x9e3779b1));
    const drawn = scatter(other ^ Math.imul(one, 0x85ebca77)) >>> 0;
    this.#lead[member] = (drawn + 1) / (2 ** 32 + 1) / this.#slots;
    this.weigh(member, weight);
  }

  /** Weight 0: it takes no part. */
  weigh(member: number, weight: number): void {
    this.#paces[member] = 1 / weight;
  }

  /** How many slots `member` has reached at `time`: all those, but for rounding, of which `timeOf` is no later. */
  reached(member: number, time: number): number {
    const place = -Math.expm1(-time / this.#paces[member]!);
    return Math.min(this.#slots, Math.max(0, Math.floor((place - this.#lead[member]!) * this.#slots) + 1));
  }

  /** When `member` reaches `slot`. */
  timeOf(member: number, slot: number): number {
    return timeAt(this.#placeOf(member, slot), this.#paces[member]!);
  }

  /** Gives `member` those of the slots from one rank to before another that their owners do not reach sooner. */
  claim(owners: Owners, member: number, from: number, to: number): void {
    const unturn = this.#turn[member]!;
    const unfirst = inverse(this.#first[member]!);
    const unsecond = inverse(this.#second[member]!);
    const pace = this.#paces[member]!;
    const lead = this.#lead[member]!;
    const slots = this.#slots;
    const mask = this.#mask;
    const fold = this.#fold;
    const paces = this.#paces;
    for (let rank = from; rank < to; rank++) {
      let bits = Math.imul(rank, unsecond) & mask;
      bits ^= bits >>> fold;
      const slot = Math.imul(bits - unturn, unfirst) & mask;
      const owner = owners[slot]!;
      if (owner === member) continue;
      const earlier =
        owner === 0 || isEarlier(rank / slots + lead, pace, this.#placeOf(owner, slot), paces[owner]!);
      if (earlier) owners[slot] = member;
    }
  }

  /** Who of the members up to `last` reaches `slot` first; 0 where none takes part. O(last). */
  winner(slot: number, last: number): number {
    const paces = this.#paces;
    let best = 0;
    let bestPlace = 0.5;
    // Later than anybody who takes part, earlier than who does not.
    let bestPace = 1e300;
    for (let member = 1; member <= last; member++) {
      const place = this.#placeOf(member, slot);
      const pace = paces[member]!;
      if (!isEarlier(place, pace, bestPlace, bestPace)) continue;
      best = member;
      bestPlace = place;
      bestPace = pace;
    }
    return best;
  }

  /** Where `slot` is in the order of `member`, in (0, 1). */
  #placeOf(member: number, slot: number): number {
    let bits = (Math.imul(slot, this.#first[member]!) + this.#turn[member]!) & this.#mask;
    bits ^= bits >>> this.#fold;
    return (Math.imul(bits, this.#second[member]!) & this.#mask) / this.#slots + this.#lead[member]!;
  }
}

/** Compares times, mostly without a logarithm: 2x / (2 - x) ≤ -ln(1 - x) ≤ x (2 - x) / (2 - 2x). */
function isEarlier(place: number, pace: number, otherPlace: number, otherPace: number): boolean {
  if (pace === otherPace) return place < otherPlace;
  const scaled = place * pace;
  const otherScaled = otherPlace * otherPace;
  const both = (2 - place) * (2 - otherPlace);
  if (4 * scaled * (1 - otherPlace) >= otherScaled * both) return false;
  if (4 * otherScaled * (1 - place) >= scaled * both) return true;
  return timeAt(place, pace) < timeAt(otherPlace, otherPace);
}

function timeAt(place: number, pace: number): number {
  return -Math.log1p(-place) * pace;
}

/** Of an odd number modulo 2³²; Newton's method doubles the right bits of 3 that every odd number begins with. */
function inverse(odd: number): number {
  let guess = odd;
  for (let step = 0; step < 4; step++) guess = Math.imul(guess, 2 - Math.imul(odd, guess));
  return guess;
}
