import { describe, expect, it } from 'vitest';
import { checkOutlier, checkPriorities, checkSlowStart } from '../../src/availability/availability.ts';

const refusal = (message: RegExp) =>
  expect.objectContaining({ code: 'ERR_INVALID_OPTION', message: expect.stringMatching(message) });

describe('options', () => {
  it('are undefined for false, and complete for true and for {}', () => {
    for (const check of [checkPriorities, checkOutlier, checkSlowStart]) {
      expect(check(false, 'x')).toBeUndefined();
      expect(check({}, 'x')).toEqual(check(true, 'x'));
      expect(Object.values(check(true, 'x') ?? {})).not.toContain(undefined);
    }
  });

  it('have the defaults of the documentation', () => {
    expect(checkPriorities(true, 'x')).toEqual({ datacenters: [], zones: [], zoneKey: 'zone' });
    expect(checkSlowStart(true, 'x')).toEqual({ window: 30_000, minWeight: 0.1, aggression: 1 });
    expect(checkOutlier(true, 'x')).toEqual({
      consecutiveFailures: 5,
      failureShare: 0.5,
      minRequests: 20,
      window: 10_000,
      ejectionTime: 10_000,
      maxEjectionTime: 300_000,
      maxEjected: 0.5,
      panic: { threshold: 0.5, use: 'all' },
    });
  });

  it('keep what is given', () => {
    expect(checkSlowStart(5_000, 'x')).toEqual({ window: 5_000, minWeight: 0.1, aggression: 1 });
    expect(checkPriorities({ datacenters: ['DC1'], zones: ['A'] }, 'x')).toEqual({
      datacenters: ['dc1'],
      zones: ['A'],
      zoneKey: 'zone',
    });
    expect(checkOutlier({ consecutiveFailures: 0, panic: { use: 'none' } }, 'x')).toMatchObject({
      consecutiveFailures: 0,
      panic: { threshold: 0.5, use: 'none' },
    });
  });

  it('let a long ejectionTime raise a maximum that is not given', () => {
    expect(checkOutlier({ ejectionTime: 600_000 }, 'x')?.maxEjectionTime).toBe(600_000);
  });

  it.each([
    [checkPriorities, 1, /x: expected an object/],
    [checkPriorities, { datacenters: 'dc1' }, /x\.datacenters: expected a list/],
    [checkPriorities, { zones: [''] }, /x\.zones\[0\]: expected a non-empty string/],
    [checkPriorities, { zones: ['a', 'a'] }, /x\.zones: expected each name once/],
    [checkPriorities, { datacenters: ['dc1', 'DC1'] }, /x\.datacenters: expected each name once/],
    [checkPriorities, { zone: 'a' }, /unknown option "zone"; known are datacenters, zones, zoneKey/],
    [checkOutlier, null, /x: expected an object/],
    [checkOutlier, { consecutiveFailures: 1.5 }, /x\.consecutiveFailures: expected a whole number/],
    [checkOutlier, { failureShare: 50 }, /x\.failureShare: expected a number from 0 to 1/],
    [checkOutlier, { minRequests: 0 }, /x\.minRequests/],
    [checkOutlier, { maxEjected: 1.1 }, /x\.maxEjected/],
    [checkOutlier, { window: 0 }, /x\.window/],
    [checkOutlier, { ejectionTime: Number.POSITIVE_INFINITY }, /x\.ejectionTime/],
    [checkOutlier, { ejectionTime: 2_000, maxEjectionTime: 1_000 }, /maxEjectionTime \(1000\) is less/],
    [checkOutlier, { consecutiveFailures: 0, failureShare: 0 }, /say so with `false`/],
    [checkOutlier, { panic: 0.5 }, /x\.panic: expected an object/],
    [checkOutlier, { panic: { use: 'some' } }, /x\.panic\.use: expected "all" or "none"/],
    [checkSlowStart, 5, /x: expected a number from 100/],
    [checkSlowStart, '30s', /x: expected an object/],
    [checkSlowStart, { minWeight: 0 }, /x\.minWeight/],
    [checkSlowStart, { aggression: 0 }, /x\.aggression/],
  ])('are refused: %o %j', (check, value, message) => {
    expect(() => check(value, 'x')).toThrowError(refusal(message));
  });
});
