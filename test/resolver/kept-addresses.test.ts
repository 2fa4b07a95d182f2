import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keptAddresses } from '../../src/resolver/kept-addresses.ts';
import type { Address } from '../../src/resolver/resolver.ts';
import { address } from '../lists.ts';

const letters = (text: string, rest: Partial<Address> = {}) =>
  [...text].map((letter) => address(letter, { node: 'n1', datacenter: 'dc1', ...rest }));

describe('the addresses that are kept of an answer', () => {
  it('are the objects of the one before, in the order of the new one', () => {
    const before = keptAddresses([], letters('abc'));
    const after = keptAddresses(before, letters('cab'));
    expect(after).toEqual(letters('cab'));
    expect([after[0], after[1], after[2]].map((one) => before.indexOf(one!))).toEqual([2, 0, 1]);
  });

  it('are new objects where anything is said differently', () => {
    const before = keptAddresses([], letters('a'));
    for (const rest of [{ weight: 2 }, { priority: 2 }, { rank: 1 }, { node: 'n2' }, { tags: ['v2'] }]) {
      const [after] = keptAddresses(before, letters('a', rest));
      expect(after).not.toBe(before[0]);
      expect(after).toMatchObject(rest);
    }
  });

  it('say what the answer says, whatever came before', () => {
    const list = fc.array(
      fc.record({
        host: fc.constantFrom('10.0.0.1', '10.0.0.2', '2001:db8::1'),
        port: fc.integer({ min: 1, max: 3 }),
        priority: fc.constant(1),
        weight: fc.integer({ min: 0, max: 2 }),
        target: fc.constantFrom('a', 'b', '\ud800'),
        node: fc.constantFrom('n1', 'n2'),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(list, list, (before, now) => {
        expect(keptAddresses(keptAddresses([], before), now)).toEqual(now);
      }),
    );
  });
});
