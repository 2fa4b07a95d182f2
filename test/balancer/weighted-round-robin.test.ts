import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RoundRobin } from '../../src/balancer/round-robin.ts';
import { WeightedRoundRobin } from '../../src/balancer/weighted-round-robin.ts';
import { createRandom } from '../../src/random.ts';
import { chiSquare } from '../../src/testing/balancer-contract/statistics.ts';
import { context, picks } from '../lists.ts';
import { CountedExclusion, countsOf, Ledger, numberOf, weighted, weightedLists } from './weighted-lists.ts';

function over(snapshot = weighted(1, 2, 3), seed = 1) {
  const balancer = new WeightedRoundRobin(context(seed));
  balancer.update(snapshot);
  return balancer;
}

const anyWeight = fc.oneof(
  fc.integer({ min: 0, max: 65_535 }),
  fc.constantFrom(0, 1, 2, 10, 65_535),
  fc.double({ min: 0.01, max: 1, noNaN: true }),
);

describe('weighted round-robin', () => {
  it('has given everybody his share to within five picks, at every moment, with any weights', () => {
    const anyList = fc
      .array(anyWeight, { minLength: 1, maxLength: 40 })
      .filter((some) => some.some((weight) => weight > 0));
    fc.assert(
      fc.property(anyList, fc.integer(), (weights, seed) => {
        const balancer = over(weighted(...weights), seed);
        const ledger = new Ledger(weights.length);
        for (let i = 0; i < 3_000; i++) ledger.pick(balancer, weights);
        expect(ledger.largest).toBeLessThan(5);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('still has after a million picks with weights up to 65 535 (T24)', () => {
    const weights = [65_535, 65_534, 65_521, 1, 32_768, 7];
    const balancer = over(weighted(...weights));
    const ledger = new Ledger(6);
    for (let i = 0; i < 1_000_000; i++) ledger.pick(balancer, weights);
    expect(ledger.largest).toBeLessThan(6);
  });

  it('never picks one twice in a row whose share is below 38 %', () => {
    const random = createRandom(3);
    for (let round = 0; round < 20; round++) {
      const weights = Array.from({ length: 20 }, () => 1 + random.below(6));
      const balancer = over(weighted(...weights), round);
      let last = balancer.pick();
      for (let i = 0; i < 1_000; i++) {
        const endpoint = balancer.pick();
        expect(endpoint).not.toBe(last);
        last = endpoint;
      }
    }
  });

  it('spreads the picks of each evenly over time', () => {
    const weights = [5, 1, 1, 3, 2];
    const balancer = over(weighted(...weights));
    const last = new Map<number, number>();
    for (let i = 0; i < 10_000; i++) {
      const number = numberOf(balancer.pick());
      const even = 12 / weights[number]!;
      if (last.has(number)) expect(i - last.get(number)!).toBeLessThanOrEqual(3 * even);
      last.set(number, i);
    }
    expect(last.size).toBe(5);
  });

  it.each([1, 7, 65_535, 0, 0.25])('is round-robin where all weights are %d', (weight) => {
    const snapshot = weighted(...Array<number>(7).fill(weight));
    const one = over(snapshot, 4);
    const other = new RoundRobin(context(4));
    other.update(snapshot);
    const order = picks(one, 21);
    while (picks(other, 1) !== order.at(-1)) {}
    expect(picks(other, 21)).toBe(order);
  });

  it('is round-robin among equal ones beside some of weight 0', () => {
    const balancer = over(weighted(4, 0, 4, 0, 4));
    expect(countsOf(balancer, 5, 30)).toEqual([10, 0, 10, 0, 10]);
  });

  it('chooses the only one every time, whatever its weight is', () => {
    for (const weight of [0, 0.1, 1, 65_535]) {
      const snapshot = weighted(weight);
      const balancer = over(snapshot);
      for (let i = 0; i < 10; i++) expect(balancer.pick()).toBe(snapshot.endpoints[0]);
    }
  });

  it('starts at a random place', () => {
    const firsts = new Set<number>();
    for (let seed = 1; seed < 60; seed++) firsts.add(numberOf(over(weighted(1, 2, 3), seed).pick()));
    expect([...firsts].sort()).toEqual([0, 1, 2]);
  });

  describe('when the list changes', () => {
    it('goes on where it was: a change of weights restarts nothing', () => {
      const next = weightedLists();
      const before = next([1, 2, 3, 4]);
      const changed = next([4, 2, 3, 1]);
      const undisturbed = over(before, 9);
      const balancer = over(before, 9);
      for (let round = 0; round < 500; round++) {
        balancer.update(changed);
        balancer.update(before);
        expect(balancer.pick()).toBe(undisturbed.pick());
      }
    });

    it.each([
      [
        'weights that change',
        [
          [1, 2, 3, 4],
          [4, 3, 2, 1],
        ],
      ],
      [
        'one that comes and goes',
        [
          [1, 2, 3],
          [1, 2, undefined],
        ],
      ],
      [
        'weights that are equal now and then',
        [
          [5, 5, 5],
          [5, 1, 5],
          [5, 5, 5],
          [5, 2, undefined],
        ],
      ],
      ['a newcomer that is slow-started', [0.1, 0.3, 0.6, 0.9, undefined].map((weight) => [1, 1, 1, weight])],
    ])('gives nobody more or less at each refresh: %s', (_, sets) => {
      for (const between of [1, 2, 3, 5, 8, 50]) {
        const next = weightedLists();
        const snapshots = sets.map((weights) => next(weights));
        const balancer = over(snapshots[0], between);
        const ledger = new Ledger(4);
        for (let refresh = 0; refresh < 5_000; refresh++) {
          balancer.update(snapshots[refresh % sets.length]!);
          for (let i = 0; i < between; i++) ledger.pick(balancer, sets[refresh % sets.length]!);
        }
        // A pick too many at each refresh would be thousands.
        expect(ledger.largest).toBeLessThan(60);
      }
    });

    it('chooses from the newest list, of whatever length, by its own weights (T23)', () => {
      const random = createRandom(5);
      const next = weightedLists();
      const balancer = new WeightedRoundRobin(context());
      for (let round = 0; round < 1_000; round++) {
        const weights = Array.from({ length: random.below(30) }, () => random.below(4));
        const snapshot = next(weights);
        balancer.update(snapshot);
        const allowed = weights.some((weight) => weight > 0) ? weights : weights.map(() => 1);
        for (let i = 0; i < 20; i++) {
          const endpoint = balancer.pick();
          if (weights.length === 0) expect(endpoint).toBe(undefined);
          else expect(allowed[numberOf(endpoint)]).toBeGreaterThan(0);
        }
      }
    });
  });

  describe('without those that are excluded', () => {
    const weights = [65_535, 1, 300, 20, 7, 20];

    it.each([[[0]], [[2]], [[0, 2]], [[0, 1, 3, 5]], [[5]]])(
      'keeps to the shares of the others: without %j',
      (excluded) => {
        const snapshot = weighted(...weights);
        const exclude = new Set(
          snapshot.endpoints.filter((endpoint) => excluded.includes(numberOf(endpoint))),
        );
        const balancer = over(snapshot);
        const left = weights.map((weight, i) => (excluded.includes(i) ? 0 : weight));
        const ledger = new Ledger(6);
        for (let i = 0; i < 20_000; i++) ledger.pick(balancer, left, exclude);
        expect(ledger.largest).toBeLessThan(10);
      },
    );

    it.each([1, 2, 3])('keeps to the shares in a long list, without its heaviest (seed %i)', (seed) => {
      const long = Array.from({ length: 200 }, (_, i) => (i < 20 ? 1_000 : 1 + (i % 5)));
      const snapshot = weighted(...long);
      const exclude = new Set(snapshot.endpoints.filter((endpoint) => numberOf(endpoint) < 20));
      const counts = countsOf(over(snapshot, seed), 200, 50_000, exclude);
      const left = long.map((weight, i) => (i < 20 ? 0 : weight));
      const { value, limit } = chiSquare(counts, left);
      expect(value).toBeLessThan(2 * limit);
    });

    it('keeps to the shares when only every other pick excludes somebody', () => {
      const snapshot = weighted(60, 20, 10, 10);
      const heavy = new Set(snapshot.endpoints.filter((endpoint) => numberOf(endpoint) === 0));
      const balancer = over(snapshot);
      const ledger = new Ledger(4);
      for (let i = 0; i < 20_000; i++) {
        ledger.pick(balancer, [60, 20, 10, 10]);
        ledger.pick(balancer, [0, 20, 10, 10], heavy);
      }
      expect(ledger.largest).toBeLessThan(20);
    });

    it('shares the retries of a failing one by weight too, and the plain picks as before', () => {
      const due = [20, 30, 10, 40];
      const snapshot = weighted(...due);
      const failing = snapshot.endpoints.find((endpoint) => numberOf(endpoint) === 0)!;
      const exclude = new Set([failing]);
      const balancer = over(snapshot);
      const plain = new Ledger(4);
      const retries = new Ledger(4);
      for (let i = 0; i < 20_000; i++) {
        if (plain.pick(balancer, due) === failing) retries.pick(balancer, [0, 30, 10, 40], exclude);
      }
      expect(plain.largest).toBeLessThan(6);
      expect(retries.largest).toBeLessThan(10);
    });

    it('chooses a weight of 0 only where all others are excluded, and then evenly', () => {
      for (const heavy of [5, 6]) {
        const snapshot = weighted(0, 5, 0, heavy, 0);
        const balancer = over(snapshot);
        const one = new Set(snapshot.endpoints.filter((endpoint) => numberOf(endpoint) === 1));
        expect(countsOf(balancer, 5, 100, one)).toEqual([0, 0, 0, 100, 0]);
        const both = new Set(snapshot.endpoints.filter((endpoint) => numberOf(endpoint) % 2 === 1));
        const { value, limit } = chiSquare(countsOf(balancer, 5, 3_000, both), [1, 0, 1, 0, 1]);
        expect(value).toBeLessThan(limit);
        expect(balancer.pick(undefined, new Set(snapshot.endpoints))).toBe(undefined);
      }
    });

    it('looks at a number of endpoints that does not grow with the list, even without the heaviest', () => {
      const snapshot = weighted(65_535, ...Array<number>(3_000).fill(1));
      const exclude = new CountedExclusion([snapshot.endpoints.find((endpoint) => endpoint.weight > 1)!]);
      const balancer = over(snapshot);
      const seen = new Set<unknown>();
      for (let i = 0; i < 20_000; i++) {
        exclude.asked = 0;
        seen.add(balancer.pick(undefined, exclude));
        expect(exclude.asked).toBeLessThanOrEqual(9 + 2 * (1 + 64));
      }
      // Nobody is overlooked.
      expect(seen.size).toBeGreaterThan(2_900);
    });
  });
});
