import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeOrder } from '../../src/resolver/merge-order.ts';

/** Keys in order; each value says which list it is from. */
const listsOf = (texts: readonly string[]) =>
  texts.map((text, list) => new Map([...text].map((key) => [key, list])));
const merged = (...texts: string[]) => [...mergeOrder(listsOf(texts)).keys()].join('');
const isInOrder = (part: string, whole: string) => {
  const places = [...part].map((key) => whole.indexOf(key));
  return places.every((place, i) => place >= 0 && (i === 0 || place > places[i - 1]!));
};

describe('several lists in one order', () => {
  it('are none, one, or all that they show', () => {
    expect([merged(), merged('abc'), merged('ab', 'cd'), merged('', 'ab')]).toEqual([
      '',
      'abc',
      'abcd',
      'ab',
    ]);
  });

  it.each([
    [['ac', 'abc'], 'abc'],
    [['bc', 'ab'], 'abc'],
    [['ab', 'bc', 'cd'], 'abcd'],
    [['ad', 'acd', 'abc'], 'abcd'],
    [['a', 'ac', 'ab', 'bc'], 'abc'],
    [['bd', 'ac', 'cd', 'ab', 'bc'], 'abcd'],
  ])('%j agree on %s', (texts, expected) => {
    expect(merged(...texts)).toBe(expected);
  });

  it('that contradict one another leave the first as it is', () => {
    expect(merged('abc', 'cba')).toBe('abc');
    expect(merged('abcd', 'da')).toBe('abcd');
    expect(merged('abcd', 'xba')).toBe('xabcd');
  });

  it('keep the newest value of each', () => {
    expect([...mergeOrder(listsOf(['abc', 'bx', 'b']))]).toEqual([
      ['a', 0],
      ['b', 2],
      ['x', 1],
      ['c', 0],
    ]);
  });

  const alphabet = [...'abcdefghijklmnopqrst'];
  const partsOfOneOrder = fc
    .shuffledSubarray(alphabet, { minLength: alphabet.length })
    .chain((order) =>
      fc
        .array(fc.subarray(order), { minLength: 1, maxLength: 12 })
        .map((parts) => parts.map((part) => part.join(''))),
    );

  it('that are parts of one order each stand in the result as they are, and nothing else does', () => {
    fc.assert(
      fc.property(partsOfOneOrder, (parts) => {
        const result = merged(...parts);
        for (const part of parts) expect(isInOrder(part, result)).toBe(true);
        expect([...result].sort()).toEqual([...new Set(parts.join(''))].sort());
      }),
      { numRuns: 2_000 },
    );
  });

  it('of any kind give each key once, with its newest value', () => {
    const anyLists = fc.array(fc.shuffledSubarray(alphabet), { maxLength: 12 });
    fc.assert(
      fc.property(anyLists, (parts) => {
        const texts = parts.map((part) => part.join(''));
        const result = mergeOrder(listsOf(texts));
        expect([...result.keys()].sort()).toEqual([...new Set(texts.join(''))].sort());
        for (const [key, list] of result) {
          expect(list).toBe(texts.findLastIndex((text) => text.includes(key)));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('of a whole, and of parts of it, are the whole', () => {
    fc.assert(
      fc.property(fc.array(fc.subarray(alphabet), { maxLength: 8 }), (parts) => {
        const whole = alphabet.join('');
        expect(merged(whole, ...parts.map((part) => part.join('')))).toBe(whole);
      }),
    );
  });

  it('as long as Consul sends them are merged in no time', () => {
    const order = Array.from({ length: 16_000 }, (_, i) => `t${i}`);
    const parts = Array.from(
      { length: 16 },
      (_, list) =>
        new Map(
          order.filter((_, i) => i % 16 === list || i % 16 === (list + 1) % 16).map((key) => [key, list]),
        ),
    );
    const started = performance.now();
    expect([...mergeOrder(parts).keys()]).toHaveLength(16_000);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
