import type { Snapshot } from '../../snapshot.ts';
import type { BalancerWorld } from './balancer-world.ts';
import { Requests } from './requests.ts';
import { chiSquare } from './statistics.ts';
import { countsOf, only, type Suite } from './suite.ts';

/** Who gets how much by weight: 0…65535, and a fraction while an endpoint starts slowly. */
export function weights({ open, expect, options, it }: Suite): void {
  const obeyed = only(options.spreads && options.weights, it);
  const expectShares = (counts: readonly number[], shares: readonly number[]) => {
    const { value, limit } = chiSquare(counts, shares);
    expect(limit, `chi-square of ${value}: ${counts.slice(0, 20)}`).toBeGreaterThan(value);
    expect(counts.filter((count, i) => shares[i] === 0 && count > 0)).toEqual([]);
  };

  only(options.spreads, it)('shares evenly when all weights are equal, all 0 too', () => {
    for (const weight of [0, 1, 0.25, 7, 65_535]) {
      const { balancer, weigh } = open();
      const { endpoints } = weigh(weight, weight, weight, weight, weight);
      expectShares(
        countsOf(endpoints, 5_000, () => balancer.pick()),
        [1, 1, 1, 1, 1],
      );
    }
  });

  only(options.spreads && !options.weights, it)('shares evenly whatever the weights are', () => {
    for (const some of [
      [1, 2, 3, 4],
      [0, 1, 1, 1],
      [0, 0, 0, 65_535],
      [0.5, 0.01, 1, 1],
    ]) {
      const { balancer, weigh } = open();
      const { endpoints } = weigh(...some);
      expectShares(
        countsOf(endpoints, 4_000, () => balancer.pick()),
        [1, 1, 1, 1],
      );
    }
  });

  obeyed('has more requests in flight at the heavier ones', () => {
    for (const seed of [1, 2, 3]) {
      const world = open(seed);
      const { endpoints } = world.weigh(1, 2, 4, 8);
      const requests = new Requests(world, world.random);
      const sums = [0, 0, 0, 0];
      for (let i = 0; i < 20_000; i++) {
        requests.begin(world.balancer.pick()!);
        if (requests.size > 150) requests.endOne({ ok: true, elapsed: 10 });
        if (i > 2_000) for (const [place, endpoint] of endpoints.entries()) sums[place]! += endpoint.inFlight;
      }
      for (const place of [1, 2, 3]) expect(sums[place]! / sums[place - 1]!, `${sums}`).toBeGreaterThan(1.3);
    }
  });

  obeyed('shares in proportion to the weights (seeds 1, 2 and 3)', () => {
    for (const seed of [1, 2, 3]) {
      for (const some of [
        [1, 2, 3, 4],
        [5, 1],
        [1, 1, 1, 1, 100],
        [65_535, 1],
        [65_535, 65_521, 3, 1],
      ]) {
        const { balancer, weigh } = open(seed);
        const { endpoints } = weigh(...some);
        expectShares(
          countsOf(endpoints, 200_000, () => balancer.pick()),
          some,
        );
      }
    }
  });

  obeyed('shares in proportion to weights that are fractions', () => {
    const some = [0.05, 0.5, 1, 1.7, 0.001];
    const { balancer, weigh } = open();
    const { endpoints } = weigh(...some);
    expectShares(
      countsOf(endpoints, 100_000, () => balancer.pick()),
      some,
    );
  });

  obeyed('shares in proportion among 300 of very different weight', () => {
    const { balancer, weigh, random } = open();
    const { endpoints, addresses } = weigh(
      ...Array.from({ length: 300 }, () => random.below(65_536) >> random.below(16)),
    );
    // In the order of the list, which is that of the addresses.
    const some = addresses.map(({ weight }) => weight);
    expectShares(
      countsOf(endpoints, 300_000, () => balancer.pick()),
      some,
    );
  });

  obeyed('gives nothing to a weight of 0 beside others, unless those are excluded', () => {
    const { balancer, weigh } = open();
    const [zero, one, two, none] = weigh(0, 1, 2, 0).endpoints;
    for (let i = 0; i < 3_000; i++) expect([one, two].includes(balancer.pick())).toBe(true);
    for (let i = 0; i < 20; i++) expect(balancer.pick(undefined, new Set([two!]))).toBe(one);
    for (let i = 0; i < 20; i++) {
      expect([zero, none].includes(balancer.pick(undefined, new Set([one!, two!])))).toBe(true);
    }
    expect(balancer.pick(undefined, new Set([zero!, one!, two!]))).toBe(none);
  });

  obeyed('takes the weights of the snapshot, not what the endpoint shows', () => {
    const { balancer, weigh } = open();
    const { endpoints, addresses } = weigh(1, 1, 1);
    const some = [0.2, 1, 3];
    balancer.update({
      version: 7,
      endpoints,
      addresses: addresses.map((address, i) => ({ ...address, weight: some[i]! })),
    });
    expectShares(
      countsOf(endpoints, 42_000, () => balancer.pick()),
      some,
    );
  });

  obeyed('follows weights that change, from one update to the next', () => {
    const { balancer, weigh } = open();
    for (const some of [
      [1, 1, 1],
      [1, 5, 1],
      [9, 0, 1],
      [0, 0, 0],
      [1, 0.5, 0.25],
    ]) {
      const { endpoints } = weigh(...some);
      const expected = some.every((weight) => weight === 0) ? [1, 1, 1] : some;
      expectShares(
        countsOf(endpoints, 21_000, () => balancer.pick()),
        expected,
      );
    }
  });

  obeyed('keeps the proportion while one weight grows between all picks, as in a slow start', () => {
    for (const perUpdate of [1, 7]) {
      const world = open();
      const { endpoints } = world.weigh(1, 1, 1, 1, 0.5);
      let picks = 0;
      const counts = countsOf(endpoints, 20_000, () => {
        if (picks++ % perUpdate === 0) slowly(world, (picks % 2_000) / 2_000);
        return world.balancer.pick();
      });
      const mean = counts.reduce((sum, count) => sum + count, 0) / 4.5;
      for (const count of counts.slice(0, 4)) {
        expect(count, `${counts}`).toBeGreaterThan(0.9 * mean);
        expect(1.1 * mean, `${counts}`).toBeGreaterThan(count);
      }
      expect(counts[4]!, `${counts}`).toBeGreaterThan(0.35 * mean);
      expect(0.65 * mean, `${counts}`).toBeGreaterThan(counts[4]!);
    }
  });
}

function slowly({ balancer, snapshot }: BalancerWorld, weight: number): void {
  const { version, endpoints, addresses } = snapshot;
  const last = addresses.length - 1;
  const next: Snapshot = {
    version: version + 1,
    endpoints,
    addresses: addresses.map((address, i) => (i === last ? { ...address, weight } : address)),
  };
  balancer.update(next);
}
