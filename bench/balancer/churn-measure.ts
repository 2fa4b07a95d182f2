/** The child's side of `churn`: one strategy at one size while requests begin and end, and while the list changes. */

import { systemClock } from '../../src/clock.ts';
import { reconcile, rememberDeparted } from '../../src/snapshot.ts';
import { asChild } from '../child.ts';
import { median } from '../statistics.ts';
import { caseOf } from './cases.ts';
import { bareBalancer, prepare, snapshotOf } from './fleet.ts';
import { floorLoop, floorTurnoverLoop, pickLoop, turnoverLoop } from './loops.ts';
import { quietOf, time } from './timing.ts';

export interface Task {
  readonly ours: string;
  readonly size: number;
  readonly smoke: boolean;
}

export interface Churned {
  /** ns: a request ends somewhere and the next one begins. */
  readonly turnover: number;
  /** The same bookkeeping around the floor. */
  readonly floorTurnover: number;
  /** ns per pick in `block` picks on end. */
  readonly steady: number;
  /** The same just after an update. */
  readonly after: number;
  /** µs: the update in between, with what it leaves to later slices. */
  readonly update: number;
  readonly floor: number;
}

/** Picks from one update to the next. */
const block = 1_000;

await asChild(async ({ ours, size, smoke }: Task): Promise<Churned> => {
  const wanted = caseOf(ours);
  const keyed = wanted.keyed ?? false;
  const full = snapshotOf(size, wanted);
  const { balancer, tick, settle } = bareBalancer(wanted.strategy, full);
  prepare(wanted, balancer, full);
  const floor = snapshotOf(size);
  const [floorTurnover = Number.NaN, turnover = Number.NaN, floorPick = Number.NaN] = await time(
    [floorTurnoverLoop(floor), turnoverLoop(balancer, keyed, size), floorLoop(floor)],
    smoke,
    tick,
  );

  const departed = rememberDeparted(systemClock);
  const addresses = full.addresses.toSpliced(size >> 1, 1);
  const less = reconcile(full, addresses, departed).snapshot;
  const picks = pickLoop(balancer, keyed);
  const updates: number[] = [];
  const steady: number[] = [];
  const after: number[] = [];
  const end = performance.now() + (smoke ? 5 : 300);
  for (let i = 0; performance.now() < end || i < 10; i++) {
    const start = performance.now();
    balancer.update(i % 2 === 0 ? less : full);
    settle();
    const updated = performance.now();
    picks(block);
    const first = performance.now();
    picks(block);
    const second = performance.now();
    tick();
    updates.push((updated - start) * 1e3);
    after.push(((first - updated) * 1e6) / block);
    steady.push(((second - first) * 1e6) / block);
  }
  return {
    turnover,
    floorTurnover,
    floor: floorPick,
    steady: quietOf(steady),
    after: quietOf(after),
    update: median(updates),
  };
});
