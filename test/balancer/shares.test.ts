import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Shares } from '../../src/balancer/shares.ts';
import { weigh } from '../../src/balancer/weights.ts';
import { weighted } from './weighted-lists.ts';

const weights = fc.array(
  fc.oneof(
    fc.integer({ min: 1, max: 65_535 }),
    fc.constantFrom(1, 65_535),
    fc.double({ min: 0.001, max: 1, noNaN: true }),
  ),
  { minLength: 2, maxLength: 300 },
);

describe('shares', () => {
  it('give every point to the one whose part it is in, found in any way', () => {
    fc.assert(
      fc.property(
        weights,
        fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 50 }),
        (some, points) => {
          const weighed = weigh(weighted(...some));
          const shares = new Shares(weighed);
          const total = weighed.weights.reduce((sum, weight) => sum + weight);
          let begin = 0;
          for (const [i, weight] of weighed.weights.entries()) {
            const end = begin + weight;
            for (const point of [...points, ((begin + weight / 2) / total) * 2 ** 32]) {
              const at = (point / 2 ** 32) * total;
              // A part may begin half a point earlier or later than where it should.
              const slack = total / 2 ** 32;
              if (at < begin + slack || at > end - slack) continue;
              expect(shares.at(point | 0)).toBe(weighed.endpoints[i]);
            }
            begin = end;
          }
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  it('cover the whole circle', () => {
    const weighed = weigh(weighted(1, 65_535, 0.5, 65_535, 1));
    const shares = new Shares(weighed);
    for (const point of [0, 1, 2 ** 31 - 1, -(2 ** 31), -2, -1]) {
      expect(weighed.endpoints).toContain(shares.at(point));
    }
  });

  it('take no more memory for heavier weights (T24)', () => {
    const used = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    const before = used();
    const kept = Array.from({ length: 200 }, () => new Shares(weigh(weighted(1, 65_535, 65_534))));
    // A slot per unit of weight would be 131 070 of them.
    expect((used() - before) / kept.length).toBeLessThan(20_000);
  });

  it('find one among thousands that share a single point of the guide', () => {
    const weighed = weigh(
      weighted(...Array.from({ length: 4_000 }, (_, i) => (i % 2 === 0 ? 65_535 : 0.01))),
    );
    const shares = new Shares(weighed);
    const seen = new Set(Array.from({ length: 200_000 }, (_, i) => shares.at(Math.imul(i, 0x9e3778c1))));
    for (const [i, endpoint] of weighed.endpoints.entries()) {
      if (weighed.weights[i] === 65_535) expect(seen).toContain(endpoint);
    }
  });
});
