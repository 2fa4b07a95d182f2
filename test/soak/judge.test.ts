import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Judge } from '../../soak/judge.ts';
import { Ledger } from '../../soak/ledger.ts';

const handle = {
  id: 'web/auto',
  discovery: 'auto',
  service: 'web',
  balancer: 'round-robin',
  holdEmpty: 30_000,
} as const;
const a = '10.0.0.1:80';
const b = '10.0.0.2:80';

/** A judge of one handle, opened at 0; instances `a` and `b`, healthy from the beginning. */
function court() {
  const ledger = new Ledger();
  const judge = new Judge(ledger, [handle]);
  for (const one of [a, b]) ledger.set(`web|${one}`, 'in', -100_000);
  judge.opened(handle.id, 0);
  judge.changed(handle.id, 10, [a, b]);
  return { ledger, judge };
}

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

describe('a change of a list', () => {
  it('is explained by what was done a moment before', () => {
    const { ledger, judge } = court();
    ledger.set(`web|${a}`, 'maybe', 50_000);
    ledger.set(`web|${a}`, 'out', 51_000);
    judge.changed(handle.id, 50_100, [b]);
    ledger.set(`web|${a}`, 'maybe', 60_000);
    judge.changed(handle.id, 60_100, [a, b]);
    expect([judge.violations, judge.added, judge.removed]).toEqual([[], 3, 1]);
  });

  it('that takes a healthy instance out is a violation', () => {
    const { judge } = court();
    judge.changed(handle.id, 50_000, [b]);
    expect(judge.violations).toEqual([expect.stringContaining(`${a} was removed, but was healthy`)]);
  });

  it('that brings one which left long ago is a violation', () => {
    const { ledger, judge } = court();
    ledger.set(`web|${a}`, 'out', 20_000);
    judge.changed(handle.id, 20_500, [b]);
    judge.changed(handle.id, 50_000, [a, b]);
    expect(judge.violations).toEqual([expect.stringContaining(`${a} was added, but was not registered`)]);
  });

  it('to nothing while somebody is healthy is one more', () => {
    const { ledger, judge } = court();
    ledger.set(`web|${a}`, 'out', 50_000);
    judge.changed(handle.id, 50_100, []);
    expect(judge.violations).toHaveLength(2);
    expect(judge.violations[1]).toContain('became empty');
  });

  it('is none when a service is asked for anew', () => {
    const { judge } = court();
    judge.opened(handle.id, 50_000);
    judge.changed(handle.id, 50_100, [a, b]);
    expect(judge.violations).toEqual([]);
  });
});

describe('a list', () => {
  it('that does not follow is a violation, once', () => {
    const { ledger, judge } = court();
    ledger.set(`web|${a}`, 'out', 50_000);
    judge.compare(53_000);
    expect(judge.violations).toEqual([]);
    judge.compare(54_100);
    judge.compare(54_200);
    expect(judge.violations).toEqual([expect.stringContaining('is still listed, and gone')]);
  });

  it('that lacks a newcomer is a violation', () => {
    const { ledger, judge } = court();
    ledger.set('web|10.0.0.3:80', 'in', 50_000);
    judge.compare(54_100);
    expect(judge.violations).toEqual([expect.stringContaining('is not listed, and healthy')]);
  });

  it('need not follow while questions are lost, nor right after it', () => {
    const { ledger, judge } = court();
    const over = ledger.disturb();
    ledger.set(`web|${a}`, 'out', 50_000);
    judge.compare(60_000);
    over(61_000);
    judge.compare(64_000);
    expect(judge.violations).toEqual([]);
    judge.compare(65_100);
    expect(judge.violations).toHaveLength(1);
  });

  it('is held for as long as it says when nothing is left', () => {
    const { ledger, judge } = court();
    for (const one of [a, b]) ledger.set(`web|${one}`, 'out', 50_000);
    judge.compare(80_000);
    expect(judge.violations).toEqual([]);
    judge.compare(84_100);
    expect(judge.violations).toHaveLength(2);
  });
});
