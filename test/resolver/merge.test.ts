import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ServiceNotFoundError } from '../../src/errors.ts';
import { addressesOf, noMembers, settle } from '../../src/resolver/membership.ts';
import { merge } from '../../src/resolver/merge.ts';
import type { ResolveOptions } from '../../src/resolver/resolver.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { address, letterOf } from '../lists.ts';
import { notFound, type ScriptedSource, scriptedSource, unreachable } from '../scripted-source.ts';

const lettersOf = (addresses: readonly { host: string }[]) =>
  addresses
    .map(({ host }) => letterOf(host))
    .sort()
    .join('');

function world(...answers: string[]) {
  const clock = createFakeClock();
  const parts = answers.map((answer) => scriptedSource(answer));
  const [first, ...rest] = parts as [ScriptedSource, ...ScriptedSource[]];
  const all = merge(first, ...rest, { clock });
  const ask = (asked?: ResolveOptions) => all.resolve({ service: 'web' }, asked);
  const list = async () => lettersOf((await ask()).addresses);
  return { clock, parts, first, second: rest[0]!, all, ask, list };
}

describe('merge', () => {
  it('is the union of all, asked at once', async () => {
    const { parts, list } = world('ab', 'c', 'de');
    const open = parts.map((part) => part.hold());
    const waiting = list();
    expect(parts.map(({ asked }) => asked.length)).toEqual([1, 1, 1]);
    for (const one of open) one();
    expect(await waiting).toBe('abcde');
  });

  it('keeps of what two know what the earlier one says, whatever the weights', async () => {
    const { first, second, ask } = world('', '');
    first.answer = { addresses: [address('a', { weight: 1, node: 'first' })] };
    second.answer = { addresses: [address('a', { weight: 9, node: 'second' }), address('b')] };
    expect((await ask()).addresses).toEqual([address('a', { weight: 1, node: 'first' }), address('b')]);
  });

  it('lasts as long as the shortest, is complete where all are, and as doubtful as the most doubtful', async () => {
    const { first, second, ask } = world('', '');
    first.answer = { addresses: [address('a')], ttl: 20_000, complete: true };
    second.answer = { addresses: [address('b')], ttl: 7_000, complete: true, age: 300 };
    expect(await ask()).toMatchObject({ ttl: 7_000, complete: true, age: 300 });
    expect((await ask()).omission).toBe(undefined);
    second.answer = { addresses: [address('b')], complete: false, omission: 0.01 };
    expect(await ask()).toMatchObject({ complete: false, omission: 0.01 });
    first.answer = { addresses: [address('a')], complete: false };
    expect(await ask()).toMatchObject({ complete: false, omission: 0.1 });
  });

  it('says of each part what it could not resolve', async () => {
    const { first, second, ask } = world('', '');
    const addresses = [address('a')];
    const doubt = { addresses, complete: false, omission: 0 };
    first.answer = { ...doubt, unresolved: { targets: ['x.example'], family: 4 } };
    second.answer = { ...doubt, unresolved: { targets: ['y.example'], datacenters: ['dc2'] } };
    const unresolved = { targets: ['x.example', 'y.example'], family: 4, datacenters: ['dc2'] };
    expect(await ask()).toMatchObject({ unresolved, omission: 0 });
    second.answer = { ...doubt, unresolved: { family: 6 } };
    expect(await ask()).toMatchObject({ omission: 1 });
  });

  it('takes one that knows of nothing for an answer: its instances are gone', async () => {
    const { second, ask } = world('ab', 'c');
    second.answer = notFound();
    const resolution = await ask();
    expect([lettersOf(resolution.addresses), resolution.complete]).toEqual(['ab', true]);
    // That is no failure: it is waited for as before.
    second.answer = 'c';
    const open = second.hold();
    const all = ask();
    await new Promise((resolve) => setImmediate(resolve));
    open();
    expect(lettersOf((await all).addresses)).toBe('abc');
  });

  it('is not taken down by one that fails: incomplete, and nothing leaves a service meanwhile', async () => {
    const { first, second, ask } = world('ab', 'c');
    let members = settle(noMembers, await ask());
    second.answer = unreachable();
    first.answer = 'b';
    const partial = await ask();
    expect(partial).toMatchObject({ complete: false, omission: 1 });
    for (let round = 0; round < 50; round++) members = settle(members, await ask());
    expect(lettersOf(addressesOf(members))).toBe('abc');
    second.answer = 'd';
    await ask();
    expect(lettersOf(addressesOf(settle(members, await ask())))).toBe('bd');
  });

  it('waits for one that hangs as long as `timeout`, once; then not, until it answers again', async () => {
    const { clock, second, list } = world('a', 'b');
    const open = second.hold();
    const first = list();
    await clock.advance(5_000);
    expect(await first).toBe('a');
    // No time passes in these.
    for (let round = 0; round < 10; round++) expect(await list()).toBe('a');
    expect(second.asked).toHaveLength(2);
    expect(second.asked[1]).toMatchObject({ fresh: true, background: true });
    open();
    await clock.advance(0);
    expect(await list()).toBe('ab');
    expect(clock.pending).toBe(0);
  });

  it('waits for those that failed where the others have nothing', async () => {
    const { clock, first, second, list } = world('a', 'b');
    second.answer = unreachable();
    await list();
    first.answer = notFound();
    second.answer = 'b';
    const open = second.hold();
    const waiting = list();
    await clock.advance(1_000);
    open();
    expect(await waiting).toBe('b');
  });

  it('does not take a caller that leaves for a failure of anybody', async () => {
    const { clock, second, ask, list } = world('a', 'b');
    const open = second.hold();
    const leaver = new AbortController();
    const left = ask({ signal: leaver.signal });
    await clock.advance(100);
    leaver.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
    expect(second.asked[0]?.signal?.aborted).toBe(true);
    const waiting = list();
    await clock.advance(1_000);
    open();
    expect(await waiting).toBe('ab');
  });

  it('lets a caller leave that waits for one known to be down', async () => {
    const { first, second, ask } = world('a', 'b');
    second.answer = unreachable();
    await ask();
    first.answer = notFound();
    second.hold();
    const leaver = new AbortController();
    const left = ask({ signal: leaver.signal });
    await new Promise((resolve) => setImmediate(resolve));
    leaver.abort(new Error('enough'));
    await expect(left).rejects.toThrow('enough');
  });

  it('leaves nothing behind on the signal of a caller, who may use it for many questions', async () => {
    const { clock, second, ask } = world('a', 'b');
    const { signal } = new AbortController();
    await ask({ signal });
    second.answer = unreachable();
    await ask({ signal });
    await ask({ signal, after: '["1","2"]' });
    await clock.advance(0);
    expect([getEventListeners(signal, 'abort').length, clock.pending]).toEqual([0, 0]);
  });

  it('rejects when none has anything: "not found" only where all say so', async () => {
    const { first, second, ask } = world('', '');
    first.answer = notFound();
    await expect(ask()).rejects.toBeInstanceOf(ServiceNotFoundError);
    second.answer = unreachable();
    await expect(ask()).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringContaining('merge: none of 2 has an instance now. 1: '),
    });
  });

  it('passes `fresh` and `background` on', async () => {
    const { parts, ask } = world('a', 'b');
    await ask({ fresh: true, background: true });
    for (const { asked } of parts) expect(asked).toMatchObject([{ fresh: true, background: true }]);
  });

  it('names who answered, and how', async () => {
    const { first, second, ask } = world('', '');
    const origin = { server: '10.0.0.1:8600', transport: 'udp', asks: 2, elapsed: 3 } as const;
    first.answer = { addresses: [address('a')], origin };
    second.answer = { addresses: [address('b')], origin: { ...origin, asks: 1, elapsed: 8 } };
    expect((await ask()).origin).toEqual({ ...origin, asks: 3, elapsed: 8 });
    second.answer = { addresses: [address('b')], origin: { server: 'fixed' } };
    expect((await ask()).origin).toEqual({ server: '10.0.0.1:8600, fixed', asks: 3, elapsed: 3 });
  });

  describe('with `after`', () => {
    const tokens = async () => {
      const { clock, first, second, ask } = world('', '');
      first.answer = { addresses: [address('a')], token: '1' };
      second.answer = { addresses: [address('b')], token: '1' };
      return { clock, first, second, ask, token: (await ask()).token! };
    };

    it('waits until one of them has changed, and asks the others for what they have now', async () => {
      const { clock, first, second, ask, token } = await tokens();
      const [, openSecond] = [first.hold(), second.hold()];
      const waiting = ask({ after: token });
      await clock.advance(3_600_000);
      expect([first.asked.at(-1)?.after, second.asked.at(-1)?.after]).toEqual(['1', '1']);
      const longPoll = first.asked.at(-1);
      first.hold()();
      first.answer = { addresses: [address('a')], token: '1' };
      second.answer = { addresses: [address('c')], token: '2' };
      openSecond();
      const resolution = await waiting;
      expect(longPoll?.signal?.aborted).toBe(true);
      expect(first.asked.at(-1)?.after).toBe(undefined);
      expect(second.asked).toHaveLength(2);
      expect(lettersOf(resolution.addresses)).toBe('ac');
      expect(resolution.token).not.toBe(token);
    });

    it('answers at once where not every part has a state to wait for', async () => {
      const { first, second, ask, token } = await tokens();
      second.answer = notFound();
      const partial = await ask();
      expect(partial.token).toBe(undefined);
      for (const after of ['nonsense', '["1"]', '[1,2]']) {
        await ask({ after });
        expect(first.asked.at(-1)?.after).toBe(undefined);
      }
      expect((await ask({ after: token })).token).toBe(undefined);
    });

    it('rejects when the caller leaves', async () => {
      const { first, second, ask, token } = await tokens();
      first.hold();
      second.hold();
      const leaver = new AbortController();
      const waiting = ask({ after: token, signal: leaver.signal });
      await new Promise((resolve) => setImmediate(resolve));
      leaver.abort(new Error('enough'));
      await expect(waiting).rejects.toThrow('enough');
      expect(first.asked.at(-1)?.signal?.aborted).toBe(true);
    });
  });

  it('may be of one, and refuses what is no resolver', async () => {
    expect(await world('ab').list()).toBe('ab');
    expect(() => merge({} as never)).toThrowError(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }));
    expect(() => (merge as () => unknown)()).toThrowError(/expected/);
  });

  it('closes all, and answers no more', async () => {
    const { all, ask } = world('a', 'b');
    await all.close();
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});
