import { describe, expect, it } from 'vitest';
import { address, world } from './world.ts';

const weighted = (weights: Record<string, number>) =>
  Object.entries(weights).map(([letter, weight]) => address(letter, { weight }));

describe('slow start', () => {
  it('lets a newcomer begin with a tenth of its weight and rise to all of it within 30 s', async () => {
    const at = world({ slowStart: true });
    at.update(weighted({ a: 10, b: 10 }));
    const list = at.update(weighted({ a: 10, b: 10, c: 10 }));
    expect(at.weights).toEqual([10, 10, 1]);
    await at.clock.advance(15_000);
    expect(at.weights).toEqual([10, 10, 5]);
    await at.clock.advance(13_500);
    expect(at.weights).toEqual([10, 10, 9.5]);
    await at.clock.advance(1_500);
    expect(at.newest).toBe(list);
    expect(at.clock.pending).toBe(0);
  });

  it('leaves the first list alone, and an empty one before it is none', () => {
    const at = world({ slowStart: true });
    at.update('');
    const list = at.update('abc');
    expect(at.newest).toBe(list);
    at.update('abcd');
    expect(at.weights).toEqual([1, 1, 1, 0.1]);
  });

  it('is over for a newcomer that leaves, with its timer', async () => {
    const at = world({ slowStart: true });
    at.update('ab');
    at.update('abc');
    at.update('ab');
    await at.clock.advance(1_500);
    expect(at.clock.pending).toBe(0);
  });

  it('makes new addresses only for those on their ramp', () => {
    const at = world({ slowStart: true });
    at.update('ab');
    const list = at.update('abc');
    expect(at.newest?.addresses[0]).toBe(list.addresses[0]);
    expect(at.newest?.addresses[1]).toBe(list.addresses[1]);
    expect(at.newest?.addresses[2]).toEqual({ ...list.addresses[2], weight: 0.1 });
    expect(at.newest?.endpoints).toBe(list.endpoints);
    // The list itself is not touched.
    expect(list.addresses[2]?.weight).toBe(1);
  });

  it('means nothing where all are new', async () => {
    const at = world({ slowStart: true });
    at.update('ab');
    const list = at.update('cd');
    expect(at.newest).toBe(list);
    await at.clock.advance(10_000);
    // Now there is somebody to compare with.
    at.update('cde');
    await at.clock.advance(20_000);
    expect(at.weights?.map((weight) => Math.round(weight * 100))).toEqual([100, 100, 67]);
  });

  it('means nothing where all of the tier in use are new', () => {
    const at = world({ slowStart: true });
    const backup = address('a', { priority: 2 });
    at.update([backup]);
    at.update([backup, address('b'), address('c')]);
    expect([at.available, at.weights]).toEqual(['bc', [1, 1]]);
  });

  it('takes weights that are all 0 for equal ones', async () => {
    const at = world({ slowStart: 10_000 });
    at.update(weighted({ a: 0, b: 0 }));
    const list = at.update(weighted({ a: 0, b: 0, c: 0 }));
    expect(at.weights).toEqual([1, 1, 0.1]);
    await at.clock.advance(10_000);
    expect(at.newest).toBe(list);
  });

  it('leaves a tier alone where the newcomer is in another', () => {
    const at = world({ slowStart: true });
    const used = weighted({ a: 0, b: 0 });
    const list = at.update(used);
    at.update([...used, address('c', { priority: 2 })]);
    expect(at.weights).toEqual([0, 0]);
    expect(at.newest).toBe(list);
  });

  it('leaves a weight of 0 beside others at 0', () => {
    const at = world({ slowStart: true });
    at.update(weighted({ a: 5, b: 0 }));
    at.update(weighted({ a: 5, b: 0, c: 0, d: 5 }));
    expect(at.weights).toEqual([5, 0, 0, 0.5]);
  });

  it('follows the weight when that changes on the way', async () => {
    const at = world({ slowStart: true });
    at.update(weighted({ a: 10 }));
    at.update(weighted({ a: 10, b: 10 }));
    await at.clock.advance(15_000);
    at.update(weighted({ a: 10, b: 100 }));
    expect(at.weights).toEqual([10, 50]);
  });

  it.each([
    [1, 0.25],
    [2, 0.5],
    [0.5, 0.0625],
  ])('with aggression %d is at %d of the weight after a quarter of the time', async (aggression, share) => {
    const at = world({ slowStart: { window: 10_000, minWeight: 0.01, aggression } });
    at.update('a');
    at.update('ab');
    await at.clock.advance(2_500);
    expect(at.weights?.[1]).toBeCloseTo(share, 10);
  });

  it('goes in twenty steps, and none is shorter than 100 ms', async () => {
    for (const [window, steps] of [
      [30_000, 20],
      [1_000, 10],
    ] as const) {
      const at = world({ slowStart: window });
      at.update('a');
      at.update('ab');
      const before = at.applied.length;
      await at.clock.advance(window);
      expect(at.applied.length - before).toBe(steps);
    }
  });

  it('begins anew for one that comes back from an absence', async () => {
    const at = world({ slowStart: true });
    at.update('ab');
    at.update('a');
    at.update('ab');
    expect(at.weights).toEqual([1, 0.1]);
    await at.clock.advance(15_000);
    at.update('a');
    at.update('ab');
    expect(at.weights).toEqual([1, 0.1]);
  });

  it('begins when an ejection ends, and anew when the endpoint has proven itself', async () => {
    const at = world({ slowStart: true, outlier: true });
    at.update('ab');
    at.fail('a', 5);
    await at.clock.advance(10_000);
    expect(at.weights).toEqual([0.1, 1]);
    await at.clock.advance(15_000);
    expect(at.weights).toEqual([0.5, 1]);
    at.succeed('a');
    expect(at.weights).toEqual([0.1, 1]);
    await at.clock.advance(30_000);
    expect(at.weights).toEqual([1, 1]);
  });

  it('has one timer for any number of newcomers, each with its own time', async () => {
    const at = world({ slowStart: true });
    at.update('a');
    at.update('ab');
    await at.clock.advance(10_000);
    at.update('abc');
    await at.clock.advance(5_000);
    at.update('abcd');
    expect(at.clock.pending).toBe(1);
    expect(at.weights).toEqual([1, 0.5, expect.closeTo(1 / 6), 0.1]);
    await at.clock.advance(60_000);
    expect(at.weights).toEqual([1, 1, 1, 1]);
    expect(at.clock.pending).toBe(0);
  });
});
