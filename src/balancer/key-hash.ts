/** From a request's key to a number; its low 32 bits count. Must give the same for the same key in every process. */
export type KeyHash = (key: string) => number;

/**
 * MurmurHash3 (Appleby, 2011; x86, 32 bits) of the text's UTF-16 code units, two a round, without its finalizer: that is `scatter`.
 * O(length), allocates nothing. Not for secrets: who knows the seed can make keys that fall together.
 */
export function murmur3(text: string, seed = 0): number {
  let bits = seed | 0;
  const { length } = text;
  const even = length & ~1;
  for (let i = 0; i < even; i += 2) {
    bits ^= block(text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16));
    bits = (bits << 13) | (bits >>> 19);
    bits = (Math.imul(bits, 5) + 0xe6546b64) | 0;
  }
  if (even < length) bits ^= block(text.charCodeAt(even));
  return bits ^ (length << 1);
}

function block(units: number): number {
  const bits = Math.imul(units, 0xcc9e2d51);
  return Math.imul((bits << 15) | (bits >>> 17), 0x1b873593);
}

/** FNV-1a (Fowler, Noll, Vo; 32 bits) with a step for each UTF-16 code unit. O(length), allocates nothing. */
export function fnv1a(text: string): number {
  let bits = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) bits = Math.imul(bits ^ text.charCodeAt(i), 0x01000193);
  return bits;
}

/** MurmurHash3's finalizer: a bijection of 32 bits in which each bit of the input changes about half of the result's. */
export function scatter(number: number): number {
  let bits = number ^ (number >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/** By the names that can stand in a JSON file. */
export const keyHashes = { murmur3, fnv1a } as const satisfies Record<string, KeyHash>;
