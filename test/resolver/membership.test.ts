import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/random.ts';
import {
  addressesOf,
  falseRemoval,
  type Membership,
  noMembers,
  settle,
} from '../../src/resolver/membership.ts';
import { address, letterOf } from '../lists.ts';

const shown = (members: Membership) =>
  addressesOf(members)
    .map(({ host }) => letterOf(host))
    .sort()
    .join('');
const resolution = (letters: string, rest: { complete?: boolean; omission?: number } = {}) => ({
  addresses: [...letters].map((letter) => address(letter)),
  ttl: 5_000,
  complete: true,
  ...rest,
});
const following = (...steps: ReturnType<typeof resolution>[]) => steps.reduce<Membership>(settle, noMembers);

describe('membership', () => {
  it('is what a complete resolution lists', () => {
    expect(shown(following(resolution('abc'), resolution('bd')))).toBe('bd');
  });

  it('grows at once on an incomplete one: presence is always certain', () => {
    expect(shown(following(resolution('ab'), resolution('bc', { complete: false, omission: 0.1 })))).toBe(
      'abc',
    );
  });

  it('ends for an absent one when a living one would have been missed with 10⁻⁹ at most', () => {
    const absent = resolution('b', { complete: false, omission: 1e-5 });
    expect(shown(following(resolution('ab'), absent))).toBe('ab');
    expect(shown(following(resolution('ab'), absent, absent))).toBe('b');
    const weak = resolution('b', { complete: false, omission: 0.1 });
    expect(shown(following(resolution('ab'), ...Array(8).fill(weak)))).toBe('ab');
    expect(shown(following(resolution('ab'), ...Array(9).fill(weak)))).toBe('b');
  });

  it('starts counting anew when the absent one shows itself', () => {
    const weak = resolution('b', { complete: false, omission: 1e-5 });
    const back = resolution('ab', { complete: false, omission: 1e-5 });
    expect(shown(following(resolution('ab'), weak, back, weak))).toBe('ab');
  });

  it('never ends on resolutions that know nothing', () => {
    const blind = resolution('b', { complete: false, omission: 1 });
    expect(shown(following(resolution('ab'), ...Array(500).fill(blind)))).toBe('ab');
  });

  it('does not end for one that is listed but could not be resolved, and ends for the others meanwhile', () => {
    const first = {
      ...resolution(''),
      addresses: [address('a', { target: 'far.example' }), address('b'), address('c')],
    };
    const second = {
      ...resolution('b', { complete: false, omission: 0 }),
      unresolved: { targets: ['far.example'] },
    };
    expect(shown(following(first, ...Array(50).fill(second)))).toBe('ab');
    expect(shown(following(first, second, resolution('b')))).toBe('b');
    const withoutIpv4 = {
      ...resolution('', { complete: false, omission: 0 }),
      unresolved: { family: 4 as const },
    };
    expect(shown(following(first, withoutIpv4))).toBe('abc');
  });

  it('keeps the newest description, and the larger weight of twins', () => {
    const members = settle(following(resolution('a')), {
      ...resolution(''),
      addresses: [address('a', { weight: 3 }), address('a', { weight: 9 }), address('a', { weight: 4 })],
    });
    expect(addressesOf(members)).toEqual([address('a', { weight: 9 })]);
  });

  it('never drops a living one, and drops every dead one, whatever random one Consul leaves out', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 26 }), fc.integer(), (n, seed) => {
        const random = createRandom(seed);
        const alive = Array.from({ length: n }, (_, i) => String.fromCharCode(97 + i));
        let members = following(resolution(`${alive.join('')}zz`.slice(0, n)));
        const limit = Math.ceil(Math.log(falseRemoval) / Math.log(1 / n)) + 1;
        const dead = alive.pop()!;
        for (let round = 0; round < 200; round++) {
          const gone = random.below(alive.length);
          const letters = alive.filter((_, i) => i !== gone).join('');
          members = settle(members, resolution(letters, { complete: false, omission: 1 / n }));
          for (const letter of alive) if (n > 2) expect(shown(members)).toContain(letter);
          if (round >= limit) expect(shown(members)).not.toContain(dead);
        }
      }),
      { numRuns: 60 },
    );
  });
});
