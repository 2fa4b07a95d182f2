/** The child's side of `update`: what a changed list costs one strategy, off the way of a pick. */
import { systemClock } from '../../src/clock.ts';
import type { Address } from '../../src/resolver/resolver.ts';
import { reconcile, rememberDeparted, type Snapshot } from '../../src/snapshot.ts';
import { asChild } from '../child.ts';
import { median, percentile } from '../statistics.ts';
import { caseOf } from './cases.ts';
import { bareBalancer, prepare, type Slices, snapshotOf } from './fleet.ts';
import { turnoverLoop } from './loops.ts';

export interface Task {
  readonly ours: string;
  readonly size: number;
  readonly change: 'one leaves or comes' | 'one weight';
  readonly smoke: boolean;
}

/** ms */
export interface Updated {
  /** Of the first five, in code that is not compiled yet, as it is in a program whose lists seldom change. */
  readonly early: number;
  readonly median: number;
  readonly p95: number;
  /** What makes the snapshot, before any balancer sees it. */
  readonly reconcile: number;
  /** What `update()` leaves to later turns of the event loop. */
  readonly later: Slices;
}

await asChild(async ({ ours, size, change, smoke }: Task): Promise<Updated> => {
  const wanted = caseOf(ours);
  let snapshot: Snapshot = snapshotOf(size, wanted);
  const { balancer, settle } = bareBalancer(wanted.strategy, snapshot);
  prepare(wanted, balancer, snapshot);
  // Counts and loads as they are in a program at work.
  const work = turnoverLoop(balancer, wanted.keyed ?? false, size);
  const departed = rememberDeparted(systemClock);
  const full = snapshot.addresses;
  const changed: readonly Address[] =
    change === 'one weight'
      ? full.with(size >> 1, { ...full[size >> 1]!, weight: 7 })
      : full.toSpliced(size >> 1, 1);
  const took: number[] = [];
  const reconciled: number[] = [];
  const longest: number[] = [];
  const total: number[] = [];
  for (let i = 0; i < (smoke ? 6 : 100); i++) {
    work(2 * size);
    const start = performance.now();
    snapshot = reconcile(snapshot, i % 2 === 0 ? changed : full, departed).snapshot;
    const made = performance.now();
    balancer.update(snapshot);
    const end = performance.now();
    const slices = settle();
    reconciled.push(made - start);
    took.push(end - made);
    longest.push(slices.longest);
    total.push(slices.total);
    await new Promise(setImmediate);
  }
  return {
    early: median(took.slice(0, 5)),
    median: median(took.slice(5)),
    p95: percentile(took.slice(5), 0.95),
    reconcile: median(reconciled.slice(5)),
    later: { longest: Math.max(...longest), total: median(total.slice(5)) },
  };
});
