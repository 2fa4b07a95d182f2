import { describe, expect, it } from 'vitest';
import { tiersOf } from '../../src/availability/tiers.ts';
import { address, completed, world } from './world.ts';

const ranked = (...priorities: number[]) =>
  priorities.map((priority, i) => address(String.fromCharCode(97 + i), { priority }));

describe('SRV priorities', () => {
  it('are obeyed by default: the lowest group alone is used', () => {
    const at = world();
    at.update(ranked(20, 10, 10, 30));
    expect(at.available).toBe('bc');
  });

  it('leave the very list where all have the same', () => {
    const at = world();
    const list = at.update(ranked(7, 7, 7));
    expect(at.newest).toBe(list);
  });

  it('of 0 and of 65535 are priorities as well', () => {
    const at = world();
    at.update(ranked(65_535, 0));
    expect(at.available).toBe('b');
  });

  it('let the next group in when the lowest is empty, and out when it is back', () => {
    const at = world();
    at.update(ranked(1, 1, 2));
    at.update([address('c', { priority: 2 })]);
    expect(at.available).toBe('c');
    at.update(ranked(1, 1, 2));
    expect(at.available).toBe('ab');
  });

  it('let the next group in when the lowest is ejected', () => {
    const at = world({ outlier: true });
    at.update(ranked(1, 1, 2, 2, 3));
    at.fail('a', 5);
    expect(at.available).toBe('b');
    at.fail('b', 5);
    expect(at.available).toBe('cd');
  });

  it('give the traffic back when one of the lowest has proven itself, not when its time is over', async () => {
    const at = world({ outlier: true });
    at.update(ranked(1, 2, 2));
    at.fail('a', 5);
    expect(at.available).toBe('bc');
    await at.clock.advance(10_000);
    // Its trial beside the others: else all requests would go to somebody who is likely to be dead.
    expect(at.available).toBe('abc');
    at.fail('a');
    expect(at.available).toBe('bc');
    await at.clock.advance(20_000);
    at.succeed('a');
    expect(at.available).toBe('a');
  });

  it('are used by who is on probation where nobody is proven', async () => {
    const at = world({ outlier: { maxEjected: 1, panic: { threshold: 0 } } });
    at.update(ranked(1, 2));
    at.fail('a', 5);
    await at.clock.advance(5_000);
    at.fail('b', 5);
    await at.clock.advance(5_000);
    expect(at.available).toBe('a');
    await at.clock.advance(5_000);
    expect(at.available).toBe('a');
  });

  it('are not obeyed with `priorities: false`', () => {
    const at = world({ priorities: false });
    const list = at.update(ranked(1, 2, 3));
    expect(at.newest).toBe(list);
  });

  it('say nothing new to the balancer when only a group that is not used has changed', () => {
    const at = world();
    at.update(ranked(1, 1, 2));
    at.update(ranked(1, 1, 2, 2));
    expect(at.applied).toHaveLength(1);
  });
});

describe('preferred datacenters and zones', () => {
  const datacenter = (letter: string, name?: string, zone?: string) =>
    address(letter, {
      ...(name !== undefined && { datacenter: name }),
      ...(zone !== undefined && { meta: { zone } }),
    });

  it('are used in the order given; whose datacenter is not listed or not known comes last', () => {
    const at = world({ priorities: { datacenters: ['dc2', 'dc1'] }, outlier: { maxEjected: 0.8 } });
    at.update([datacenter('a', 'dc1'), datacenter('b', 'dc2'), datacenter('c', 'dc3'), datacenter('d')]);
    expect(at.available).toBe('b');
    at.fail('b', 5);
    expect(at.available).toBe('a');
    at.fail('a', 5);
    expect(at.available).toBe('cd');
  });

  it('are the same in any letter case', () => {
    const at = world({ priorities: { datacenters: ['DC2'] } });
    at.update([datacenter('a', 'dc1'), datacenter('b', 'Dc2')]);
    expect(at.available).toBe('b');
  });

  it('are zones within a datacenter', () => {
    const at = world({ priorities: { datacenters: ['dc1'], zones: ['z1', 'z2'] }, outlier: true });
    at.update([
      datacenter('a', 'dc2', 'z1'),
      datacenter('b', 'dc1', 'z2'),
      datacenter('c', 'dc1', 'z1'),
      datacenter('d', 'dc1'),
    ]);
    expect(at.available).toBe('c');
    at.fail('c', 5);
    expect(at.available).toBe('b');
    at.fail('b', 5);
    expect(at.available).toBe('d');
  });

  it('take the zone from the key one names', () => {
    const at = world({ priorities: { zones: ['north'], zoneKey: 'rack' } });
    at.update([address('a', { meta: { zone: 'north' } }), address('b', { meta: { rack: 'north' } })]);
    expect(at.available).toBe('b');
  });

  it('come after the SRV priority', () => {
    const at = world({ priorities: { zones: ['mine'] } });
    at.update([
      address('a', { priority: 2, meta: { zone: 'mine' } }),
      address('b', { priority: 1, meta: { zone: 'other' } }),
    ]);
    expect(at.available).toBe('b');
  });

  it('are one tier where nobody is preferred, or everybody alike', () => {
    const { priorities } = completed({ priorities: { zones: ['mine'] } });
    expect(tiersOf([address('a'), address('b')], priorities)).toBeUndefined();
    const mine = { meta: { zone: 'mine' } };
    expect(tiersOf([address('a', mine), address('b', mine)], priorities)).toBeUndefined();
    expect(tiersOf([], priorities)).toBeUndefined();
  });
});
