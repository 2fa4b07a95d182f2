import { describe, expect, it } from 'vitest';
import { Availability, type AvailabilitySetup } from '../../src/availability/availability.ts';
import { emptySnapshot, type Snapshot } from '../../src/snapshot.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { lists } from '../lists.ts';
import { address, completed, lettersOf, seeded, world } from './world.ts';

const everything = { outlier: true, slowStart: true, maxInFlight: 100 };

describe('with everything on and nothing the matter', () => {
  it('hands on the very list, and says it once', async () => {
    const at = world(everything);
    const list = at.update('abc');
    for (const letter of 'abc') at.succeed(letter, 100);
    at.fail('a', 4);
    await at.clock.advance(120_000);
    expect(at.applied).toEqual([list]);
    expect(at.newest).toBe(list);
  });

  it('hands on the very list also where the balancer has one of its own that says the same', () => {
    const at = world(everything);
    const used = [address('a'), address('b')];
    at.update([...used, address('c', { priority: 2 })]);
    const list = at.update(used);
    expect(at.newest).toBe(list);
  });

  it('excludes nobody', () => {
    const at = world(everything);
    at.update('abc');
    at.succeed('a', 10);
    expect(at.availability.excluded).toBeUndefined();
  });

  it('hands on every list that follows, the empty one too', () => {
    const at = world(everything);
    at.availability.update(emptySnapshot);
    const some = at.update('ab');
    const none = at.update('');
    expect(at.applied).toEqual([emptySnapshot, some, none]);
  });

  it('has no timer', async () => {
    const at = world(everything);
    at.update('abc');
    expect(at.clock.pending).toBe(0);
    at.succeed('a');
    expect(at.clock.pending).toBe(1);
    // Counting goes on by a timer, and ends when nothing came in a whole slot.
    await at.clock.advance(2_000);
    expect(at.clock.pending).toBe(0);
  });
});

describe('with everything off', () => {
  it('hands on the list and hears nothing', () => {
    const at = world({ priorities: false });
    const list = at.update([address('a', { priority: 2 }), address('b')]);
    at.fail('a', 1_000);
    at.lease('a');
    expect(at.applied).toEqual([list]);
    expect(at.availability.excluded).toBeUndefined();
    expect(at.clock.pending).toBe(0);
    expect(at.availability.stats).toEqual({ available: 2, ejected: 0, full: 0, panic: false, ejections: 0 });
  });
});

describe('before the first list', () => {
  it('hears of endpoints without harm', () => {
    const other = world();
    other.update('a');
    const at = world(everything);
    for (let i = 0; i < 10; i++) at.availability.reported(other.endpoint('a'), { ok: false });
    expect(at.applied).toEqual([]);
    expect(at.availability.stats).toMatchObject({ available: 0, ejections: 0 });
    at.availability.idle(true);
    at.availability.idle(false);
    expect(at.applied).toEqual([]);
  });
});

describe('a service at rest', () => {
  it('has no timer, and what is overdue happens when it is used again', async () => {
    const at = world(everything);
    at.update('ab');
    at.update('abcd');
    at.fail('a', 5);
    at.availability.idle(true);
    expect(at.clock.pending).toBe(0);
    await at.clock.advance(60_000);
    expect(at.ejected).toBe('a');
    at.availability.idle(false);
    expect([at.available, at.ejected]).toEqual(['abcd', '']);
    expect(at.weights).toEqual([0.1, 1, 1, 1]);
    expect(at.clock.pending).toBe(1);
  });

  it('still hears the outcomes of what began before, and arms no timer for them', async () => {
    const at = world(everything);
    at.update('abcd');
    const ends = Array.from({ length: 25 }, () => at.lease('a'));
    at.availability.idle(true);
    for (const end of ends) end({ ok: false });
    expect([at.available, at.clock.pending]).toEqual(['bcd', 0]);
    at.succeed('b');
    expect(at.clock.pending).toBe(0);
    at.availability.idle(false);
    expect([at.available, at.clock.pending]).toEqual(['bcd', 1]);
  });
});

describe('outcomes at rest', () => {
  it('are counted at their time, though no timer turns the window', async () => {
    const at = world({ outlier: { consecutiveFailures: 0 } });
    at.update('ab');
    at.fail('a', 19);
    at.availability.idle(true);
    await at.clock.advance(60_000);
    at.fail('a');
    expect(at.ejected).toBe('');
    at.fail('a', 19);
    expect(at.ejected).toBe('a');
  });
});

describe('close()', () => {
  it('leaves no timer, and nothing is applied afterwards', async () => {
    const at = world(everything);
    at.update('ab');
    at.update('abcd');
    at.fail('a', 5);
    const end = at.lease('b');
    at.availability.close();
    const before = at.applied.length;
    end({ ok: false });
    at.fail('b', 10);
    at.report('c', { ok: true });
    at.update('abcdef');
    at.availability.idle(false);
    await at.clock.advance(600_000);
    expect([at.applied.length, at.clock.pending]).toEqual([before, 0]);
    expect(at.availability.stats.ejections).toBe(1);
    at.availability.close();
  });
});

describe('apply()', () => {
  /** An availability whose balancer answers an update by reporting, as one of a user might. */
  function reporting(onApply: (availability: Availability, snapshot: Snapshot) => void) {
    const clock = createFakeClock();
    const applied: string[] = [];
    let depth = 0;
    let deepest = 0;
    const setup: AvailabilitySetup = {
      clock,
      random: seeded(1),
      options: completed({ outlier: { maxEjected: 0.75 } }),
      apply: (snapshot) => {
        applied.push(lettersOf(snapshot.endpoints));
        deepest = Math.max(deepest, ++depth);
        onApply(availability, snapshot);
        depth--;
      },
    };
    const availability = new Availability(setup);
    return { availability, applied, next: lists(clock), deepest: () => deepest };
  }
  const letters = (text: string) => [...text].map((letter) => address(letter));

  it('is never called from inside itself: what changes meanwhile is applied afterwards', () => {
    const at = reporting((availability, { endpoints }) => {
      const [first] = endpoints;
      for (let i = 0; first !== undefined && i < 5; i++) availability.reported(first, { ok: false });
    });
    at.availability.update(at.next(letters('abcd')));
    expect(at.applied).toEqual(['abcd', 'bcd', 'cd', 'abcd']);
    expect(at.deepest()).toBe(1);
    expect(at.availability.stats).toMatchObject({ ejected: 3, panic: true });
  });

  it('may close', () => {
    const at = reporting((availability, { endpoints }) => {
      for (let i = 0; i < 5; i++) availability.reported(endpoints[0]!, { ok: false });
      availability.close();
    });
    at.availability.update(at.next(letters('abcd')));
    expect(at.applied).toEqual(['abcd']);
  });

  it('may throw: the next change is applied all the same', () => {
    let failing = true;
    const at = reporting(() => {
      if (failing) throw new Error('no');
    });
    expect(() => at.availability.update(at.next(letters('ab')))).toThrow('no');
    failing = false;
    at.availability.update(at.next(letters('abc')));
    expect(at.applied).toEqual(['ab', 'abc']);
  });

  it('is not called where nothing changes for the balancer', () => {
    const at = world({ outlier: true });
    at.update([address('a'), address('b'), address('c', { priority: 2 }), address('d', { priority: 2 })]);
    at.fail('d', 5);
    expect([at.ejected, at.available, at.applied.length]).toEqual(['d', 'ab', 1]);
  });

  it('gets lists whose endpoints and addresses belong together', async () => {
    const at = world({ outlier: true, slowStart: true });
    at.update('abc');
    at.update('abcdefg');
    at.fail('b', 5);
    at.fail('e', 5);
    await at.clock.advance(12_000);
    for (const { endpoints, addresses } of at.applied) {
      expect(addresses.map(({ host }) => host)).toEqual(endpoints.map(({ host }) => host));
    }
  });
});
