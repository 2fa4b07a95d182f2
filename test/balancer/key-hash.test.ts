import { describe, expect, it } from 'vitest';
import { fnv1a, keyHashes, murmur3, scatter } from '../../src/balancer/key-hash.ts';

/** A text whose UTF-16 code units, low byte first, are these bytes. */
const ofBytes = (bytes: string) =>
  [...bytes.matchAll(/(.)(.)/gs)].reduce(
    (text, [, low, high]) => text + String.fromCharCode(low!.charCodeAt(0) | (high!.charCodeAt(0) << 8)),
    '',
  );

describe('murmur3', () => {
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['test', 0, 0xba6bd213],
    ['test', 0x9747b28c, 0x704b81dc],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['aa', 0x9747b28c, 0x5d211726],
  ])(
    'is the published function of the bytes %j with seed %i, its finalizer apart',
    (bytes, seed, expected) => {
      expect(scatter(murmur3(ofBytes(bytes), seed)) >>> 0).toBe(expected);
    },
  );
});

describe('fnv1a', () => {
  it.each([
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ])('is the published function of %j', (text, expected) => {
    expect(fnv1a(text) >>> 0).toBe(expected);
  });
});

describe('scatter', () => {
  it('changes about half of all bits for each bit of the input', () => {
    const samples = 2_000;
    for (let bit = 0; bit < 32; bit++) {
      let changed = 0;
      for (let i = 0; i < samples; i++) {
        const number = Math.imul(i, 0x9e3779b1);
        changed += bitsSet(scatter(number) ^ scatter(number ^ (1 << bit)));
      }
      expect(Math.abs(changed / samples - 16), `bit ${bit}`).toBeLessThan(0.5);
    }
  });
});

function bitsSet(number: number): number {
  return (number >>> 0).toString(2).replaceAll('0', '').length;
}

describe.each(Object.entries(keyHashes))('%s, scattered,', (_name, hash) => {
  it('spreads keys that differ in a digit evenly over its first bits', () => {
    const counts = new Uint32Array(256);
    const keys = 256 * 400;
    for (let i = 0; i < keys; i++) counts[scatter(hash(`/users/${i}`)) >>> 24]!++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 400) ** 2 / 400, 0);
    // The quantiles 0.0001 and 0.9999 for 255 degrees of freedom.
    expect(chiSquare).toBeGreaterThan(178);
    expect(chiSquare).toBeLessThan(347);
  });

  it('tells apart texts that differ in the high byte of a code unit only', () => {
    const hashes = Array.from({ length: 256 }, (_, i) => hash(`key ${String.fromCharCode(0x41 + 256 * i)}`));
    expect(new Set(hashes).size).toBe(256);
  });
});

/** In a fleet that is half upgraded every key has to go where it went: these must never change. */
describe('the hashes of keys', () => {
  it('are the same in every version', () => {
    const of = (hash: (key: string) => number) =>
      ['', 'a', 'user-1', '顧客 😀'].map((key) => scatter(hash(key)) >>> 0);
    expect(of(murmur3)).toMatchInlineSnapshot(`
      [
        0,
        1867108634,
        2429978192,
        3551542195,
      ]
    `);
    expect(of(fnv1a)).toMatchInlineSnapshot(`
      [
        2872998923,
        444641715,
        2005895916,
        894172344,
      ]
    `);
  });
});
