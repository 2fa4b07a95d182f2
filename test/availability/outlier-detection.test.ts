import { describe, expect, it } from 'vitest';
import { address, seeded, world } from './world.ts';

/** Only failures in a row count, five of them. */
const inRow = { failureShare: 0 };
/** Only the share counts. */
const byShare = { consecutiveFailures: 0 };

describe('consecutive failures', () => {
  it('eject at the fifth', () => {
    const at = world({ outlier: true });
    at.update('abcd');
    at.fail('a', 4);
    expect(at.available).toBe('abcd');
    at.fail('a');
    expect(at.available).toBe('bcd');
    expect(at.availability.isEjected(at.endpoint('a'))).toBe(true);
  });

  it('are counted anew after a success', () => {
    const at = world({ outlier: inRow });
    at.update('ab');
    at.fail('a', 4);
    at.succeed('a');
    at.fail('a', 4);
    expect(at.ejected).toBe('');
    at.fail('a');
    expect(at.ejected).toBe('a');
  });

  it('are as many as one says, and 0 is never', () => {
    const two = world({ outlier: { ...inRow, consecutiveFailures: 2 } });
    two.update('ab');
    two.fail('a', 2);
    expect(two.ejected).toBe('a');
    const never = world({ outlier: { ...byShare, minRequests: 1_000 } });
    never.update('ab');
    never.fail('a', 500);
    expect(never.ejected).toBe('');
  });

  it('count for each endpoint alone', () => {
    const at = world({ outlier: true });
    at.update('abcd');
    for (const letter of 'abcd') at.fail(letter, 4);
    expect(at.ejected).toBe('');
  });

  it('count when they are reported by users of plain pick()', () => {
    const at = world({ outlier: true });
    at.update('ab');
    for (let i = 0; i < 5; i++) at.report('a', { ok: false });
    expect(at.available).toBe('b');
  });

  it('do not count where the caller gave up, and giving up does not forgive them', () => {
    const at = world({ outlier: inRow });
    at.update('ab');
    for (let i = 0; i < 20; i++) at.report('a', { ok: false, aborted: true });
    expect(at.ejected).toBe('');
    at.fail('a', 4);
    at.report('a', { ok: true, aborted: true });
    at.fail('a');
    expect(at.ejected).toBe('a');
  });
});

describe('the share of failures', () => {
  it('ejects when half of at least 20 requests failed', () => {
    const at = world({ outlier: byShare });
    at.update('ab');
    at.succeed('a', 9);
    at.fail('a', 10);
    expect(at.ejected).toBe('');
    at.succeed('a');
    expect(at.ejected).toBe('');
    // The 21st, 11 of them failed; a success alone is no reason.
    at.fail('a');
    expect(at.ejected).toBe('a');
  });

  it('is 0.5 at the least: less than that stays', () => {
    const at = world({ outlier: byShare });
    at.update('ab');
    for (let i = 0; i < 50; i++) {
      at.succeed('a', 2);
      at.fail('a');
    }
    expect(at.ejected).toBe('');
  });

  it('looks back one window, 10 s, to the tenth of it', async () => {
    const at = world({ outlier: byShare });
    at.update('ab');
    at.fail('a', 19);
    await at.clock.advance(10_000);
    at.fail('a', 19);
    expect(at.ejected).toBe('');
    await at.clock.advance(8_900);
    at.fail('a');
    expect(at.ejected).toBe('a');
  });

  it('weighs the successes of the whole window against a burst of failures', async () => {
    const at = world({ outlier: byShare });
    at.update('ab');
    for (let second = 0; second < 9; second++) {
      at.succeed('a', 10);
      await at.clock.advance(1_000);
    }
    at.fail('a', 89);
    expect(at.ejected).toBe('');
    at.fail('a');
    expect(at.ejected).toBe('a');
  });

  it('is reckoned right after a rest of any length', async () => {
    for (const rest of [1, 999, 5_000, 9_999, 10_001, 11_000, 60_000, 3_600_000]) {
      const at = world({ outlier: byShare });
      at.update('ab');
      at.fail('a', 19);
      await at.clock.advance(rest);
      expect([rest, at.clock.pending]).toEqual([rest, rest >= 2_000 ? 0 : 1]);
      at.fail('a');
      expect([rest, at.ejected]).toEqual([rest, rest < 10_000 ? 'a' : '']);
    }
  });
});

describe('an ejection', () => {
  it('lasts 10 s, then the endpoint is back in the list', async () => {
    const at = world({ outlier: true });
    at.update('ab');
    at.fail('a', 5);
    await at.clock.advance(9_999);
    expect(at.available).toBe('b');
    await at.clock.advance(1);
    expect([at.available, at.ejected]).toEqual(['ab', '']);
  });

  it('gives back the very snapshot that there was', async () => {
    const at = world({ outlier: true });
    const list = at.update('ab');
    at.fail('a', 5);
    await at.clock.advance(10_000);
    expect(at.newest).toBe(list);
  });

  it('is longer by 10 s each time in a row, up to 300 s', async () => {
    const at = world({ outlier: true });
    at.update('ab');
    at.fail('a', 5);
    const lengths: number[] = [];
    for (let time = 0; time < 33; time++) {
      let seconds = 0;
      for (; at.ejected === 'a'; seconds += 10) await at.clock.advance(10_000);
      lengths.push(seconds);
      at.fail('a');
    }
    expect(lengths.slice(0, 5)).toEqual([10, 20, 30, 40, 50]);
    expect(lengths.slice(28)).toEqual([290, 300, 300, 300, 300]);
  });

  it('is longer by up to 10 % at random, so that those ejected together do not return together', async () => {
    const at = world({ outlier: true, random: seeded(7) });
    at.update('abcdefghijkl');
    for (const letter of 'abcdef') at.fail(letter, 5);
    const returns = new Map<string, number>();
    for (let ms = 0; ms < 11_010; ms += 10) {
      for (const letter of 'abcdef')
        if (!at.ejected.includes(letter) && !returns.has(letter)) returns.set(letter, ms);
      await at.clock.advance(10);
    }
    const times = [...returns.values()];
    expect(times).toHaveLength(6);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(10_000);
    expect(Math.max(...times)).toBeLessThanOrEqual(11_010);
    expect(new Set(times).size).toBe(6);
  });

  it('is forgiven by one for each window in which the endpoint does well', async () => {
    const lengthAfter = async (well: number) => {
      const at = world({ outlier: true });
      at.update('ab');
      at.fail('a', 5);
      await at.clock.advance(10_000);
      at.fail('a');
      await at.clock.advance(20_000);
      at.fail('a');
      await at.clock.advance(30_000);
      at.succeed('a');
      await at.clock.advance(well);
      at.fail('a', 5);
      let seconds = 0;
      for (; at.ejected === 'a'; seconds++) await at.clock.advance(1_000);
      return seconds;
    };
    expect(await lengthAfter(0)).toBe(40);
    expect(await lengthAfter(9_999)).toBe(40);
    expect(await lengthAfter(10_000)).toBe(30);
    expect(await lengthAfter(20_000)).toBe(20);
    expect(await lengthAfter(3_600_000)).toBe(10);
  });

  it('is forgiven soon after the longest, however often that came in a row', async () => {
    const at = world({ outlier: { maxEjectionTime: 30_000 } });
    at.update('ab');
    at.fail('a', 5);
    for (let time = 0; time < 20; time++) {
      await at.clock.advance(30_000);
      at.fail('a');
    }
    await at.clock.advance(30_000);
    at.succeed('a');
    await at.clock.advance(30_000);
    at.fail('a', 5);
    await at.clock.advance(10_000);
    expect([at.ejected, at.availability.stats.ejections]).toEqual(['', 22]);
  });

  it('is not forgiven by time alone, while nobody has tried the endpoint', async () => {
    const at = world({ outlier: true });
    at.update('ab');
    at.fail('a', 5);
    await at.clock.advance(600_000);
    at.fail('a');
    await at.clock.advance(19_999);
    expect(at.ejected).toBe('a');
  });

  it('holds in stale lists too: nothing but time and the outcomes matter', async () => {
    const at = world({ outlier: true });
    at.update('ab');
    await at.clock.advance(86_400_000);
    at.fail('a', 5);
    expect(at.available).toBe('b');
    await at.clock.advance(10_000);
    expect(at.available).toBe('ab');
  });
});

describe('the return from an ejection', () => {
  /** `a` is back on probation. */
  async function returned(options = {}) {
    const at = world({ outlier: true, ...options });
    at.update('abcd');
    at.fail('a', 5);
    await at.clock.advance(10_000);
    return at;
  }

  it('is half-open: one lease at a time', async () => {
    const at = await returned();
    expect(at.excluded).toBe('');
    const end = at.lease('a');
    expect(at.excluded).toBe('a');
    end({ ok: false, aborted: true });
    expect(at.excluded).toBe('');
  });

  it('is complete with the first success', async () => {
    const at = await returned();
    at.succeed('a');
    at.lease('a');
    at.lease('a');
    expect(at.excluded).toBe('');
    at.fail('a', 4);
    expect(at.ejected).toBe('');
  });

  it('is complete with a success that was reported, while a lease is still on trial', async () => {
    const at = await returned();
    at.lease('a');
    at.report('a', { ok: true });
    expect(at.excluded).toBe('');
  });

  it('is over with the first failure', async () => {
    const at = await returned();
    at.fail('a');
    expect([at.ejected, at.excluded]).toEqual(['a', '']);
  });

  it('is tried on when the caller of the trial gave up', async () => {
    const at = await returned();
    at.lease('a')({ ok: false, aborted: true });
    expect([at.available, at.ejected]).toEqual(['abcd', '']);
    at.lease('a');
    expect(at.excluded).toBe('a');
  });

  it('is decided by the first report of a plain pick() as well', async () => {
    const well = await returned();
    well.report('a', { ok: true });
    well.lease('a');
    expect([well.excluded, well.ejected]).toEqual(['', '']);
    const ill = await returned();
    ill.report('a', { ok: false });
    expect(ill.ejected).toBe('a');
  });

  it('is not decided by failures of requests that began before', async () => {
    const at = world({ outlier: true });
    at.update('abcd');
    const hanging = [at.lease('a'), at.lease('a')];
    at.fail('a', 5);
    await at.clock.advance(10_000);
    for (const end of hanging) end({ ok: false });
    expect(at.ejected).toBe('');
    at.fail('a');
    expect(at.ejected).toBe('a');
  });

  it('is decided by the trial, where its time tells it from those that hang since before', async () => {
    const at = world({ outlier: true });
    at.update('abcd');
    const hanging = [at.lease('a'), at.lease('a'), at.lease('a')];
    at.fail('a', 5);
    await at.clock.advance(10_000);
    const trial = at.lease('a');
    await at.clock.advance(50);
    trial({ ok: false, elapsed: 50 });
    expect(at.ejected).toBe('a');
    await at.clock.advance(20_000);
    for (const end of hanging) end({ ok: false, elapsed: 30_050 });
    expect(at.ejected).toBe('');
    const another = at.lease('a');
    expect(at.excluded).toBe('a');
    another({ ok: true, elapsed: 1 });
    expect([at.ejected, at.excluded]).toEqual(['', '']);
  });

  it('lets one more in than those that hang since before', async () => {
    const at = world({ outlier: true });
    at.update('abcd');
    at.lease('a');
    at.lease('a');
    at.fail('a', 5);
    await at.clock.advance(10_000);
    expect(at.excluded).toBe('');
    const trial = at.lease('a');
    expect(at.excluded).toBe('a');
    trial({ ok: true });
    expect(at.excluded).toBe('');
  });

  it('is not undone by slow failures of before, where it is known how long they took', async () => {
    const at = await returned();
    at.succeed('a');
    for (let i = 0; i < 10; i++) at.report('a', { ok: false, elapsed: 5_000 });
    expect(at.ejected).toBe('');
    for (let i = 0; i < 5; i++) at.report('a', { ok: false, elapsed: 0 });
    expect(at.ejected).toBe('a');
  });

  it('waits no longer for one of before whose caller gave up', async () => {
    const at = world({ outlier: true });
    at.update('abcd');
    const hanging = at.lease('a');
    at.fail('a', 5);
    await at.clock.advance(10_000);
    hanging({ ok: false, aborted: true });
    at.fail('a');
    expect(at.ejected).toBe('a');
  });

  it('waits for none of before once the endpoint is proven', async () => {
    const at = world({ outlier: true });
    at.update('abcd');
    for (let i = 0; i < 3; i++) at.lease('a');
    at.fail('a', 5);
    await at.clock.advance(10_000);
    at.succeed('a');
    at.fail('a', 5);
    expect(at.ejected).toBe('a');
  });

  it('begins with a clean count: what was before the ejection is not held against it twice', async () => {
    const at = world({ outlier: { ...byShare, window: 60_000 } });
    at.update('ab');
    at.succeed('a', 10);
    at.fail('a', 10);
    expect(at.ejected).toBe('a');
    await at.clock.advance(10_000);
    at.succeed('a');
    at.fail('a', 2);
    expect(at.ejected).toBe('');
  });

  it('is over when it fails, also in a panic: it may be used like all the others', async () => {
    const at = world({ outlier: { maxEjected: 1 } });
    at.update('abc');
    at.fail('a', 5);
    await at.clock.advance(10_000);
    at.fail('a');
    at.fail('b', 5);
    at.lease('a');
    expect([at.available, at.excluded]).toEqual(['abc', '']);
  });
});

describe('outcomes while ejected', () => {
  it('weigh nothing after the return', async () => {
    const at = world({ outlier: { ...byShare, window: 60_000 } });
    at.update('ab');
    at.fail('a', 20);
    for (let i = 0; i < 100; i++) at.report('a', { ok: true });
    await at.clock.advance(10_000);
    at.succeed('a');
    at.fail('a', 18);
    expect(at.ejected).toBe('');
    at.fail('a');
    expect(at.ejected).toBe('a');
  });
});

describe('how many may be ejected', () => {
  it.each([
    [1, 0.5, 0],
    [1, 1, 0],
    [2, 0.5, 1],
    [3, 0.5, 1],
    [4, 0.5, 2],
    [5, 0.5, 2],
    [10, 0.2, 2],
    [10, 0.29, 2],
    [10, 0.3, 3],
    [10, 0, 0],
    [10, 1, 10],
    [100, 0.29, 29],
  ])('of %i with maxEjected %d: %i', (count, maxEjected, wanted) => {
    const at = world({ outlier: { maxEjected } });
    const letters = String.fromCharCode(...Array.from({ length: count }, (_, i) => 97 + i));
    at.update(letters);
    for (const letter of letters) at.fail(letter, 50);
    expect(at.ejected).toHaveLength(wanted);
    expect(at.availability.stats).toMatchObject({ ejected: wanted, ejections: wanted });
  });

  it('is a matter of those in the list: one that left makes room', () => {
    const at = world({ outlier: true });
    at.update('abcd');
    for (const letter of 'abc') at.fail(letter, 5);
    expect(at.ejected).toBe('ab');
    at.update('bcd');
    expect(at.ejected).toBe('b');
    at.fail('c');
    expect(at.ejected).toBe('b');
    at.update('bcde');
    at.fail('c');
    expect(at.ejected).toBe('bc');
  });

  it('lets who failed while there was no room go at its next failure, not later', async () => {
    const at = world({ outlier: true });
    at.update('ab');
    at.fail('a', 5);
    at.fail('b', 50);
    await at.clock.advance(10_000);
    expect(at.ejected).toBe('');
    at.fail('b');
    expect(at.ejected).toBe('b');
  });

  it('keeps on probation who fails it when there is no room', async () => {
    const at = world({ outlier: true });
    at.update('ab');
    at.fail('a', 5);
    await at.clock.advance(10_000);
    at.fail('b', 5);
    expect(at.ejected).toBe('b');
    at.fail('a');
    expect(at.available).toBe('a');
    at.lease('a');
    expect(at.excluded).toBe('a');
  });
});

describe('what is known of an endpoint', () => {
  it('outlives a short absence: it comes back ejected, for as long as it would have been (T33)', async () => {
    const at = world({ outlier: true });
    at.update('abcd');
    at.fail('a', 5);
    await at.clock.advance(4_000);
    at.update('bcd');
    expect(at.available).toBe('bcd');
    await at.clock.advance(4_000);
    at.update('abcd');
    expect([at.available, at.ejected]).toEqual(['bcd', 'a']);
    await at.clock.advance(2_000);
    expect([at.available, at.ejected]).toEqual(['abcd', '']);
  });

  it('outlives an absence beyond the end of the ejection: it comes back on probation (T33)', async () => {
    const at = world({ outlier: true });
    at.update('abcd');
    at.fail('a', 5);
    at.update('bcd');
    await at.clock.advance(30_000);
    expect(at.clock.pending).toBe(0);
    at.update('abcd');
    expect(at.available).toBe('abcd');
    at.fail('a');
    expect(at.ejected).toBe('a');
    await at.clock.advance(19_999);
    expect(at.ejected).toBe('a');
  });

  it('outlives an absence on probation, a trial under way included', async () => {
    const at = world({ outlier: true });
    at.update('abcd');
    at.fail('a', 5);
    await at.clock.advance(10_000);
    const end = at.lease('a');
    at.update('bcd');
    expect(at.excluded).toBe('');
    at.update('abcd');
    expect(at.excluded).toBe('a');
    end({ ok: true });
    at.lease('a');
    at.lease('a');
    expect(at.excluded).toBe('');
  });

  it('is forgotten with the endpoint, after 10 minutes', async () => {
    const at = world({ outlier: true });
    at.update('abcd');
    at.fail('a', 5);
    at.update('bcd');
    await at.clock.advance(600_001);
    at.update('abcd');
    at.fail('a', 4);
    expect(at.ejected).toBe('');
  });

  it('is one thing, however often it leaves and comes while it is out (T12)', async () => {
    const at = world({ outlier: true });
    for (let round = 0; round < 5; round++) {
      at.update('abcd');
      if (round === 0) at.fail('a', 5);
      expect([at.available, at.availability.stats.ejected]).toEqual(['bcd', 1]);
      at.update('bcd');
      expect([at.available, at.availability.stats.ejected]).toEqual(['bcd', 0]);
      await at.clock.advance(1_000);
    }
    at.update('abcd');
    await at.clock.advance(5_000);
    expect(at.newest?.endpoints.map(({ host }) => host)).toEqual([
      '10.0.0.1',
      '10.0.0.2',
      '10.0.0.3',
      '10.0.0.4',
    ]);
    at.succeed('a');
    expect(at.availability.stats).toMatchObject({ available: 4, ejected: 0, full: 0, ejections: 1 });
  });

  it('is not changed by late outcomes: of an ejected endpoint, and of one that is gone', async () => {
    const at = world({ outlier: true });
    at.update('abcd');
    const late = Array.from({ length: 10 }, () => at.lease('a'));
    at.fail('a', 5);
    for (const end of late.slice(0, 5)) end({ ok: false });
    at.report('a', { ok: true });
    expect(at.availability.stats.ejections).toBe(1);
    await at.clock.advance(9_999);
    expect(at.ejected).toBe('a');
    at.update('bcd');
    for (const end of late.slice(5)) end({ ok: false });
    for (let i = 0; i < 50; i++) at.report('a', { ok: false });
    expect(at.availability.stats).toMatchObject({ available: 3, ejected: 0, ejections: 1 });
    await at.clock.advance(1);
    at.update('abcd');
    expect(at.available).toBe('abcd');
  });

  it('of a newcomer is nothing, and a newcomer changes nothing of the others (T28)', async () => {
    const at = world({ outlier: true });
    at.update('ab');
    at.fail('a', 5);
    at.fail('b', 4);
    at.update('abcde');
    expect(at.ejected).toBe('a');
    at.fail('b');
    expect(at.ejected).toBe('ab');
    await at.clock.advance(9_999);
    expect(at.ejected).toBe('ab');
  });
});

describe('a dead endpoint', () => {
  it.each([0, 1, 65_535])('is not picked for ever, with all weights %i (T28)', (weight) => {
    const at = world({ outlier: true, slowStart: true });
    at.update([...'abc'].map((letter) => address(letter, { weight })));
    const dead = at.endpoint('a');
    let failures = 0;
    for (let round = 0; round < 300; round++) {
      const { endpoints } = at.newest!;
      const picked = endpoints[round % endpoints.length]!;
      if (picked === dead) failures++;
      at.availability.reported(picked, { ok: picked !== dead });
    }
    expect(failures).toBe(5);
  });
});
