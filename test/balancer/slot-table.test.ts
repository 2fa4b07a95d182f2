import { describe, expect, it } from 'vitest';
import { SlotTable } from '../../src/balancer/slot-table.ts';
import type { Weighed } from '../../src/balancer/weights.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { createRandom } from '../../src/random.ts';

const endpoints = Array.from(
  { length: 400 },
  (_, i) => ({ address: `10.0.${i >> 8}.${i & 255}:${8000 + i}` }) as Endpoint,
);

/** Those of `endpoints` that have a weight, in the order of their numbers. */
function list(weights: ReadonlyMap<number, number>): Weighed {
  const numbers = [...weights.keys()].sort((a, b) => a - b);
  return {
    endpoints: numbers.map((number) => endpoints[number]!),
    weights: Float64Array.from(numbers, (number) => weights.get(number)!),
    equal: false,
    spare: [],
  };
}

const alike = (from: number, to: number, weight = 1) =>
  new Map(Array.from({ length: to - from }, (_, i) => [from + i, weight]));

function made(slots: number, weighed: Weighed): SlotTable {
  const table = new SlotTable(slots, weighed);
  table.make(Number.POSITIVE_INFINITY);
  return table;
}

const ownersOf = (table: SlotTable, slots: number) =>
  Array.from({ length: slots }, (_, slot) => table.at(slot));

/** Of all slots, by address. */
function sharesOf(table: SlotTable, slots: number): Map<string, number> {
  const shares = new Map<string, number>();
  for (const owner of ownersOf(table, slots)) {
    shares.set(owner!.address, (shares.get(owner!.address) ?? 0) + 1 / slots);
  }
  return shares;
}

function movedBetween(before: readonly unknown[], after: readonly unknown[]): number[] {
  return before.flatMap((owner, slot) => (owner === after[slot] ? [] : [slot]));
}

describe('a slot table', () => {
  it.each([1, 2, 3, 17, 100, 400])(
    'of %i endpoints gives each slot to whom asking all of them gives it',
    (count) => {
      for (const slots of [1_024, 4_096]) {
        const table = made(slots, list(alike(0, count)));
        for (let slot = 0; slot < slots; slot++) expect(table.at(slot)).toBe(table.find(slot));
      }
    },
  );

  it('gives each slot to whom asking all gives it, whatever the weights are', () => {
    const random = createRandom(3);
    for (let round = 0; round < 30; round++) {
      const count = 1 + random.below(40);
      const weights = new Map(
        Array.from({ length: count }, (_, i) => [i, (1 + random.below(65_535)) / 2 ** random.below(20)]),
      );
      const table = made(1_024, list(weights));
      for (let slot = 0; slot < 1_024; slot++) expect(table.at(slot)).toBe(table.find(slot));
    }
  });

  it('is the same in whatever order the endpoints are listed', () => {
    const weighed = list(new Map(Array.from({ length: 60 }, (_, i) => [i, 1 + (i % 5)])));
    const reversed = {
      ...weighed,
      endpoints: weighed.endpoints.toReversed(),
      weights: weighed.weights.toReversed(),
    };
    expect(ownersOf(made(4_096, reversed), 4_096)).toEqual(ownersOf(made(4_096, weighed), 4_096));
  });

  it('is the same in however small pieces it is made', () => {
    const weighed = list(alike(0, 50));
    const table = new SlotTable(4_096, weighed);
    let pieces = 1;
    while (!table.make(100)) pieces++;
    expect(ownersOf(table, 4_096)).toEqual(ownersOf(made(4_096, weighed), 4_096));
    // Slots × (ln n + 1) steps, and a piece does not take many more than it may.
    expect(pieces).toBeGreaterThan(120);
    expect(pieces).toBeLessThan(400);
  });

  it('answers already while it is made, as it will when it is made', () => {
    const weighed = list(alike(0, 20));
    const table = new SlotTable(1_024, weighed);
    const before = Array.from({ length: 1_024 }, (_, slot) => table.find(slot));
    table.make(500);
    const meanwhile = Array.from({ length: 1_024 }, (_, slot) => table.find(slot));
    expect(meanwhile).toEqual(before);
    table.make(Number.POSITIVE_INFINITY);
    expect(ownersOf(table, 1_024)).toEqual(before);
  });

  it('is after any changes what it would have been from the start', () => {
    const slots = 1_024;
    const random = createRandom(8);
    let weights = new Map(alike(0, 12));
    let table = made(slots, list(weights));
    let changed = 0;
    for (let round = 0; round < 300; round++) {
      weights = new Map(weights);
      for (let i = random.below(4); i >= 0; i--) {
        const number = random.below(40);
        const kind = random.below(4);
        if (kind === 0) weights.delete(number);
        else weights.set(number, kind === 1 ? 1 : (1 + random.below(1_000)) / (1 + random.below(100)));
      }
      if (weights.size === 0) continue;
      const weighed = list(weights);
      const difference = table.compare(weighed);
      if (table.costOf(difference) < Number.POSITIVE_INFINITY) {
        table.change(difference);
        changed++;
      } else table = made(slots, weighed);
      expect(table.compare(weighed).size).toBe(0);
      expect(ownersOf(table, slots)).toEqual(ownersOf(made(slots, weighed), slots));
    }
    expect(changed).toBeGreaterThan(200);
  });
});

describe('the shares of a slot table', () => {
  it('are even: no endpoint of 100 has 10 % more than the mean, in any of 20 fleets', () => {
    const slots = 2 ** 17;
    for (let fleet = 0; fleet < 20; fleet++) {
      const shares = sharesOf(made(slots, list(alike(fleet * 15, fleet * 15 + 100))), slots);
      expect(Math.max(...shares.values()) * 100).toBeLessThan(1.1);
      expect(Math.min(...shares.values()) * 100).toBeGreaterThan(0.9);
    }
  });

  it.each([
    [[1, 2]],
    [[1, 9]],
    [[1, 1, 1, 1, 100]],
    [[1, 2, 3, 4, 5, 6, 7, 8]],
    [[0.05, 0.5, 1, 1.7]],
    [[65_535, 65_535, 30_000, 1_000]],
  ])('are in proportion to the weights %j', (weights) => {
    const slots = 2 ** 17;
    const shares = sharesOf(made(slots, list(new Map(weights.map((weight, i) => [i, weight])))), slots);
    const whole = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [i, weight] of weights.entries()) {
      const wanted = weight / whole;
      // Five standard deviations of a draw for each slot, which is more than there is.
      const margin = 5 * Math.sqrt((wanted * (1 - wanted)) / slots);
      expect(Math.abs((shares.get(endpoints[i]!.address) ?? 0) - wanted), `weight ${weight}`).toBeLessThan(
        margin,
      );
    }
  });

  it('do not depend on the scale of the weights', () => {
    const of = (scale: number) =>
      ownersOf(made(1_024, list(new Map(Array.from({ length: 9 }, (_, i) => [i, scale * (1 + i)])))), 1_024);
    expect(of(64)).toEqual(of(1));
    expect(of(1 / 1_024)).toEqual(of(1));
  });
});

describe('a change of a slot table', () => {
  const slots = 2 ** 14;

  it('moves the slots of an endpoint that leaves, and no others', () => {
    const before = ownersOf(made(slots, list(alike(0, 100))), slots);
    const after = ownersOf(made(slots, list(alike(1, 100))), slots);
    const moved = movedBetween(before, after);
    expect(moved).toEqual(before.flatMap((owner, slot) => (owner === endpoints[0] ? [slot] : [])));
    // They go to all the others.
    expect(new Set(moved.map((slot) => after[slot])).size).toBeGreaterThan(70);
  });

  it('moves slots to an endpoint that comes, and nowhere else', () => {
    const before = ownersOf(made(slots, list(alike(0, 99))), slots);
    const after = ownersOf(made(slots, list(alike(0, 100))), slots);
    const moved = movedBetween(before, after);
    expect(moved.every((slot) => after[slot] === endpoints[99])).toBe(true);
    expect(moved.length / slots).toBeLessThan(0.015);
  });

  it.each([
    ['grows', 1, 2],
    ['falls', 2, 0.5],
  ])('moves, where a weight %s, only what that endpoint gains or loses', (_, from, to) => {
    const ten = alike(0, 10);
    const before = ownersOf(made(slots, list(new Map([...ten, [3, from]]))), slots);
    const after = ownersOf(made(slots, list(new Map([...ten, [3, to]]))), slots);
    const moved = movedBetween(before, after);
    expect(moved.length).toBeGreaterThan(0);
    const side = to > from ? after : before;
    expect(moved.every((slot) => side[slot] === endpoints[3])).toBe(true);
    const wanted = Math.abs(to / (9 + to) - from / (9 + from));
    expect(Math.abs(moved.length / slots - wanted)).toBeLessThan(0.02);
  });

  it('costs about as many steps as there are slots where one of average weight leaves, few where one comes', () => {
    const table = made(slots, list(alike(0, 100)));
    const leaving = table.costOf(table.compare(list(alike(1, 100))));
    expect(leaving / slots).toBeGreaterThan(0.8);
    expect(leaving / slots).toBeLessThan(1.2);
    expect(table.costOf(table.compare(list(alike(0, 101)))) / slots).toBeLessThan(0.25);
    expect(table.costOf(table.compare(list(alike(0, 200))))).toBe(Number.POSITIVE_INFINITY);
  });

  it('gives the slots of one that is dropped to nobody, until the table is changed', () => {
    const table = made(slots, list(alike(0, 5)));
    const before = ownersOf(table, slots);
    table.drop(endpoints[2]!);
    expect(ownersOf(table, slots)).toEqual(
      before.map((owner) => (owner === endpoints[2] ? undefined : owner)),
    );
  });
});

/** In a fleet that is half upgraded every slot has to be where it was: this must never change. */
it('has the same owners in every version', () => {
  const table = made(1_024, list(new Map([...alike(0, 9), [4, 2.5]])));
  const owners = Array.from({ length: 64 }, (_, i) => endpoints.indexOf(table.at(i * 16)!)).join('');
  expect(owners).toMatchInlineSnapshot(`"7710772677447758775077647731475077457744775077217783775076437744"`);
});
