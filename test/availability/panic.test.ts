import { describe, expect, it } from 'vitest';
import type { PanicOptions } from '../../src/availability/availability.ts';
import { address, world } from './world.ts';

/** Ejects all one likes, so that there can be a panic without a list that shrinks. */
const panicky = (panic: PanicOptions = {}) => world({ outlier: { maxEjected: 1, panic } });

describe('panic', () => {
  it('is when less than half of the list is left: then all are used', () => {
    const at = panicky();
    const list = at.update('abcd');
    at.fail('a', 5);
    at.fail('b', 5);
    expect([at.available, at.availability.stats.panic]).toEqual(['cd', false]);
    at.fail('c', 5);
    expect(at.newest).toBe(list);
    expect(at.availability.stats).toMatchObject({ available: 4, ejected: 3, panic: true });
  });

  it('is over when enough have returned', async () => {
    const at = panicky();
    at.update('abcd');
    at.fail('a', 5);
    await at.clock.advance(1_000);
    for (const letter of 'bc') at.fail(letter, 5);
    await at.clock.advance(9_000);
    expect([at.available, at.availability.stats.panic]).toEqual(['ad', false]);
  });

  it('is when the list shrinks, with the share that may be ejected as it is by default', () => {
    const at = world({ outlier: true });
    at.update('abcd');
    at.fail('a', 5);
    at.fail('b', 5);
    at.update('abc');
    expect([at.available, at.availability.stats.panic]).toEqual(['abc', true]);
    at.update('abcde');
    expect([at.available, at.availability.stats.panic]).toEqual(['cde', false]);
  });

  it('can be that nothing is used: an empty list, and no spare', async () => {
    const at = panicky({ use: 'none' });
    at.update('abc');
    at.fail('a', 5);
    at.fail('b', 5);
    expect(at.newest).toMatchObject({ endpoints: [], addresses: [] });
    expect(at.availability.stats).toMatchObject({ available: 0, ejected: 2, panic: true });
    expect(at.spares(1)).toBe('-');
    await at.clock.advance(10_000);
    expect(at.available).toBe('abc');
  });

  it('has a threshold: 1 is at the first ejection, 0 when nobody is left', () => {
    const early = panicky({ threshold: 1 });
    early.update('abcd');
    early.fail('a', 5);
    expect([early.available, early.availability.stats.panic]).toEqual(['abcd', true]);
    const late = panicky({ threshold: 0 });
    late.update('abcd');
    for (const letter of 'abc') late.fail(letter, 5);
    expect([late.available, late.availability.stats.panic]).toEqual(['d', false]);
    late.fail('d', 5);
    expect([late.available, late.availability.stats.panic]).toEqual(['abcd', true]);
  });

  it('is never in a list that is empty, or where nobody is ejected', () => {
    const at = panicky({ threshold: 1 });
    at.update('');
    expect(at.availability.stats.panic).toBe(false);
    at.update('a');
    expect(at.availability.stats.panic).toBe(false);
  });

  it('uses all up to the first tier that has somebody left, so that the living are among them', () => {
    const at = panicky();
    const tier = (letters: string, priority: number) =>
      [...letters].map((letter) => address(letter, { priority }));
    at.update([...tier('abcd', 1), ...tier('ef', 2), ...tier('g', 3)]);
    for (const letter of 'abcd') at.fail(letter, 5);
    expect([at.available, at.availability.stats.panic]).toEqual(['abcdef', true]);
    for (const letter of 'ef') at.fail(letter, 5);
    expect(at.available).toBe('abcdefg');
  });

  it('ejects nobody twice: outcomes of the ejected mean nothing meanwhile', async () => {
    const at = panicky();
    at.update('abc');
    at.fail('a', 5);
    at.fail('b', 5);
    at.fail('a', 50);
    at.succeed('b', 50);
    expect(at.availability.stats.ejections).toBe(2);
    expect(at.ejected).toBe('ab');
    await at.clock.advance(10_000);
    expect(at.ejected).toBe('');
  });
});
