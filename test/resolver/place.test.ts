import { describe, expect, it } from 'vitest';
import { DnsError } from '../../src/errors.ts';
import { checkHold } from '../../src/hold.ts';
import { Place } from '../../src/resolver/place.ts';
import { address } from '../lists.ts';
import { notFound, unreachable } from '../scripted-source.ts';

const list = (datacenter = 'dc2') => ({
  found: { addresses: [address('a', { datacenter })], ttl: 0, complete: true },
});
const nothing = { error: notFound() };
const failed = { error: unreachable() };
const silent = { error: new DnsError('ERR_DNS_TIMEOUT', 'silence', []) };

/** What stays after each outcome, of a datacenter first asked at 0; `[time in s, outcome]`. */
function staying(
  hold: Parameters<typeof checkHold>[0],
  ...steps: [number, Parameters<Place['note']>[0]][]
): string[] {
  const place = new Place('dc2', 0);
  const times = checkHold(hold, 'hold');
  return steps.map(([at, outcome]) => [...place.note(outcome, 'dc2', at * 1_000, times)].sort().join(' '));
}

describe('what stays of a datacenter', () => {
  it('is all it had, for good, while it fails', () => {
    expect(staying({}, [1, list()], [2, failed], [1e9, failed])).toEqual(['', 'dc2', 'dc2']);
  });

  it('is all it may have had before the program began', () => {
    expect(staying({}, [0, failed], [5, failed])).toEqual(['dc2', 'dc2']);
  });

  it('is it for as long as `hold` gives to that kind of failure, since its last list', () => {
    const steps: [number, Parameters<Place['note']>[0]][] = [
      [10, list()],
      [20, failed],
      [69, failed],
      [70, failed],
      [71, silent],
      [99, silent],
      [101, silent],
    ];
    expect(staying({ network: 60_000, timeout: 90_000 }, ...steps)).toEqual([
      '',
      'dc2',
      'dc2',
      '',
      'dc2',
      'dc2',
      '',
    ]);
  });

  it('is it for `hold.empty` where it says that there is nothing any more, failures in between or not', () => {
    expect(staying({}, [0, list()], [5, nothing], [34, nothing], [35, nothing])).toEqual([
      '',
      'dc2',
      'dc2',
      '',
    ]);
    expect(staying({}, [0, list()], [5, nothing], [20, failed], [35, nothing])).toEqual([
      '',
      'dc2',
      'dc2',
      '',
    ]);
    expect(staying({}, [5, nothing], [20, list()], [30, nothing], [59, nothing], [60, nothing])).toEqual([
      '',
      '',
      'dc2',
      'dc2',
      '',
    ]);
  });

  it('is nothing where there never was anything', () => {
    expect(staying({}, [0, nothing], [5, nothing])).toEqual(['', '']);
  });

  it('is where its last list was, which a prepared query may have had from elsewhere', () => {
    expect(staying({}, [0, list('dc9')], [5, failed], [6, list()], [7, failed])).toEqual([
      '',
      'dc2 dc9',
      '',
      'dc2',
    ]);
  });
});
