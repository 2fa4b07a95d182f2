/** The child's side of `pick` and `contenders`: one strategy at one size beside the floor, and beside a peer. */
import { asChild } from '../child.ts';
import { pairs } from '../contenders/index.ts';
import { caseOf } from './cases.ts';
import { bareBalancer, fleetOf, prepare, snapshotOf } from './fleet.ts';
import { contenderLoop, countedLoop, floorLoop, hashLoop, pickLoop } from './loops.ts';
import { bytes, type Counted, time } from './timing.ts';

export interface Task {
  /** The label of a case. Without one the floor is measured beside itself. */
  readonly ours: string | undefined;
  /** Which of `pairs`. */
  readonly pair: number | undefined;
  readonly size: number;
  readonly measure: 'time' | 'bytes';
  readonly smoke: boolean;
}

/** ns per pick, each as `time()` has it. */
export interface Timed {
  readonly floor: number;
  readonly ours: number;
  readonly theirs: number | undefined;
  /** Of the key, where there is one. */
  readonly hash: number | undefined;
}

await asChild(async ({ ours, pair: place, size, measure, smoke }: Task): Promise<Timed | Counted> => {
  const pair = place === undefined ? undefined : pairs[place]!;
  const wanted = ours === undefined ? undefined : caseOf(ours);
  const keyed = wanted?.keyed ?? false;
  const floor = floorLoop(snapshotOf(size));
  let own = floor;
  let tick = () => {};
  if (wanted !== undefined) {
    const snapshot = snapshotOf(size, wanted);
    const bare = bareBalancer(wanted.strategy, snapshot);
    prepare(wanted, bare.balancer, snapshot);
    tick = bare.tick;
    own = pair?.counted ? countedLoop(bare.balancer) : pickLoop(bare.balancer, keyed);
  }
  const peer = pair && contenderLoop(await pair.make(fleetOf(snapshotOf(size, wanted))), keyed);
  if (measure === 'bytes') return bytes(peer ?? own, smoke);
  const others = [...(peer ? [peer] : []), ...(keyed ? [hashLoop()] : [])];
  const [floorTime = Number.NaN, ownTime = Number.NaN, ...rest] = await time(
    [floor, own, ...others],
    smoke,
    tick,
  );
  return {
    floor: floorTime,
    ours: ownTime,
    theirs: peer && rest[0],
    hash: keyed ? rest.at(-1) : undefined,
  };
});
