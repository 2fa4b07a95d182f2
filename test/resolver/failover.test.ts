import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DnsError, InvalidNameError, ServiceNotFoundError } from '../../src/errors.ts';
import { failover } from '../../src/resolver/failover.ts';
import type { ResolveOptions, Resolver } from '../../src/resolver/resolver.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { letterOf } from '../lists.ts';
import { notFound, type ScriptedSource, scriptedSource, unreachable } from '../scripted-source.ts';

const hold = 30_000;

function world(count = 2, options: { timeout?: number } = {}) {
  const clock = createFakeClock();
  const parts = Array.from({ length: count }, (_, i) => scriptedSource('abcdef'[i]));
  const [first, second, ...rest] = parts as [ScriptedSource, ScriptedSource, ...ScriptedSource[]];
  const both = failover(first, second, ...rest, { hold, clock, ...options });
  const ask = (asked?: ResolveOptions) => both.resolve({ service: 'web' }, asked);
  /** Letters of the list. */
  const list = async () => (await ask()).addresses.map(({ host }) => letterOf(host)).join('');
  /** Asks every `interval` ms for so long; the lists, and how long each was used, as `a×3`. */
  const listsOver = async (duration: number, interval = 5_000) => {
    const runs: [string, number][] = [];
    for (let elapsed = 0; elapsed < duration; elapsed += interval) {
      await clock.advance(interval);
      const letters = await list();
      const run = runs.at(-1);
      if (run?.[0] === letters) run[1]++;
      else runs.push([letters, 1]);
    }
    return runs.map(([letters, times]) => `${letters}×${times}`).join(' ');
  };
  return { clock, parts, first, second, third: rest[0]!, both, ask, list, listsOver };
}

describe('failover', () => {
  it('uses the first while that has instances, and asks nobody else', async () => {
    const { second, list } = world();
    expect(await list()).toBe('a');
    expect(second.asked).toEqual([]);
  });

  it.each([
    ['fails', unreachable()],
    ['knows of nothing', notFound()],
    ['answers an empty list', ''],
    ['answers nonsense', { addresses: 'none' as never }],
    ['throws something else', new TypeError('oops')],
  ])('goes on to the second at once where the first %s', async (_, answer) => {
    const { first, list } = world();
    first.answer = answer;
    expect(await list()).toBe('b');
  });

  it('comes back when the first has answered well for as long as `hold`', async () => {
    const { first, list, listsOver } = world();
    first.answer = unreachable();
    expect(await list()).toBe('b');
    expect(await listsOver(60_000)).toBe('b×12');
    first.answer = 'a';
    // The first good answer starts the time, the one 30 s later ends it.
    expect(await listsOver(60_000)).toBe('b×6 a×6');
  });

  it('starts that time anew when the first fails again, however often: a flapping one is not used', async () => {
    const { first, list, listsOver } = world();
    first.answer = unreachable();
    await list();
    for (let flap = 0; flap < 10; flap++) {
      first.answer = 'a';
      expect(await listsOver(25_000)).toBe('b×5');
      first.answer = flap % 2 === 0 ? notFound() : unreachable();
      expect(await listsOver(5_000)).toBe('b×1');
    }
  });

  it('uses the first before its time where the second has nothing any more', async () => {
    const { first, second, list, listsOver } = world();
    first.answer = unreachable();
    await list();
    first.answer = 'a';
    expect(await listsOver(10_000)).toBe('b×2');
    second.answer = notFound();
    expect(await listsOver(10_000)).toBe('a×2');
    second.answer = 'b';
    expect(await listsOver(10_000)).toBe('a×2');
  });

  it('does not wait for a first that is known to be down and hangs', async () => {
    const { clock, first, list } = world();
    const open = first.hold();
    const waited = list();
    await clock.advance(4_999);
    await clock.advance(1);
    expect(await waited).toBe('b');
    for (let round = 0; round < 20; round++) expect(await list()).toBe('b');
    // One question at a time hangs there, and each ends.
    expect(first.asked).toHaveLength(2);
    await clock.advance(5_000);
    await list();
    expect(first.asked).toHaveLength(3);
    await clock.advance(5_000);
    expect(clock.pending).toBe(0);
    open();
  });

  it('gives a question that nobody waits for its own end: the caller that leaves does not stop it', async () => {
    const { clock, first, second, ask, list } = world();
    first.answer = unreachable();
    await list();
    first.hold();
    second.hold();
    const leaver = new AbortController();
    const left = ask({ signal: leaver.signal, fresh: false });
    await clock.advance(0);
    leaver.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    expect(second.asked.at(-1)?.signal?.aborted).toBe(true);
    expect(first.asked.at(-1)).toMatchObject({ fresh: true, background: true });
    expect(first.asked.at(-1)?.signal?.aborted).toBe(false);
  });

  it('does not take a caller that leaves for a failure', async () => {
    const { first, ask, list } = world();
    const open = first.hold();
    const leaver = new AbortController();
    const left = ask({ signal: leaver.signal });
    leaver.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    open();
    expect(await list()).toBe('a');
  });

  it('asks all at once while all are down, and takes whoever answers', async () => {
    const { clock, first, second, list, listsOver } = world();
    first.answer = unreachable();
    second.answer = unreachable();
    await expect(list()).rejects.toThrow('none of 2');
    const open = first.hold();
    second.answer = 'b';
    const started = clock.now();
    expect(await list()).toBe('b');
    expect(clock.now()).toBe(started);
    await clock.advance(5_000);
    // And stays there for its time, as if the first had never been.
    first.answer = 'a';
    open();
    expect(await listsOver(60_000)).toBe('b×6 a×6');
  });

  it('goes through a third: the next one that is not known to be down', async () => {
    const { first, second, list, listsOver } = world(3);
    first.answer = unreachable();
    second.answer = unreachable();
    expect(await list()).toBe('c');
    second.answer = 'b';
    expect(await listsOver(60_000)).toBe('c×6 b×6');
    first.answer = 'a';
    expect(await listsOver(60_000)).toBe('b×6 a×6');
  });

  it('prefers a better one that is not trusted yet to a worse one', async () => {
    const { first, second, list, listsOver } = world(3);
    first.answer = unreachable();
    await list();
    first.answer = 'a';
    expect(await listsOver(10_000)).toBe('b×2');
    second.answer = unreachable();
    expect(await list()).toBe('a');
  });

  it('goes past a worse one that failed a moment ago', async () => {
    const { first, second, list, listsOver } = world(3);
    first.answer = unreachable();
    second.answer = unreachable();
    expect(await list()).toBe('c');
    first.answer = 'a';
    expect(await listsOver(40_000)).toBe('c×6 a×2');
    first.answer = unreachable();
    second.hold();
    // No time passes.
    expect(await list()).toBe('c');
  });

  it('forgets that a worse one failed when that is longer ago than `hold`', async () => {
    const { clock, first, second, list, listsOver } = world(3);
    first.answer = unreachable();
    second.answer = unreachable();
    expect(await list()).toBe('c');
    first.answer = 'a';
    expect(await listsOver(75_000)).toBe('c×6 a×9');
    first.answer = unreachable();
    second.answer = 'b';
    const open = second.hold();
    const waiting = list();
    await clock.advance(1_000);
    open();
    expect(await waiting).toBe('b');
  });

  it('keeps names apart', async () => {
    const { first, both, list } = world();
    first.answer = unreachable();
    expect(await list()).toBe('b');
    first.answer = 'a';
    const api = await both.resolve({ service: 'api' });
    expect(letterOf(api.addresses[0]?.host)).toBe('a');
    expect(await list()).toBe('b');
  });

  it('says who answered, and hands the rest of the answer on', async () => {
    const { first, second, ask } = world();
    first.answer = unreachable();
    second.answer = { addresses: [], complete: false };
    await expect(ask()).rejects.toThrow();
    const answer = {
      addresses: [{ host: '10.0.0.2', port: 80, priority: 1, weight: 1 }],
      ttl: 7_000,
      complete: false,
      omission: 0.5,
      origin: { server: '10.9.9.9:8600' },
    };
    second.answer = answer;
    expect(await ask()).toEqual(answer);
  });

  it('passes `fresh`, `background` and an own signal on', async () => {
    const { first, ask } = world();
    await ask({ fresh: true, background: true, signal: new AbortController().signal });
    expect(first.asked).toEqual([
      { fresh: true, background: true, after: undefined, signal: expect.any(AbortSignal) },
    ]);
  });

  it('waits with `after` while the first is used, by its token; else it answers now', async () => {
    const { clock, first, second, ask } = world();
    first.answer = { addresses: (await first.resolve({ service: 'x' })).addresses, token: '7' };
    const { token } = await ask();
    const open = first.hold();
    const waiting = ask({ after: token! });
    await clock.advance(600_000);
    expect(first.asked.at(-1)?.after).toBe('7');
    open();
    expect((await waiting).token).toBe(token);
    first.answer = unreachable();
    second.answer = { addresses: (await second.resolve({ service: 'x' })).addresses, token: '9' };
    expect((await ask({ after: token! })).token).toBe(undefined);
    await ask({ after: 'nonsense' });
    expect(second.asked.at(-1)?.after).toBe(undefined);
  });

  it('says as one error what all of them said: "not found" only where all of them do', async () => {
    const { first, second, ask } = world();
    first.answer = new ServiceNotFoundError('one: NXDOMAIN');
    second.answer = new ServiceNotFoundError('two: NXDOMAIN');
    const nothing = await ask().catch((error) => error);
    expect(nothing).toBeInstanceOf(ServiceNotFoundError);
    expect(nothing.message).toBe(
      'failover: none of 2 has an instance now. 1: one: NXDOMAIN | 2: two: NXDOMAIN',
    );
    expect(nothing.cause.errors).toEqual([first.answer, second.answer]);
    const attempt = { server: 's', transport: 'udp', elapsed: 1, outcome: 'SERVFAIL' } as const;
    second.answer = new DnsError('ERR_DNS_TIMEOUT', 'two: silence', [attempt]);
    const failed = await ask().catch((error) => error);
    expect(failed).toMatchObject({ code: 'ERR_DNS_TIMEOUT', attempts: [attempt] });
    expect(failed.message).toContain('1: one: NXDOMAIN | 2: two: silence');
    first.answer = second.answer = new InvalidNameError('no such name');
    expect(await ask().catch((error) => error)).toBe(first.answer);
  });

  it('closes all of them once, also where one fails to, and answers no more', async () => {
    const closed: number[] = [];
    const closable = (i: number, close: () => void): Resolver => ({
      ...scriptedSource(),
      close: () => {
        closed.push(i);
        close();
      },
    });
    const failing = () => {
      throw new Error('would not close');
    };
    const shared = closable(3, () => {});
    const both = failover(
      closable(1, failing),
      closable(2, () => {}),
      shared,
      shared,
    );
    await expect(both.close()).rejects.toThrow('would not close');
    await expect(both.close()).rejects.toThrow('would not close');
    expect(closed).toEqual([1, 2, 3]);
    await expect(both.resolve({ service: 'web' })).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('ends with ERR_CLOSED for who waits while it is closed, and leaves no timer', async () => {
    const { clock, first, both, ask } = world();
    first.hold();
    const waiting = ask();
    await clock.advance(0);
    await both.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(clock.pending).toBe(0);
  });

  it.each<[string, unknown[]]>([
    ['expected 2 resolvers or more, got 1', [scriptedSource()]],
    ['failover: argument 2: expected an object with resolve()', [scriptedSource(), 'x', {}]],
    ['failover: argument 1: expected an object with resolve()', [[scriptedSource(), scriptedSource()]]],
    ['unknown option "hodl"', [scriptedSource(), scriptedSource(), { hodl: 1 }]],
    ['failover.hold: expected a number of at least 0', [scriptedSource(), scriptedSource(), { hold: -1 }]],
    ['failover.timeout', [scriptedSource(), scriptedSource(), { timeout: 0 }]],
  ])('refuses: %s', (words, given) => {
    expect(() => (failover as (...args: unknown[]) => unknown)(...given)).toThrowError(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringContaining(words) }),
    );
  });

  it('whatever happens, answers iff one has something, with a list of one that has it now, and returns to the first', async () => {
    const states = fc.array(
      fc.record({
        up: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
        rounds: fc.integer({ min: 1, max: 9 }),
      }),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(states, async (steps) => {
        const { clock, parts, list, listsOver } = world(3);
        for (const { up, rounds } of steps) {
          for (const [i, part] of parts.entries()) part.answer = up[i] ? 'abc'[i]! : unreachable();
          for (let round = 0; round < rounds; round++) {
            const letters = await list().catch(() => '');
            expect(letters === '' ? !up.includes(true) : up['abc'.indexOf(letters)]).toBe(true);
            await clock.advance(5_000);
          }
        }
        for (const [i, part] of parts.entries()) part.answer = 'abc'[i]!;
        expect(await listsOver(120_000)).toMatch(/a×\d+$/);
      }),
      { numRuns: 60 },
    );
  });
});
