import { describe, expect, it } from 'vitest';
import { retryAfter } from '../../src/adapter/retry-after.ts';

const now = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['1', 1_000],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['0007', 7_000],
  ])('says %j seconds', (header, milliseconds) => {
    expect(retryAfter(header, now)).toBe(milliseconds);
  });

  it('says a very long time by a very large number', () => {
    expect(retryAfter('99999999999', now)).toBe(99_999_999_999_000);
    expect(retryAfter('9'.repeat(400), now)).toBe(Number.POSITIVE_INFINITY);
  });

  it.each(['Sun, 06 Nov 1994 08:49:42 GMT', 'Sunday, 06-Nov-94 08:49:42 GMT', 'Sun Nov  6 08:49:42 1994'])(
    'says a moment, in each of the three forms: %s',
    (header) => {
      expect(retryAfter(header, now)).toBe(5_000);
    },
  );

  it('says "at once" by a moment that has passed', () => {
    expect(retryAfter('Sun, 06 Nov 1994 08:49:36 GMT', now)).toBe(0);
    expect(retryAfter('Thu, 01 Jan 1970 00:00:00 GMT', now)).toBe(0);
  });

  it.each([
    undefined,
    '',
    ' ',
    '-5',
    '+5',
    '1.5',
    '1e3',
    '0x10',
    '5 seconds',
    'soon',
    'soon 5',
    'may 5',
    'Sunday',
    'Sun, 99 Nov 1994 08:49:37 GMT',
    '1994-11-06T08:49:37Z',
    'NaN',
    'Infinity',
  ])('says nothing by %j', (header) => {
    expect(retryAfter(header, now)).toBeUndefined();
  });
});
