import { describe, expect, it } from 'vitest';
import { Warnings } from '../../src/diagnostics.ts';
import type { ServiceName } from '../../src/dns/name.ts';
import { DnsError, ServiceNotFoundError } from '../../src/errors.ts';
import { checkHold, type HoldOptions } from '../../src/hold.ts';
import { overDatacenters } from '../../src/resolver/datacenters.ts';
import { addressesOf, noMembers, settle } from '../../src/resolver/membership.ts';
import type { ResolveOptions } from '../../src/resolver/resolver.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { address, letterOf } from '../lists.ts';
import { notFound, type ScriptedSource, scriptedSource, unreachable } from '../scripted-source.ts';

const lettersOf = (addresses: readonly { host: string }[]) =>
  addresses
    .map(({ host }) => letterOf(host))
    .sort()
    .join('');

/** One source that answers for each datacenter what it is told to. */
function world(...names: string[]) {
  return worldWith({}, ...names);
}

function worldWith(hold: HoldOptions, ...names: string[]) {
  const clock = createFakeClock();
  const asked: ServiceName[] = [];
  const places = Object.fromEntries(names.map((name, i) => [name, scriptedSource('abcdef'[i])])) as Record<
    string,
    ScriptedSource
  >;
  const warnings: string[] = [];
  let closed = 0;
  const resolver = overDatacenters(
    {
      resolve: (name, options) => {
        asked.push(name);
        return places[(name as { datacenter: string }).datacenter]!.resolve(name, options);
      },
      close: () => void closed++,
    },
    names,
    {
      clock,
      hold: checkHold(hold, 'hold'),
      warnings: new Warnings(({ code, datacenter }) => void warnings.push(`${code} ${datacenter}`)),
    },
  );
  const ask = (asked?: ResolveOptions, name: ServiceName = { service: 'web' }) =>
    resolver.resolve(name, asked);
  return { clock, asked, places, resolver, ask, warnings, closings: () => closed };
}

describe('a list over several datacenters', () => {
  it('is asked for by one question for each', async () => {
    const { asked, ask } = world('dc1', 'dc2');
    await ask({}, { service: 'web', tag: 'v1' });
    await ask({}, { query: 'nearest' });
    expect(asked).toEqual([
      { service: 'web', tag: 'v1', datacenter: 'dc1' },
      { service: 'web', tag: 'v1', datacenter: 'dc2' },
      { query: 'nearest', datacenter: 'dc1' },
      { query: 'nearest', datacenter: 'dc2' },
    ]);
  });

  it('says of each address in which it is; where Consul says so, as Consul says', async () => {
    const { places, ask } = world('dc1', 'dc2');
    places['dc2']!.answer = { addresses: [address('b'), address('c', { datacenter: 'dc3' })] };
    const { addresses, complete } = await ask();
    expect(addresses.map(({ datacenter }) => datacenter)).toEqual(['dc1', 'dc2', 'dc3']);
    expect(complete).toBe(true);
  });

  it('keeps the instances of one that fails, while those of the others come and go', async () => {
    const { places, ask } = world('dc1', 'dc2');
    let members = settle(noMembers, await ask());
    places['dc2']!.answer = unreachable();
    places['dc1']!.answer = 'cd';
    const partial = await ask();
    expect(partial).toMatchObject({
      complete: false,
      omission: 0,
      unresolved: { datacenters: ['dc2'] },
    });
    members = settle(members, partial);
    expect(lettersOf(addressesOf(members))).toBe('bcd');
    for (let round = 0; round < 100; round++) members = settle(members, await ask());
    expect(lettersOf(addressesOf(members))).toBe('bcd');
    places['dc2']!.answer = 'e';
    await ask();
    expect(lettersOf(addressesOf(settle(members, await ask())))).toBe('cde');
  });

  it('keeps them also where a prepared query had them from elsewhere', async () => {
    const { places, ask } = world('dc1', 'dc2');
    places['dc2']!.answer = { addresses: [address('b', { datacenter: 'dc9' })] };
    const members = settle(noMembers, await ask());
    places['dc2']!.answer = unreachable();
    const partial = await ask();
    expect(partial.unresolved?.datacenters?.toSorted()).toEqual(['dc2', 'dc9']);
    expect(lettersOf(addressesOf(settle(members, partial)))).toBe('ab');
  });

  it('has none of one that says "nothing there", and keeps what it had for `hold.empty`', async () => {
    const { clock, places, ask, warnings } = world('dc1', 'dc2');
    let members = settle(noMembers, await ask());
    places['dc2']!.answer = notFound();
    for (let elapsed = 0; elapsed < 30_000; elapsed += 5_000) {
      members = settle(members, await ask());
      expect(lettersOf(addressesOf(members))).toBe('ab');
      await clock.advance(5_000);
    }
    const resolution = await ask();
    expect(resolution.complete).toBe(true);
    expect(lettersOf(addressesOf(settle(members, resolution)))).toBe('a');
    expect(warnings).toEqual([]);
    const other = await ask({}, { service: 'api' });
    expect([lettersOf(other.addresses), other.complete]).toEqual(['a', true]);
  });

  it('has none of one that fails for longer than `hold` gives to that; but proves nothing then', async () => {
    const { clock, places, ask } = worldWith({ error: 10_000 }, 'dc1', 'dc2');
    const members = settle(noMembers, await ask());
    places['dc2']!.answer = unreachable();
    await clock.advance(9_000);
    expect(lettersOf(addressesOf(settle(members, await ask())))).toBe('ab');
    await clock.advance(1_000);
    const resolution = await ask();
    expect(resolution).toMatchObject({ complete: false, omission: 0 });
    expect(lettersOf(addressesOf(settle(members, resolution)))).toBe('a');
  });

  it('says once that one fails, whichever names it hits, and again after it was over', async () => {
    const { clock, places, ask, warnings } = world('dc1', 'dc2');
    const both = async () => {
      await ask();
      await ask({}, { service: 'api' });
      await clock.advance(0);
    };
    await both();
    places['dc2']!.answer = unreachable();
    for (let round = 0; round < 5; round++) await both();
    expect(warnings).toEqual(['DATACENTER_UNAVAILABLE dc2']);
    places['dc2']!.answer = 'b';
    for (let round = 0; round < 5; round++) await both();
    places['dc2']!.answer = unreachable();
    await both();
    expect(warnings).toHaveLength(2);
  });

  it('says no more of a name that fails there for good, while others are answered', async () => {
    const { places, ask, warnings } = world('dc1', 'dc2');
    const dc2 = places['dc2']!;
    const answer = dc2.resolve;
    dc2.resolve = (name, options) =>
      'service' in name && name.service === 'bad' ? Promise.reject(unreachable()) : answer(name, options);
    for (let round = 0; round < 5; round++) {
      await ask({}, { service: 'bad' });
      await ask();
    }
    expect(warnings).toHaveLength(1);
    dc2.answer = unreachable();
    await ask();
    expect(warnings).toHaveLength(2);
  });

  it('leaves it to others to say that nobody answers at all; but says what is left of that', async () => {
    const { places, ask, warnings } = world('dc1', 'dc2');
    places['dc1']!.answer = unreachable();
    places['dc2']!.answer = unreachable();
    await ask().catch(() => {});
    expect(warnings).toEqual([]);
    places['dc1']!.answer = 'a';
    await ask();
    await ask();
    expect(warnings).toEqual(['DATACENTER_UNAVAILABLE dc2']);
  });

  it('keeps the doubt of those that answered apart from what failed', async () => {
    const { places, ask } = world('dc1', 'dc2', 'dc3');
    places['dc1']!.answer = {
      addresses: [address('a')],
      complete: false,
      omission: 0.25,
      unresolved: { targets: ['far.example'] },
    };
    places['dc3']!.answer = unreachable();
    expect(await ask()).toMatchObject({
      complete: false,
      omission: 0.25,
      unresolved: { targets: ['far.example'], datacenters: ['dc3'] },
    });
  });

  it('is an error where none has anything: nothing there, or a failure that names each', async () => {
    const { places, ask } = world('dc1', 'dc2');
    places['dc1']!.answer = notFound();
    places['dc2']!.answer = notFound();
    await expect(ask()).rejects.toBeInstanceOf(ServiceNotFoundError);
    places['dc2']!.answer = unreachable();
    const error = await ask().catch((error) => error);
    expect(error).toBeInstanceOf(DnsError);
    expect(error.message).toMatch(/^datacenters: none of 2 .* dc1: .* \| dc2: No answer/);
  });

  it('refuses a name that already says where', async () => {
    const { ask } = world('dc1', 'dc2');
    await expect(ask({}, { service: 'web', datacenter: 'dc1' })).rejects.toMatchObject({
      code: 'ERR_INVALID_NAME',
    });
  });

  it('closes what it asks, once', async () => {
    const { resolver, ask, closings } = world('dc1', 'dc2', 'dc3');
    await resolver.close();
    await resolver.close();
    expect(closings()).toBe(1);
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});
