import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Disappearances } from '../src/disappearances.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';

/** Services by letter, all of which have a list at first. */
async function world(names: string) {
  const clock = createFakeClock();
  const disappearances = new Disappearances(clock);
  for (const name of names) disappearances.listed(name);
  await clock.advance(1);
  /** Each is answered by nothing, twice, half a second apart. Returns of which that is taken for an error of all. */
  const vanish = async (those: string) => {
    let general = '';
    for (let round = 0; round < 2; round++) {
      general = [...those].filter((name) => disappearances.vanished(name)).join('');
      await clock.advance(500);
    }
    return general;
  };
  const list = (those: string) => {
    for (const name of those) disappearances.listed(name);
  };
  return { clock, disappearances, vanish, list };
}

describe('services that are answered by nothing', () => {
  it('are an error of all when they are most, once the others have had the time to show themselves', async () => {
    const { clock, vanish, disappearances } = await world('abcdefghij');
    expect(await vanish('abcdef')).toBe('abcdef');
    expect(disappearances.general).toBe(true);
    const { vanish: few, list, clock: later } = await world('abcdefghij');
    expect(await few('abcd')).toBe('');
    await later.advance(5_000);
    list('efghij');
    expect(await few('abcd')).toBe('');
    expect(clock.now()).toBeGreaterThan(0);
  });

  it('are none of that when they are fewer than three, or had no list before', async () => {
    expect(await (await world('ab')).vanish('ab')).toBe('');
    expect(await (await world('ab')).vanish('abxyz')).toBe('');
  });

  it('are none of that when they went one after the other', async () => {
    const { clock, vanish } = await world('abcde');
    for (const name of 'abcde') {
      expect(await vanish(name)).toBe('');
      await clock.advance(61_000);
    }
  });

  it('join those that went before, as long as that lasts', async () => {
    const { clock, vanish } = await world('abcde');
    await vanish('abcd');
    await clock.advance(600_000);
    expect(await vanish('e')).toBe('e');
  });

  it('end it when half of them are back', async () => {
    const { vanish, list, disappearances } = await world('abcdefghij');
    await vanish('abcdefghij');
    list('abcd');
    expect(disappearances.general).toBe(true);
    list('e');
    expect(disappearances.general).toBe(false);
  });

  it('do not end it by coming and going: who was back for a moment and is gone again counts as gone', async () => {
    const { clock, vanish, list, disappearances } = await world('abcdefghij');
    await vanish('abcdefghij');
    await clock.advance(120_000);
    list('ab');
    expect(await vanish('ab')).toBe('ab');
    list('cde');
    // Seven of ten are gone.
    expect(disappearances.general).toBe(true);
    expect(await vanish('abfghij')).toBe('abfghij');
  });

  it('end it when they are closed', async () => {
    const { vanish, disappearances } = await world('abcd');
    await vanish('abcd');
    disappearances.gone('a');
    expect(disappearances.general).toBe(true);
    disappearances.gone('b');
    expect(disappearances.general).toBe(false);
  });

  it('never count wrong, whatever comes, goes and is closed, in whatever order', async () => {
    const names = [...'abcdefg'];
    const event = fc.record({
      what: fc.constantFrom('listed' as const, 'vanished' as const, 'vanished' as const, 'gone' as const),
      name: fc.constantFrom(...names),
      after: fc.constantFrom(0, 300, 2_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 120 }), async (events) => {
        const { clock, vanish, disappearances } = await world(names.join(''));
        await vanish(names.join(''));
        const known = new Set(names);
        const group = new Set(names);
        const empty = new Set(names);
        const well = new Set<string>();
        for (const { what, name, after } of events) {
          disappearances[what](name);
          if (what === 'vanished') {
            if (known.has(name)) {
              well.delete(name);
              group.add(name);
              empty.add(name);
            }
          } else {
            empty.delete(name);
            if (what === 'gone') for (const set of [known, group, well]) set.delete(name);
            else if (!group.has(name)) well.add(name);
            if (what === 'listed') known.add(name);
          }
          const over = group.size < 3 || empty.size <= Math.max(well.size, group.size / 2);
          expect(disappearances.general).toBe(!over);
          if (over) return;
          await clock.advance(after);
        }
      }),
      { numRuns: 200 },
    );
  });
});
