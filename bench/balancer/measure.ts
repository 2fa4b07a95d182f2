/**
 * The child's side of the pick benchmarks: one strategy at one size, beside the floor.
 *
 * The loops are written out once per contender, not once for all, so that each call site sees one class only. Each touches
 * the endpoint it was given (`port`), so that nobody can hand out an object without fetching it from memory. The sum is kept
 * within 32 bits: a larger one is a number on the heap wherever the code is not optimized yet.
 *
 * Why not mitata: it runs one function to its end before the next begins, so a neighbour's load falls on one side of
 * a ratio; and it samples the heap under the process's own young generation, where scavenges hide what was allocated.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import type { Balancer } from '../../src/balancer/balancer.ts';
import type { Service } from '../../src/service.ts';
import type { Snapshot } from '../../src/snapshot.ts';
import { asChild } from '../child.ts';
import { Floor } from '../contenders/floor.ts';
import { SortedCounters } from '../contenders/sorted-counters.ts';
import { median } from '../statistics.ts';
import { bareBalancer, pause, publicService, type StrategyName, snapshotOf } from './fleet.ts';

export type Contender = StrategyName | 'floor' | 'sorted-counters';

export interface Task {
  readonly contender: Contender;
  readonly size: number;
  /** Beside the bare balancer, `service.pick()` through the public API. */
  readonly throughService: boolean;
  readonly measure: 'time' | 'bytes';
  readonly smoke: boolean;
}

/** ns per pick, the median of the rounds. */
export interface Timed {
  readonly floor: number;
  readonly bare: number;
  readonly service: number | undefined;
}

export interface Counted {
  /** Per pick. */
  readonly bytes: number;
  /** During all picks that were counted: with any, `bytes` is too low. */
  readonly scavenges: number;
  readonly picks: number;
}

/** Picks so often and returns the sum of the ports. */
type Loop = (picks: number) => number;

function floorLoop(floor: Floor): Loop {
  return (picks) => {
    let sum = 0;
    for (let i = 0; i < picks; i++) sum = (sum + floor.pick()!.port) | 0;
    return sum;
  };
}

function bareLoop(balancer: Pick<Balancer, 'pick'>): Loop {
  return (picks) => {
    let sum = 0;
    for (let i = 0; i < picks; i++) sum = (sum + balancer.pick()!.port) | 0;
    return sum;
  };
}

function serviceLoop(service: Service): Loop {
  return (picks) => {
    let sum = 0;
    for (let i = 0; i < picks; i++) sum = (sum + service.pick().port) | 0;
    return sum;
  };
}

function elapsed(loop: Loop, picks: number): number {
  const start = process.hrtime.bigint();
  const sum = loop(picks);
  const end = process.hrtime.bigint();
  if (sum === 0) throw new Error('no endpoint was picked');
  return Number(end - start);
}

/** Runs until the compiler has had its say, and returns how many picks take about `target` ns. */
async function warmUp(loop: Loop, target: number): Promise<number> {
  let picks = 1;
  while (elapsed(loop, picks) < target / 4 && picks < 2 ** 30) picks *= 2;
  // Many short calls with pauses rather than a long one: code compiled in the background is entered at a call.
  for (let i = 0; i < 20; i++) {
    elapsed(loop, Math.max(1, picks >> 3));
    await pause(1);
  }
  const perPick = elapsed(loop, picks) / picks;
  return Math.max(1, Math.round(target / perPick));
}

async function time(loops: readonly Loop[], smoke: boolean): Promise<number[]> {
  const target = smoke ? 1e5 : 1e7;
  const rounds = smoke ? 3 : 21;
  const picks: number[] = [];
  for (const loop of loops) picks.push(await warmUp(loop, target));
  const samples = loops.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < loops.length; turn++) {
      // Nobody is always first.
      const i = (turn + round) % loops.length;
      samples[i]!.push(elapsed(loops[i]!, picks[i]!) / picks[i]!);
    }
  }
  return samples.map(median);
}

/** Heap growth per pick; the parent gives a young generation so large that nothing is collected meanwhile. */
async function bytes(loop: Loop, smoke: boolean): Promise<Counted> {
  let scavenges = 0;
  const observer = new PerformanceObserver((list) => {
    scavenges += list.getEntries().length;
  });
  const affordable = await warmUp(loop, smoke ? 1e5 : 1e8);
  const picks = Math.min(
    1e6,
    affordable,
    Math.ceil(2e7 / Math.max(1, growth(loop, Math.min(100, affordable)))),
  );
  // What warming up left must not be collected while it is counted.
  globalThis.gc?.();
  await pause(5);
  observer.observe({ entryTypes: ['gc'] });
  const samples: number[] = [];
  for (let round = 0; round < 5; round++) {
    samples.push(growth(loop, picks));
    await pause(1);
  }
  // The observer is told a turn of the event loop later.
  await pause(5);
  observer.disconnect();
  return { bytes: median(samples), scavenges, picks };
}

function growth(loop: Loop, picks: number): number {
  const before = process.memoryUsage().heapUsed;
  loop(picks);
  return (process.memoryUsage().heapUsed - before) / picks;
}

await asChild(async (task: Task) => {
  const { contender, size, throughService } = task;
  const snapshot = snapshotOf(size);
  const floor = floorLoop(new Floor(snapshot.endpoints));
  const bare = contender === 'floor' ? floor : bareLoop(pickerOf(contender, snapshot));
  if (!throughService) return measure(task, floor, bare, undefined);
  const { service, discovery } = await publicService(contender as StrategyName, size);
  try {
    return await measure(task, floor, bare, serviceLoop(service));
  } finally {
    await discovery.close();
  }
});

async function measure(
  { measure, smoke }: Task,
  floor: Loop,
  bare: Loop,
  service: Loop | undefined,
): Promise<Timed | Counted> {
  if (measure === 'bytes') return bytes(service ?? bare, smoke);
  const loops = service === undefined ? [floor, bare] : [floor, bare, service];
  const [floorTime = Number.NaN, bareTime = Number.NaN, serviceTime] = await time(loops, smoke);
  return { floor: floorTime, bare: bareTime, service: serviceTime };
}

function pickerOf(contender: Exclude<Contender, 'floor'>, snapshot: Snapshot): Pick<Balancer, 'pick'> {
  return contender === 'sorted-counters'
    ? new SortedCounters(snapshot.endpoints)
    : bareBalancer(contender, snapshot);
}
