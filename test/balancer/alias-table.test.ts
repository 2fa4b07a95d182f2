import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AliasTable } from '../../src/balancer/alias-table.ts';

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
        const table = new AliasTable(Float64Array.from(some));
        // Every column is gone through evenly, so that each of its two parts is off by a step at most.
        const steps = 1_000 * some.length;
        const counts = some.map(() => 0);
        for (let i = 0; i < steps; i++) counts[table.placeOf(((i + 0.5) / steps) * 2 ** 32)]!++;
        const total = some.reduce((sum, weight) => sum + weight);
        for (const [i, weight] of some.entries()) {
          expect(Math.abs(counts[i]! - (steps * weight) / total)).toBeLessThanOrEqual(some.length + 1);
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('gives the smallest share what is due to it', () => {
    const table = new AliasTable(Float64Array.of(1, 65_535));
    let light = 0;
    const steps = 2 ** 22;
    for (let i = 0; i < steps; i++) if (table.placeOf((i / steps) * 2 ** 32) === 0) light++;
    expect(light / steps).toBeCloseTo(1 / 65_536, 6);
  });

  it('of no weights gives the first place', () => {
    expect(new AliasTable(new Float64Array(0)).placeOf(-1)).toBe(0);
  });
});
