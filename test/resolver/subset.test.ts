import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Address } from '../../src/resolver/resolver.ts';
import { subset } from '../../src/resolver/subset.ts';
import { address } from '../lists.ts';
import { scriptedSource } from '../scripted-source.ts';

const instances = (count: number, rest: Partial<Address> = {}) =>
  Array.from({ length: count }, (_, i) => ({
    ...address('a', rest),
    host: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
  }));

/** The hosts that a key gets of a list. */
async function chosen(addresses: readonly Address[], size: number, key: string): Promise<string[]> {
  const source = scriptedSource();
  source.answer = { addresses };
  const resolution = await subset(source, { size, key }).resolve({ service: 'web' });
  return resolution.addresses.map(({ host }) => host).sort();
}

describe('subset', () => {
  it('keeps `size` of the instances, the same for the same key, however they are ordered', async () => {
    const all = instances(50);
    const first = await chosen(all, 10, 'pod-7');
    expect(first).toHaveLength(10);
    expect(await chosen([...all].reverse(), 10, 'pod-7')).toEqual(first);
    expect(await chosen(all, 10, 'pod-8')).not.toEqual(first);
  });

  it('keeps all where there are no more than `size`, and hands the answer on as it is', async () => {
    const source = scriptedSource();
    source.answer = { addresses: instances(5), complete: false, omission: 0.5, token: '7' };
    for (const size of [5, 6, 1_000]) {
      expect(await subset(source, { size }).resolve({ service: 'web' })).toEqual({
        ttl: 10_000,
        ...source.answer,
      });
    }
    const two = await subset(source, { size: 2 }).resolve({ service: 'web' });
    expect(two).toMatchObject({ complete: false, omission: 0.5, token: '7' });
  });

  it('draws a key of its own in each process, and keeps it', async () => {
    const source = scriptedSource();
    source.answer = { addresses: instances(200) };
    const mine = subset(source, { size: 5 });
    const others = subset(source, { size: 5 });
    const hosts = async (resolver: typeof mine) => (await resolver.resolve({ service: 'web' })).addresses;
    expect(await hosts(mine)).toEqual(await hosts(mine));
    expect(await hosts(mine)).not.toEqual(await hosts(others));
  });

  it('replaces one that leaves by one other, and changes nothing else; one that joins replaces one at most', async () => {
    const world = fc.record({
      hosts: fc.uniqueArray(fc.integer({ min: 0, max: 5_000 }), { minLength: 2, maxLength: 80 }),
      size: fc.integer({ min: 1, max: 20 }),
      gone: fc.nat(),
      key: fc.string({ minLength: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ hosts, size, gone, key }) => {
        const all = hosts.map((i) => ({ ...address('a'), host: `10.0.${i >> 8}.${i & 255}` }));
        const left = all.filter((_, i) => i !== gone % all.length);
        const lost = all[gone % all.length]!.host;
        const before = new Set(await chosen(all, size, key));
        const after = new Set(await chosen(left, size, key));
        const kept = [...before].filter((host) => after.has(host));
        expect(after.size).toBe(Math.min(size, left.length));
        expect(kept.length).toBe(before.size - Number(before.has(lost)));
        expect(after.size - kept.length).toBeLessThanOrEqual(Number(before.has(lost)));
      }),
      { numRuns: 300 },
    );
  });

  it('takes each instance equally often over many keys, and each pair', async () => {
    const [keys, count, size] = [20_000, 20, 5];
    const all = instances(count);
    const singles = new Uint32Array(count);
    const pairs = new Uint32Array(count * count);
    for (let key = 0; key < keys; key++) {
      const places = (await chosen(all, size, `pod-${key}`)).map((host) => Number(host.split('.')[3]));
      for (const one of places) singles[one]!++;
      for (const one of places) for (const other of places) if (one < other) pairs[one * count + other]!++;
    }
    /** In standard deviations. */
    const deviations = (counts: readonly number[], probability: number) =>
      counts.map((one) => (one - keys * probability) / Math.sqrt(keys * probability * (1 - probability)));
    const chiSquare = deviations([...singles], size / count).reduce((sum, one) => sum + one ** 2, 0);
    // Each key takes exactly `size`: 19 degrees of freedom, by which 43.8 is exceeded in one of a thousand cases.
    expect((chiSquare * (count - 1)) / count).toBeLessThan(43.8);
    const ofPairs = [...pairs].filter((_, i) => Math.floor(i / count) < i % count);
    const worst = deviations(ofPairs, (size * (size - 1)) / (count * (count - 1))).map(Math.abs);
    // The largest of 190: beyond 4.5 in one of 800 cases.
    expect(Math.max(...worst)).toBeLessThan(4.5);
  });

  it('fills up from the lowest priority, and takes weight 0 last', async () => {
    const mixed = [
      ...instances(4, { priority: 2 }),
      { ...address('a', { priority: 1, weight: 0 }), host: '10.1.0.1' },
      { ...address('a', { priority: 1 }), host: '10.1.0.2' },
      { ...address('a', { priority: 1 }), host: '10.1.0.3' },
    ];
    for (const key of ['a', 'b', 'c', 'd', 'e']) {
      expect(await chosen(mixed, 2, key)).toEqual(['10.1.0.2', '10.1.0.3']);
      expect(await chosen(mixed, 3, key)).toEqual(['10.1.0.1', '10.1.0.2', '10.1.0.3']);
      const five = await chosen(mixed, 5, key);
      expect(five.filter((host) => host.startsWith('10.0'))).toHaveLength(2);
    }
  });

  it('counts an instance once that is listed twice', async () => {
    expect(await chosen([...instances(3), ...instances(3)], 3, 'k')).toEqual([
      '10.0.0.0',
      '10.0.0.1',
      '10.0.0.2',
    ]);
  });

  it.each([
    [{}],
    [{ size: 0 }],
    [{ size: 1.5 }],
    [{ size: 5, key: '' }],
    [{ size: 5, seed: 1 }],
    [undefined],
  ])('refuses %j', (options) => {
    expect(() => subset(scriptedSource(), options as never)).toThrowError(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
    );
  });
});
