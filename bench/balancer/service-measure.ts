/** The child's side of `service` and `lease`: one strategy at one size behind the public API, beside the bare balancer and the floor. */
import type { ServiceOptions } from '../../src/index.ts';
import { asChild } from '../child.ts';
import { caseOf } from './cases.ts';
import { bareBalancer, prepare, snapshotOf } from './fleet.ts';
import { floorLoop, leaseLoop, pickLoop, servicePickLoop } from './loops.ts';
import { publicService } from './public-service.ts';
import { bytes, type Counted, time } from './timing.ts';

export interface Task {
  /** The label of a case. */
  readonly ours: string;
  readonly size: number;
  readonly call: 'pick' | 'lease';
  /** Everything that availability can do is on; where it is not, this service has none of it. */
  readonly guarded: boolean;
  readonly measure: 'time' | 'bytes';
  readonly smoke: boolean;
}

/** ns, each as `time()` has it. */
export interface Timed {
  readonly floor: number;
  readonly bare: number;
  /** `service.pick()` or a lease of a service without availability. */
  readonly plain: number;
  /** The same of a service with all of it. */
  readonly guarded: number;
  /** `service.pick()` without availability, beside a lease. */
  readonly pick: number | undefined;
}

const none: ServiceOptions = { outlier: false, slowStart: false, priorities: false };
const all: ServiceOptions = {
  outlier: {},
  slowStart: {},
  priorities: true,
};

await asChild(async ({ ours, size, call, guarded, measure, smoke }: Task): Promise<Timed | Counted> => {
  const wanted = caseOf(ours);
  const keyed = wanted.keyed ?? false;
  const plainService = await publicService(wanted, size, none);
  const guardedService = await publicService(wanted, size, all);
  try {
    const loopOf = call === 'pick' ? servicePickLoop : leaseLoop;
    if (measure === 'bytes') {
      return await bytes(loopOf((guarded ? guardedService : plainService).service, keyed), smoke);
    }
    const snapshot = snapshotOf(size, wanted);
    const { balancer, tick } = bareBalancer(wanted.strategy, snapshot);
    prepare(wanted, balancer, snapshot);
    const loops = [
      floorLoop(snapshot),
      pickLoop(balancer, keyed),
      loopOf(plainService.service, keyed),
      loopOf(guardedService.service, keyed),
      ...(call === 'lease' ? [servicePickLoop(plainService.service, keyed)] : []),
    ];
    const [floor = Number.NaN, bare = Number.NaN, plain = Number.NaN, on = Number.NaN, pick] = await time(
      loops,
      smoke,
      tick,
    );
    return { floor, bare, plain, guarded: on, pick };
  } finally {
    await plainService.discovery.close();
    await guardedService.discovery.close();
  }
});
