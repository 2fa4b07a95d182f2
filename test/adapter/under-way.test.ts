import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Placed, UnderWay } from '../../src/adapter/under-way.ts';

describe('what is under way', () => {
  it('is a set, whatever comes and goes in whatever order', () => {
    const commands = fc.array(fc.tuple(fc.boolean(), fc.nat(20)), { maxLength: 200 });
    fc.assert(
      fc.property(commands, (steps) => {
        const things: Placed[] = Array.from({ length: 21 }, () => ({ place: -1 }));
        const set = new Set<Placed>();
        const under = new UnderWay<Placed>();
        for (const [add, i] of steps) {
          const one = things[i]!;
          if (add && !set.has(one)) {
            set.add(one);
            under.add(one);
          } else if (!add) {
            set.delete(one);
            under.delete(one);
          }
          expect(under.size).toBe(set.size);
          expect(new Set(under.all)).toEqual(set);
        }
        for (const one of things) expect(one.place >= 0).toBe(set.has(one));
      }),
    );
  });

  it('may leave while all are ended', () => {
    const under = new UnderWay<Placed>();
    for (let i = 0; i < 5; i++) under.add({ place: -1 });
    for (const one of under.all) under.delete(one);
    expect(under.size).toBe(0);
  });
});
