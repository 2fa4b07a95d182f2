import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServiceNotFoundError } from '../../src/errors.ts';
import type { Address } from '../../src/resolver/resolver.ts';
import { type SplitOptions, split } from '../../src/resolver/split.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { address, letterOf } from '../lists.ts';
import { notFound, scriptedSource, unreachable } from '../scripted-source.ts';

function world(options: SplitOptions, stableAnswer = 'abc', canaryAnswer = 'xy') {
  const stable = scriptedSource(stableAnswer);
  const canary = scriptedSource(canaryAnswer);
  const both = split(stable, canary, { clock: createFakeClock(), ...options });
  const ask = (asked = {}) => both.resolve({ service: 'web' }, asked);
  const list = async () =>
    (await ask()).addresses
      .map(({ host }) => letterOf(host))
      .sort()
      .join('');
  return { stable, canary, both, ask, list };
}

/** A key whose process is on that side at a share of one half. */
const keyOf = async (side: string) => {
  for (let i = 0; ; i++) {
    const key = `pod-${i}`;
    if ((await world({ share: 0.5, key }).list()) === side) return key;
  }
};

describe('split by process', () => {
  it('gives each process one of both, the same each time', async () => {
    const { list } = world({ share: 0.5, key: await keyOf('xy') });
    expect([await list(), await list(), await list()]).toEqual(['xy', 'xy', 'xy']);
  });

  it.each([0.01, 0.05, 0.3, 0.9])('gives the canary to a share of %d of many processes', async (share) => {
    const processes = 5_000;
    let canaries = 0;
    for (let i = 0; i < processes; i++) {
      if ((await world({ share, key: `pod-${i}` }).list()) === 'xy') canaries++;
    }
    const deviation = Math.sqrt(processes * share * (1 - share));
    expect(Math.abs(canaries - processes * share)).toBeLessThan(3.3 * deviation);
  });

  it('moves processes only towards the canary when the share is raised', async () => {
    for (let i = 0; i < 300; i++) {
      const sides = [];
      for (const share of [0, 0.05, 0.2, 0.5, 1]) sides.push(await world({ share, key: `pod-${i}` }).list());
      expect(sides.join(' ')).toMatch(/^abc( abc)*( xy)+$/);
    }
  });

  it('has none of the canary with a share of 0, and only the canary with 1', async () => {
    expect(await world({ share: 0 }).list()).toBe('abc');
    expect(await world({ share: 1 }).list()).toBe('xy');
  });

  it('counts what both list for the canary: the stable one may be asked for without a tag', async () => {
    const stable = await keyOf('abc');
    expect(await world({ share: 0.5, key: stable }, 'abcx', 'x').list()).toBe('abc');
    expect(await world({ share: 0.5, key: stable }, 'x', 'x').list()).toBe('x');
  });

  it.each([['abc'], ['xy']])(
    'gives all to the other where one has nothing or fails (a process of %s)',
    async (side) => {
      const { stable, canary, list } = world({ share: 0.5, key: await keyOf(side) });
      for (const gone of [notFound(), unreachable(), '']) {
        canary.answer = gone;
        expect(await list()).toBe('abc');
        canary.answer = 'xy';
        stable.answer = gone;
        await list();
        expect(await list()).toBe('xy');
        stable.answer = 'abc';
        await list();
      }
      expect(await list()).toBe(side);
    },
  );

  it('hands the chosen answer on as it is, its doubts too', async () => {
    const { stable, ask } = world({ share: 0 });
    const answer = { addresses: [address('a', { weight: 7 })], ttl: 7_000, complete: false, omission: 0.5 };
    stable.answer = answer;
    expect(await ask()).toEqual(answer);
  });
});

describe('split by weight', () => {
  const weighted = (weights: readonly number[], from: number): Address[] =>
    weights.map((weight, i) => ({ ...address('a', { weight }), port: from + i }));

  it('gives the canary its share of all weight, and keeps the proportions within each', async () => {
    const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 12 });
    const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    await fc.assert(
      fc.asyncProperty(weights, weights, share, async (old, young, wanted) => {
        const { stable, canary, ask } = world({ share: wanted, by: 'weight' });
        stable.answer = { addresses: weighted(old, 1_000) };
        canary.answer = { addresses: weighted(young, 2_000) };
        const { addresses } = await ask();
        const sum = (from: number) =>
          addresses.reduce(
            (total, { port, weight }) => total + (port - from < 1_000 && port >= from ? weight : 0),
            0,
          );
        const whole = sum(1_000) + sum(2_000);
        expect(addresses).toHaveLength(old.length + young.length);
        for (const { weight } of addresses) {
          expect(Number.isInteger(weight) && weight >= 1 && weight <= 65_535).toBe(true);
        }
        // Each weight is off by one half at most, or by less than 1 where it would have been nothing.
        expect(Math.abs(sum(2_000) - wanted * whole)).toBeLessThanOrEqual(addresses.length);
      }),
      { numRuns: 200 },
    );
  });

  it('of 5 % for two of four instances, as written', async () => {
    const { addresses } = await world({ share: 0.05, by: 'weight' }, 'ab', 'xy').ask();
    expect(addresses.map(({ host, weight }) => [letterOf(host), weight])).toEqual([
      ['x', 3_449],
      ['y', 3_449],
      ['a', 65_535],
      ['b', 65_535],
    ]);
  });

  it('counts what both list for the canary', async () => {
    expect(await world({ share: 0.5, by: 'weight' }, 'abx', 'x').list()).toBe('abx');
    const { addresses } = await world({ share: 0.5, by: 'weight' }, 'abx', 'x').ask();
    expect(addresses.find(({ host }) => letterOf(host) === 'x')?.weight).toBe(65_535);
  });

  it('leaves weight 0 at 0, unless a whole side weighs nothing', async () => {
    const { stable, canary, ask } = world({ share: 0.5, by: 'weight' });
    stable.answer = { addresses: weighted([0, 1], 1_000) };
    canary.answer = { addresses: weighted([0, 0], 2_000) };
    expect((await ask()).addresses.map(({ weight }) => weight)).toEqual([32_768, 32_768, 0, 65_535]);
  });

  it('is the other one, with its own weights, where one has nothing; one of them with a share of 0 or 1', async () => {
    const { canary, ask } = world({ share: 0.5, by: 'weight' });
    canary.answer = unreachable();
    expect((await ask()).addresses.map(({ weight }) => weight)).toEqual([1, 1, 1]);
    expect(await world({ share: 0, by: 'weight' }).list()).toBe('abc');
    expect(await world({ share: 1, by: 'weight' }).list()).toBe('xy');
  });
});

describe('split', () => {
  it('asks both at once, and rejects only where neither has anything', async () => {
    const { stable, canary, ask } = world({ share: 0.5 });
    await ask({ fresh: true, background: true });
    for (const { asked } of [stable, canary])
      expect(asked).toMatchObject([{ fresh: true, background: true }]);
    stable.answer = notFound();
    canary.answer = notFound();
    await expect(ask()).rejects.toBeInstanceOf(ServiceNotFoundError);
    canary.answer = unreachable();
    await expect(ask()).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringMatching(/stable: .* \| canary: /),
    });
  });

  it('gives a token only for the state of both', async () => {
    const { stable, canary, ask } = world({ share: 0 });
    stable.answer = { addresses: [address('a')], token: '1' };
    expect((await ask()).token).toBe(undefined);
    canary.answer = { addresses: [address('x')], token: '2' };
    const { token } = await ask();
    await ask({ after: token });
    expect([stable.asked.at(-1)?.after, canary.asked.at(-1)?.after]).toEqual(['1', '2']);
    canary.answer = notFound();
    expect((await ask()).token).toBe(undefined);
  });

  it.each([
    [{}],
    [undefined],
    [{ share: 1.5 }],
    [{ share: '5%' }],
    [{ share: 0.5, by: 'request' }],
    [{ share: 0.5, key: 7 }],
  ])('refuses %j', (options) => {
    expect(() => split(scriptedSource(), scriptedSource(), options as never)).toThrowError(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
    );
  });

  it('closes both', async () => {
    const { both, ask } = world({ share: 0.5 });
    await both.close();
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});
