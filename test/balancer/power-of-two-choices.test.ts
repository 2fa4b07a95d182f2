import { describe, expect, it } from 'vitest';
import { PowerOfTwoChoices } from '../../src/balancer/power-of-two-choices.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { createRandom } from '../../src/random.ts';
import { address, context, lists, picks } from '../lists.ts';

const letters = (text: string) => [...text].map((letter) => address(letter));
const hosts = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ ...address('a'), host: `10.1.${i >> 8}.${i & 255}` }));

function leases(balancer: PowerOfTwoChoices) {
  const begin = (endpoint: Endpoint) => {
    endpoint.inFlight++;
    balancer.started(endpoint);
  };
  const end = (endpoint: Endpoint) => {
    endpoint.inFlight--;
    balancer.finished(endpoint);
  };
  return { begin, end };
}

describe('power-of-two-choices', () => {
  it('is round-robin while nothing is in flight', () => {
    const balancer = new PowerOfTwoChoices(context());
    balancer.update(lists()(letters('abcde')));
    expect('abcde'.repeat(5)).toContain(picks(balancer, 20));
  });

  it('is round-robin too while all are equally busy', () => {
    const balancer = new PowerOfTwoChoices(context());
    const { begin } = leases(balancer);
    const snapshot = lists()(letters('abcde'));
    balancer.update(snapshot);
    for (const endpoint of snapshot.endpoints) for (let i = 0; i < 3; i++) begin(endpoint);
    expect('abcde'.repeat(5)).toContain(picks(balancer, 20));
  });

  it('never compares one with itself: the busiest is never chosen (T37)', () => {
    for (const count of [2, 3, 4, 10, 1_000]) {
      const balancer = new PowerOfTwoChoices(context(count));
      const snapshot = lists()(hosts(count));
      balancer.update(snapshot);
      const busiest = snapshot.endpoints[count >> 1]!;
      leases(balancer).begin(busiest);
      let chosen = 0;
      for (let i = 0; i < 20_000; i++) if (balancer.pick() === busiest) chosen++;
      expect(chosen).toBe(0);
    }
  });

  it('compares with each of the others equally often', () => {
    const balancer = new PowerOfTwoChoices(context(6));
    const { begin } = leases(balancer);
    const snapshot = lists()(letters('abcdefgh'));
    balancer.update(snapshot);
    const [idle, ...others] = snapshot.endpoints;
    for (const endpoint of others) begin(endpoint);
    let taken = 0;
    for (let i = 0; i < 80_000; i++) if (balancer.pick() === idle) taken++;
    // Its own turn, 1 of 8, and 1 of 7 of all other turns.
    expect(taken / 80_000).toBeCloseTo(1 / 8 + 7 / 8 / 7, 2);
  });

  it('keeps the greatest load near the mean, where one choice at random does not', () => {
    const greatest = (choose: (balancer: PowerOfTwoChoices, endpoints: readonly Endpoint[]) => Endpoint) => {
      const balancer = new PowerOfTwoChoices(context(9));
      const { begin, end } = leases(balancer);
      const snapshot = lists()(hosts(1_000));
      balancer.update(snapshot);
      const random = createRandom(7);
      const open: Endpoint[] = [];
      let most = 0;
      for (let step = 0; step < 100_000; step++) {
        const endpoint = choose(balancer, snapshot.endpoints);
        begin(endpoint);
        open.push(endpoint);
        // On average one request per endpoint, ended in any order.
        if (open.length <= 1_000) continue;
        const place = random.below(open.length);
        end(open[place]!);
        open[place] = open.at(-1)!;
        open.pop();
        if (step > 10_000) most = Math.max(most, endpoint.inFlight);
      }
      return most;
    };
    const drawn = createRandom(5);
    expect(greatest((_, endpoints) => endpoints[drawn.below(1_000)]!)).toBeGreaterThanOrEqual(7);
    // ln ln n / ln 2 + O(1)
    expect(greatest((balancer) => balancer.pick()!)).toBeLessThanOrEqual(4);
  });

  it('has, by weight, more in flight at the heavier ones', () => {
    const balancer = new PowerOfTwoChoices(context());
    const { begin, end } = leases(balancer);
    const random = createRandom(2);
    const weights = [1, 2, 4];
    const snapshot = lists()([...'abc'].map((letter, i) => address(letter, { weight: weights[i]! })));
    balancer.update(snapshot);
    const sums = [0, 0, 0];
    const open: Endpoint[] = [];
    for (let step = 0; step < 40_000; step++) {
      const endpoint = balancer.pick()!;
      begin(endpoint);
      open.push(endpoint);
      if (open.length > 70) end(open.splice(random.below(open.length), 1)[0]!);
      for (const [i, { inFlight }] of snapshot.endpoints.entries()) sums[i]! += inFlight;
    }
    expect(sums[1]! / sums[0]!).toBeCloseTo(2, 0);
    expect(sums[2]! / sums[0]!).toBeCloseTo(4, 0);
  });

  it('shares by weight while nothing is in flight, so that a slow start is one then too', () => {
    const balancer = new PowerOfTwoChoices(context());
    const snapshot = lists()([address('a'), address('b'), address('c', { weight: 0.1 })]);
    balancer.update(snapshot);
    const seen = picks(balancer, 21_000);
    expect(seen.split('c').length - 1).toBeGreaterThan(900);
    expect(seen.split('c').length - 1).toBeLessThan(1_100);
    expect(seen.split('a').length - 1).toBeGreaterThan(9_800);
  });

  it('compares only those that are not excluded', () => {
    const balancer = new PowerOfTwoChoices(context());
    const { begin } = leases(balancer);
    const snapshot = lists()(letters('abcdef'));
    balancer.update(snapshot);
    const [a, b, c, ...rest] = snapshot.endpoints;
    begin(a!);
    begin(b!);
    begin(b!);
    for (let i = 0; i < 1_000; i++) expect(balancer.pick(undefined, new Set([c!, ...rest]))).toBe(a);
    for (let i = 0; i < 1_000; i++) expect(balancer.pick(undefined, new Set([a!, c!, ...rest]))).toBe(b);
    expect(balancer.pick(undefined, new Set(snapshot.endpoints))).toBe(undefined);
  });

  it('does not mind requests that end late, and counts them when the endpoint is back (T13)', () => {
    const balancer = new PowerOfTwoChoices(context());
    const { begin, end } = leases(balancer);
    const next = lists();
    const snapshot = next(letters('ab'));
    balancer.update(snapshot);
    const [a, b] = snapshot.endpoints;
    for (let i = 0; i < 3; i++) begin(a!);
    balancer.update(next(letters('b')));
    end(a!);
    begin(b!);
    balancer.update(next(letters('ab')));
    expect(picks(balancer, 10)).toBe('b'.repeat(10));
    end(a!);
    end(a!);
    expect(picks(balancer, 10)).toBe('a'.repeat(10));
  });
});
