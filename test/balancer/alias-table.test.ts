import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AliasTable } from '../../src/balancer/alias-table.ts';
import { nothingWeighed, weigh } from '../../src/balancer/weights.ts';
import { numberOf, weighted } from './weighted-lists.ts';

describe('an alias table', () => {
  it('has the shares of the weights, exactly', () => {
    const weights = fc.array(
      fc.oneof(
        fc.integer({ min: 1, max: 65_535 }),
        fc.constantFrom(1, 65_535),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
      ),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(weights, (some) => {
        const table = new AliasTable(weigh(weighted(...some)));
        // Every column is gone through evenly, so that each of its two parts is off by a step at most.
        const steps = 1_000 * some.length;
        const counts = some.map(() => 0);
        for (let i = 0; i < steps; i++) counts[numberOf(table.at((i + 0.5) / steps))]!++;
        const total = some.reduce((sum, weight) => sum + weight);
        for (const [i, weight] of some.entries()) {
          expect(Math.abs(counts[i]! - (steps * weight) / total)).toBeLessThanOrEqual(some.length + 1);
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('gives the smallest share what is due to it', () => {
    const table = new AliasTable(weigh(weighted(1, 65_535)));
    let light = 0;
    const steps = 2 ** 22;
    for (let i = 0; i < steps; i++) if (numberOf(table.at(i / steps)) === 0) light++;
    expect(light / steps).toBeCloseTo(1 / 65_536, 6);
  });

  it('of nobody gives nobody', () => {
    expect(new AliasTable(nothingWeighed).at(0.5)).toBe(undefined);
  });
});
