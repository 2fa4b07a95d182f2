import { describe, expect, it } from 'vitest';
import { checkRetries } from '../../src/adapter/retry-options.ts';
import { InvalidOptionError } from '../../src/errors.ts';

describe('options of retries', () => {
  it.each([
    {},
    { retries: 0 },
    { retries: 100 },
    { retryOn: [] },
    { retryOn: [400, 599] },
    { retryOn: () => true },
    { timeout: 1, attemptTimeout: 2 ** 31 - 1 },
    { timeout: 0.5 + 1 },
  ])('are taken as they are: %o', (given) => {
    expect(checkRetries(given, 'test')).toEqual(given);
  });

  it.each([
    [{ retries: -1 }, 'test.retries: expected a whole number from 0 to 100, got -1.'],
    [{ retries: 101 }, 'test.retries: expected a whole number from 0 to 100, got 101.'],
    [{ retries: 1.5 }, 'test.retries: expected a whole number from 0 to 100, got 1.5.'],
    [{ retries: '2' }, /^test\.retries: /],
    [{ timeout: 0 }, 'test.timeout: expected a number from 1 to 2147483647, got 0.'],
    [{ attemptTimeout: Number.POSITIVE_INFINITY }, /^test\.attemptTimeout: /],
    [{ attemptTimeout: 2 ** 31 }, /^test\.attemptTimeout: /],
    [{ timeout: Number.NaN }, /^test\.timeout: /],
    [
      { retryOn: 503 },
      'test.retryOn: expected statuses from 400 to 599, like [502, 503, 504], or a function, got 503.',
    ],
    [{ retryOn: [200] }, /^test\.retryOn: expected statuses from 400/],
    [{ retryOn: [399] }, /^test\.retryOn: /],
    [{ retryOn: [600] }, /^test\.retryOn: /],
    [{ retryOn: [503.5] }, /^test\.retryOn: /],
    [{ retryOn: ['503'] }, /^test\.retryOn: /],
    [{ retryOn: 'connect' }, /^test\.retryOn: /],
    [{ retryOn: null }, /^test\.retryOn: /],
    [{ retry: 2 }, 'test: unknown option "retry"; known are retries, retryOn, timeout, attemptTimeout.'],
    [null, /^test: expected an object/],
  ])('are refused with a reason: %o', (given, message) => {
    expect(() => checkRetries(given, 'test')).toThrow(InvalidOptionError);
    expect(() => checkRetries(given, 'test')).toThrow(message);
  });
});
