import { describe, expect, it } from 'vitest';
import { ServiceNotFoundError } from '../../src/errors.ts';
import { createRandom } from '../../src/random.ts';
import { cached } from '../../src/resolver/cached.ts';
import type { Resolution, ResolveOptions, Resolver } from '../../src/resolver/resolver.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { address } from '../lists.ts';

/** A resolver that is answered by hand. */
function scripted() {
  const calls: {
    name: unknown;
    options: ResolveOptions;
    answer: (resolution: Partial<Resolution>) => void;
    fail: (error: unknown) => void;
  }[] = [];
  const resolver: Resolver = {
    resolve: (name, options = {}) =>
      new Promise((resolve, reject) => {
        const answer = (given: Partial<Resolution>) =>
          resolve({ addresses: [address('a')], ttl: 0, complete: true, ...given });
        calls.push({ name, options, answer, fail: reject });
        options.signal?.addEventListener('abort', () => reject(options.signal?.reason));
      }),
  };
  return { calls, resolver };
}

function world(options: Parameters<typeof cached>[1] = {}) {
  const clock = createFakeClock();
  const { calls, resolver } = scripted();
  const cache = cached(resolver, { clock, random: createRandom(1), ttl: { jitter: 0 }, ...options });
  return { clock, calls, cache, web: (asked?: ResolveOptions) => cache.resolve({ service: 'web' }, asked) };
}

describe('cached', () => {
  it('asks once for 200 who ask at the same time', async () => {
    const { calls, web } = world();
    const all = Array.from({ length: 200 }, () => web());
    expect(calls).toHaveLength(1);
    calls[0]!.answer({});
    expect(new Set(await Promise.all(all)).size).toBe(1);
  });

  it('answers from memory until the TTL is over, with the time that is left', async () => {
    const { clock, calls, web } = world();
    const first = web();
    calls[0]!.answer({ ttl: 20_000 });
    expect((await first).ttl).toBe(20_000);
    await clock.advance(15_000);
    expect((await web()).ttl).toBe(5_000);
    await clock.advance(5_001);
    void web();
    expect(calls).toHaveLength(2);
  });

  it.each([
    [0, 5_000],
    [1_000, 5_000],
    [30_000, 30_000],
    [3_600_000, 60_000],
  ])('holds a TTL of %i ms as %i ms', async (sent, held) => {
    const { calls, web } = world();
    const first = web();
    calls[0]!.answer({ ttl: sent });
    expect((await first).ttl).toBe(held);
  });

  it('varies the TTL by the jitter, evenly around it', async () => {
    const { calls, web } = world({ ttl: { jitter: 0.1 } });
    const ttls: number[] = [];
    for (let i = 0; i < 300; i++) {
      const work = web({ fresh: true });
      calls.at(-1)!.answer({ ttl: 10_000 });
      ttls.push((await work).ttl);
    }
    expect(Math.min(...ttls)).toBeGreaterThanOrEqual(9_000);
    expect(Math.max(...ttls)).toBeLessThanOrEqual(11_000);
    expect(Math.max(...ttls) - Math.min(...ttls)).toBeGreaterThan(1_800);
  });

  it('asks past its memory when told to, and remembers that answer', async () => {
    const { calls, web } = world();
    const first = web();
    calls[0]!.answer({});
    await first;
    const fresh = web({ fresh: true });
    calls[1]!.answer({ addresses: [address('b')] });
    expect((await fresh).addresses).toEqual([address('b')]);
    expect((await web()).addresses).toEqual([address('b')]);
    expect(calls).toHaveLength(2);
  });

  it('keeps names apart, and spellings of one name together (T15)', async () => {
    const { calls, cache } = world();
    void cache.resolve({ service: 'web' });
    void cache.resolve({ service: 'WEB' });
    void cache.resolve({ service: 'web', tag: 'v1' });
    void cache.resolve({ service: 'web', datacenter: 'dc2' });
    void cache.resolve({ query: 'web' });
    expect(calls).toHaveLength(4);
  });

  it('forgets a name whose newest answer is that there is nothing', async () => {
    const { calls, web } = world();
    const first = web();
    calls[0]!.answer({});
    await first;
    const gone = web({ fresh: true });
    calls[1]!.fail(new ServiceNotFoundError('NXDOMAIN'));
    await expect(gone).rejects.toThrow('NXDOMAIN');
    void web();
    expect(calls).toHaveLength(3);
  });

  it('says how old what it remembers is', async () => {
    const { calls, clock, web } = world();
    const first = web();
    calls[0]!.answer({});
    expect((await first).age).toBe(undefined);
    await clock.advance(3_000);
    expect((await web()).age).toBe(3_000);
  });

  it('counts on from the age that an answer came with', async () => {
    const { calls, clock, web } = world();
    const first = web();
    calls[0]!.answer({ age: 2_000 });
    expect((await first).age).toBe(2_000);
    await clock.advance(3_000);
    expect((await web()).age).toBe(5_000);
  });

  it('leaves some time also at the last instant: never 0', async () => {
    const { calls, clock, web } = world();
    const first = web();
    calls[0]!.answer({});
    await first;
    await clock.advance(5_000);
    expect((await web()).ttl).toBe(1);
    expect(calls).toHaveLength(1);
  });

  it.each([
    [{ tll: {} }],
    [{ max: Number.NaN }],
    [{ ttl: { min: 60_000, max: 5_000 } }],
    [{ ttl: { min: 70_000 } }],
    [{ clock: {} }],
  ])('refuses %j', (options) => {
    expect(() => cached({ resolve: async () => ({}) as never }, options as never)).toThrowError(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
    );
  });

  it('refuses what is no resolver', () => {
    expect(() => cached(undefined as never)).toThrowError(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
    );
  });

  it('does not remember failures', async () => {
    const { calls, web } = world();
    const failed = web();
    calls[0]!.fail(new Error('no'));
    await expect(failed).rejects.toThrow('no');
    const again = web();
    calls[1]!.answer({});
    expect((await again).addresses).toHaveLength(1);
  });

  it('lets a waiter leave without hurting the others', async () => {
    const { calls, web } = world();
    const reason = new Error('enough');
    const leaver = new AbortController();
    const leaving = web({ signal: leaver.signal });
    const staying = web();
    leaver.abort(reason);
    await expect(leaving).rejects.toBe(reason);
    expect(calls[0]!.options.signal?.aborted).toBe(false);
    calls[0]!.answer({});
    expect((await staying).addresses).toHaveLength(1);
  });

  it('gives the question up when the last waiter has left, and asks anew for the next', async () => {
    const { calls, web } = world();
    const leavers = [new AbortController(), new AbortController()];
    const leaving = leavers.map(({ signal }) => web({ signal }));
    for (const leaver of leavers) leaver.abort(new Error('enough'));
    for (const work of leaving) await expect(work).rejects.toThrow('enough');
    expect(calls[0]!.options.signal?.aborted).toBe(true);
    const next = web();
    // The end of the first question is no end of the second.
    await new Promise((resolve) => setImmediate(resolve));
    const withIt = web();
    calls[1]!.answer({});
    expect((await next).addresses).toHaveLength(1);
    expect(await withIt).toBe(await next);
    expect(calls).toHaveLength(2);
  });

  it('asks in the background whoever waits: waiters hold the process themselves', async () => {
    const { calls, web } = world();
    void web();
    expect(calls[0]!.options.background).toBe(true);
  });

  it('hands `after` through, for each state of the set its own question', () => {
    const { calls, web } = world();
    void web({ after: '7' });
    void web({ after: '7' });
    void web({ after: '8' });
    expect(calls.map(({ options }) => options.after)).toEqual(['7', '8']);
  });

  it('remembers under the name what came of `after`, also that there is nothing any more', async () => {
    const { calls, web } = world({ max: 1 });
    const changed = web({ after: '7' });
    calls[0]!.answer({ addresses: [address('b')] });
    await changed;
    expect((await web()).addresses).toEqual([address('b')]);
    const gone = web({ after: '8' }).catch(() => {});
    calls[1]!.fail(new ServiceNotFoundError('NXDOMAIN'));
    await gone;
    void web();
    expect(calls).toHaveLength(3);
  });

  it('gives up a question after `timeout`, where that is set; never one that waits for a change', async () => {
    const { calls, clock, web } = world({ timeout: 1_000 });
    const ends = [web(), web({ signal: new AbortController().signal })].map((work) =>
      work.catch((error) => error),
    );
    const waiting = web({ after: '7' });
    await clock.advance(1_000);
    for (const end of ends) expect(await end).toMatchObject({ code: 'ERR_DNS_TIMEOUT' });
    expect(calls.map(({ options }) => options.signal?.aborted ?? false)).toEqual([true, false]);
    await clock.advance(3_600_000);
    calls[1]!.answer({});
    expect((await waiting).addresses).toHaveLength(1);
    const anew = web({ fresh: true });
    calls[2]!.answer({});
    await anew;
    expect(clock.pending).toBe(0);
  });

  it('does not take in what comes of a question that was given up: others may know better by now', async () => {
    type Answer = (resolution: Resolution | PromiseLike<Resolution>) => void;
    const deaf: Answer[] = [];
    const cache = cached(
      { resolve: () => new Promise((resolve) => void deaf.push(resolve)) },
      { clock: createFakeClock() },
    );
    const list = (letter: string) => ({ addresses: [address(letter)], ttl: 0, complete: true });
    for (let left = 0; left < 2; left++) {
      const leaver = new AbortController();
      const given = cache.resolve({ service: 'web' }, { signal: leaver.signal });
      leaver.abort('enough');
      await expect(given).rejects.toBe('enough');
    }
    const stays = cache.resolve({ service: 'web' });
    deaf[2]!(list('b'));
    await stays;
    deaf[0]!(list('a'));
    deaf[1]!(Promise.reject(new ServiceNotFoundError('NXDOMAIN')));
    await new Promise((resolve) => setImmediate(resolve));
    expect((await cache.resolve({ service: 'web' })).addresses).toEqual([address('b')]);
  });

  it('forgets the least recently used name beyond its bound', async () => {
    const { calls, cache } = world({ max: 2 });
    for (const service of ['a', 'b', 'c']) {
      const work = cache.resolve({ service });
      calls.at(-1)!.answer({});
      await work;
    }
    void cache.resolve({ service: 'c' });
    void cache.resolve({ service: 'a' });
    expect(calls).toHaveLength(4);
  });
});
