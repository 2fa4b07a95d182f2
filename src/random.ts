import { randomBytes } from 'node:crypto';

/**
 * A small seedable generator (Marsaglia, "Xorshift RNGs", 2003: the 32-bit triple 13, 17, 5).
 *
 * It exists because `Math.random()` boxes its double on the heap on the way of a pick and cannot be seeded.
 * It must never decide anything an attacker could profit from: DNS ids take their bytes from `node:crypto`.
 */
export interface Random {
  /** The next integer in [0, 2³²). O(1), allocates nothing. */
  next(): number;
  /** An integer in [0, limit), `limit` in 1…2³². */
  below(limit: number): number;
  /** A number in [0, 1). */
  fraction(): number;
}

/** `seed`: any integer; without one, taken from the system's randomness. */
export function createRandom(seed: number = randomBytes(4).readUInt32LE()): Random {
  // 0 is the one state xorshift never leaves; mixed first (the finalizer of MurmurHash3), because neighbouring seeds would
  // begin with neighbouring numbers.
  let state = mix(seed | 0) || 0x9e3779b9;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  return {
    next,
    below: (limit) => Math.floor((next() / 2 ** 32) * limit),
    fraction: () => next() / 2 ** 32,
  };
}

function mix(seed: number): number {
  let bits = seed ^ (seed >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
