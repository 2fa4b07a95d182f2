/**
 * A number in [0, 2⁵³) for a text: the same in every process and version, spread evenly also over texts that differ in one
 * character. Not for secrets. O(length), allocates nothing.
 *
 * Two 32-bit sums in the manner of FNV-1a over UTF-16 code units, with different multipliers, each mixed into the other at the
 * end: all bits of the result depend on all of the text.
 */
export function hash(text: string): number {
  let high = 0x811c9dc5;
  let low = 0x3c6ef372;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x5bd1e995);
  }
  high = scatter(high ^ (low >>> 15));
  low = scatter(low ^ high);
  return (high >>> 0) * 2 ** 21 + (low >>> 11);
}

/** A bijection in which every bit of `bits` changes about half of the result's. */
function scatter(bits: number): number {
  let mixed = bits ^ (bits >>> 17);
  mixed = Math.imul(mixed, 0x2c1b3c6d);
  mixed ^= mixed >>> 14;
  mixed = Math.imul(mixed, 0x297a2d39);
  return mixed ^ (mixed >>> 16);
}
