import { describe, expect, it } from 'vitest';
import { address, world } from './world.ts';

describe('maxInFlight', () => {
  it('names an endpoint as excluded when it has as many requests as it may have', () => {
    const at = world({ maxInFlight: 2 });
    at.update('ab');
    const first = at.lease('a');
    expect(at.availability.excluded).toBeUndefined();
    at.lease('a');
    expect(at.excluded).toBe('a');
    first({ ok: true });
    expect(at.availability.excluded).toBeUndefined();
  });

  it('leaves the list as it is: who is full is not left out of it', () => {
    const at = world({ maxInFlight: 1 });
    const list = at.update('ab');
    at.lease('a');
    expect(at.applied).toEqual([list]);
  });

  it('is a live set: what was read before a pick is up to date at the next', () => {
    const at = world({ maxInFlight: 1 });
    at.update('ab');
    const end = at.lease('a');
    const { excluded } = at.availability;
    at.lease('b');
    end({ ok: true });
    expect([excluded?.size, excluded?.has(at.endpoint('a')), excluded?.has(at.endpoint('b'))]).toEqual([
      1,
      false,
      true,
    ]);
  });

  it('does not mind more than the limit: a retry may have had no other choice', () => {
    const at = world({ maxInFlight: 1 });
    at.update('a');
    const first = at.lease('a');
    const second = at.lease('a');
    first({ ok: true });
    expect(at.excluded).toBe('a');
    second({ ok: false });
    expect(at.excluded).toBe('');
  });

  it('is right when an endpoint leaves and returns with requests in flight', () => {
    const at = world({ maxInFlight: 2 });
    at.update('ab');
    const one = at.lease('a');
    const two = at.lease('a');
    at.update('b');
    expect(at.availability.excluded).toBeUndefined();
    at.update('ab');
    expect(at.excluded).toBe('a');
    at.update('b');
    one({ ok: true });
    at.update('ab');
    expect(at.excluded).toBe('');
    at.lease('a');
    expect(at.excluded).toBe('a');
    two({ ok: true });
    expect(at.excluded).toBe('');
  });

  it('says nothing of who is not chosen from anyway', () => {
    const at = world({ maxInFlight: 1, outlier: true });
    at.update('abc');
    at.lease('a');
    at.fail('a', 5);
    expect([at.available, at.excluded, at.availability.stats.full]).toEqual(['bc', '', 0]);
    at.update('b');
    at.lease('c');
    expect(at.excluded).toBe('');
  });

  it('holds for all of a list that is new', () => {
    const at = world({ maxInFlight: 1 });
    at.update('ab');
    at.lease('a');
    at.lease('b');
    at.update('abc');
    expect([at.excluded, at.availability.stats.full]).toEqual(['ab', 2]);
  });

  it('holds on probation too', async () => {
    const at = world({ maxInFlight: 3, outlier: true });
    at.update('abc');
    const hanging = Array.from({ length: 3 }, () => at.lease('a'));
    at.fail('a', 5);
    await at.clock.advance(10_000);
    expect(at.excluded).toBe('a');
    hanging[0]?.({ ok: true });
    expect(at.excluded).toBe('');
  });
});

describe('a spare', () => {
  it('is the next tier when the first is full', () => {
    const at = world({ maxInFlight: 1 });
    at.update([address('a'), address('b', { priority: 2 }), address('c', { priority: 3 })]);
    at.lease('a');
    expect(at.spares(1)).toBe('b');
    at.lease('b');
    expect(at.spares(1)).toBe('c');
    at.lease('c');
    expect(at.spares(1)).toBe('-');
  });

  it('is none of the excluded', () => {
    const at = world();
    at.update([address('a'), address('b', { priority: 2 }), address('c', { priority: 2 })]);
    expect(at.spares(2, 'ab')).toBe('cc');
    expect(at.spares(1, 'abc')).toBe('-');
  });

  it('is one after the other of those that are equally good', () => {
    const at = world({ maxInFlight: 1 });
    at.update([address('a'), ...[...'bcd'].map((letter) => address(letter, { priority: 2 }))]);
    at.lease('a');
    expect(at.spares(6)).toBe('bcdbcd');
  });

  it('is never ejected', () => {
    const at = world({ outlier: true });
    at.update([address('a'), address('b', { priority: 2 }), address('c', { priority: 2 })]);
    at.fail('b', 5);
    expect(at.spares(2, 'a')).toBe('cc');
    expect(at.spares(1, 'ac')).toBe('-');
  });

  it('is on a trial already only where there is nobody else', async () => {
    const at = world({ outlier: true });
    at.update('abc');
    at.fail('a', 5);
    await at.clock.advance(11_000);
    at.lease('a');
    expect(at.spares(4, 'b')).toBe('cccc');
    expect(at.spares(1, 'bc')).toBe('a');
  });

  it('may be ejected in a panic, as anybody may', () => {
    const at = world({ outlier: { maxEjected: 1 } });
    at.update('abc');
    for (const letter of 'abc') at.fail(letter, 5);
    expect(at.spares(1, 'ab')).toBe('c');
  });

  it('of weight 0 is taken only after the others of its tier', () => {
    const at = world();
    at.update([address('a'), address('b', { priority: 2, weight: 0 }), address('c', { priority: 2 })]);
    expect(at.spares(2, 'a')).toBe('cc');
    expect(at.spares(1, 'ac')).toBe('b');
  });

  it('is nobody when there is nobody, at once and not after a search without end (T22)', () => {
    const at = world({ outlier: { maxEjected: 1, panic: { use: 'none' } } });
    expect(at.spares(1)).toBe('-');
    at.update('');
    expect(at.spares(1)).toBe('-');
    at.update('abc');
    for (const letter of 'abc') at.fail(letter, 5);
    expect(at.spares(1)).toBe('-');
  });
});
