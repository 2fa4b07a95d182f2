import { describe, expect, it } from 'vitest';
import { DnsError, ServiceNotFoundError } from '../src/errors.ts';
import { checkHold, holdFor } from '../src/hold.ts';

const failed = (code: ConstructorParameters<typeof DnsError>[0], rcode?: string) =>
  new DnsError(code, 'no', [], { rcode });
const kinds: [string, unknown][] = [
  ['timeout', failed('ERR_DNS_TIMEOUT')],
  ['timeout', failed('ERR_DNS_TIMEOUT', 'SERVFAIL')],
  ['network', failed('ERR_UNREACHABLE')],
  ['servfail', failed('ERR_DNS_RESPONSE', 'SERVFAIL')],
  ['servfail', failed('ERR_DNS_RESPONSE', 'FORMERR')],
  ['servfail', failed('ERR_DNS_RESPONSE', 'NOTIMP')],
  ['servfail', failed('ERR_DNS_RESPONSE')],
  ['refused', failed('ERR_DNS_RESPONSE', 'REFUSED')],
  ['error', new TypeError('a bug of somebody')],
  ['error', new ServiceNotFoundError('is not asked for here')],
  ['error', undefined],
];

describe('hold', () => {
  it('is without end for failures and 30 s for an emptiness by default', () => {
    const without = Number.POSITIVE_INFINITY;
    expect(checkHold({}, 'hold')).toEqual({
      error: without,
      timeout: without,
      network: without,
      servfail: without,
      refused: without,
      empty: 30_000,
    });
  });

  it('of every failure is `error`, but for what has a time of its own; `empty` is not one of them', () => {
    expect(checkHold({ error: 60_000, refused: 5_000 }, 'hold')).toEqual({
      error: 60_000,
      timeout: 60_000,
      network: 60_000,
      servfail: 60_000,
      refused: 5_000,
      empty: 30_000,
    });
  });

  const each = { error: 1, timeout: 2, network: 3, servfail: 4, refused: 5, empty: 6 };
  it.each(kinds)('%s is what holds for %o', (kind, failure) => {
    expect(holdFor(each, failure)).toBe(each[kind as keyof typeof each]);
  });

  it.each([[{ error: -1 }], [{ empty: Number.NaN }], [{ timeout: '1s' }], [{ nx: 1 }], [30_000], [null]])(
    'refuses %j',
    (value) => {
      expect(() => checkHold(value, 'hold')).toThrowError(
        expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
      );
    },
  );
});
