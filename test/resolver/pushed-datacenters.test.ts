import { describe, expect, it } from 'vitest';
import { Warnings } from '../../src/diagnostics.ts';
import { ServiceNotFoundError } from '../../src/errors.ts';
import { checkHold } from '../../src/hold.ts';
import { overDatacenters } from '../../src/resolver/datacenters.ts';
import { filter } from '../../src/resolver/filter.ts';
import { merge } from '../../src/resolver/merge.ts';
import { split } from '../../src/resolver/split.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { address, letterOf } from '../lists.ts';
import { PushingSource } from '../pushing-source.ts';
import { scriptedSource } from '../scripted-source.ts';

const lettersOf = ({ addresses }: { addresses: readonly { host: string }[] }) =>
  addresses
    .map(({ host }) => letterOf(host))
    .sort()
    .join('');

function world(...lists: readonly string[]) {
  const clock = createFakeClock();
  const places = lists.map((list) => new PushingSource(clock, list));
  const inPlace = (name: unknown) =>
    places[Number((name as { datacenter: string }).datacenter.slice(2)) - 1]!;
  const resolver = overDatacenters(
    { resolve: (name, options) => inPlace(name).resolve(name, options) },
    lists.map((_, i) => `dc${i + 1}`),
    { clock, hold: checkHold({}, 'hold'), warnings: new Warnings(() => {}) },
  );
  const ask = (after?: string) => resolver.resolve({ service: 'web' }, { after });
  return { clock, places, ask };
}

describe('a list over several datacenters that push', () => {
  it('waits for all of them at once, and asks the others again when one has changed', async () => {
    const { places, ask, clock } = world('a', 'b', 'c');
    const { token, ttl } = await ask();
    expect(ttl).toBe(60_000);
    const waiting = ask(token);
    await clock.advance(1_000);
    expect(places.map(({ watches }) => watches)).toEqual([1, 1, 1]);
    places[1]!.become('bx');
    expect(lettersOf(await waiting)).toBe('abcx');
    await clock.advance(0);
    expect(places.map(({ watches }) => watches)).toEqual([0, 0, 0]);
  });

  it('waits for a first instance where a datacenter has none, and where none has any', async () => {
    const { places, ask } = world('a', '');
    const one = await ask();
    const waiting = ask(one.token);
    places[1]!.become('b');
    expect(lettersOf(await waiting)).toBe('ab');
    for (const place of places) place.become('');
    const error: ServiceNotFoundError = await ask().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ServiceNotFoundError);
    const first = ask(error.token);
    places[0]!.become('z');
    expect(lettersOf(await first)).toBe('z');
  });

  it('is not held up by one that fails: the others push on, and that one is asked again within 10 s', async () => {
    const { places, ask, clock } = world('a', 'b');
    const { token } = await ask();
    const waiting = ask(token);
    await clock.advance(0);
    places[1]!.breakDown();
    const partial = await waiting;
    expect(partial).toMatchObject({ complete: false, unresolved: { datacenters: ['dc2'] } });
    expect(partial.ttl).toBe(10_000);
    const next = ask(partial.token);
    await clock.advance(5_000);
    places[0]!.become('ax');
    expect(lettersOf(await next)).toBe('ax');
    const { token: last } = await ask();
    const whole = ask(last);
    await clock.advance(0);
    places[1]!.fails = false;
    // Whoever asks next finds out that it is back, and who waits is told.
    await ask();
    expect(await whole).toMatchObject({ complete: true, ttl: 60_000 });
    expect(lettersOf(await whole)).toBe('abx');
  });
});

describe('resolvers made of others that push', () => {
  const name = { service: 'web' };
  const pushing = (...lists: readonly string[]) =>
    lists.map((list) => new PushingSource(createFakeClock(), list));

  it('merge waits for a part that has nothing, and where none has anything', async () => {
    const [a, b] = pushing('a', '') as [PushingSource, PushingSource];
    const both = merge(a, b);
    const { token } = await both.resolve(name);
    const waiting = both.resolve(name, { after: token });
    b.become('b');
    expect(lettersOf(await waiting)).toBe('ab');
    a.become('');
    b.become('');
    const error = await both.resolve(name).catch((thrown) => thrown);
    const first = both.resolve(name, { after: error.token });
    b.become('c');
    expect(lettersOf(await first)).toBe('c');
  });

  it('split sees the canary come back', async () => {
    const [stable, canary] = pushing('a', '') as [PushingSource, PushingSource];
    const both = split(stable, canary, { share: 1 });
    const { token, addresses } = await both.resolve(name);
    expect(lettersOf({ addresses })).toBe('a');
    const waiting = both.resolve(name, { after: token });
    canary.become('x');
    expect(lettersOf(await waiting)).toBe('x');
  });

  it('filter waits where the predicate leaves none', async () => {
    const [source] = pushing('a') as [PushingSource];
    const only = filter(source, ({ host }) => letterOf(host) === 'b');
    const error = await only.resolve(name).catch((thrown) => thrown);
    const waiting = only.resolve(name, { after: error.token });
    source.become('ab');
    expect(lettersOf(await waiting)).toBe('b');
  });

  it('have no token where a part cannot push', async () => {
    const [a] = pushing('a') as [PushingSource];
    const dumb = scriptedSource('b');
    expect(await merge(a, dumb).resolve(name)).not.toHaveProperty('token');
    dumb.answer = { addresses: [address('b')], token: '1' };
    expect((await merge(a, dumb).resolve(name)).token).toBe('["1","1"]');
  });
});
