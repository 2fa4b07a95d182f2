/**
 * How loops are measured beside each other.
 *
 * Why not mitata: it runs one function to its end before the next begins, so a neighbour's load falls on one side of
 * a ratio; and it samples the heap under the process's own young generation, where scavenges hide what was allocated.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { median, percentile } from '../statistics.ts';
import { pause } from './fleet.ts';

/** Does it so often and returns the sum of the ports, so that no result goes unused. */
export type Loop = (times: number) => number;

/**
 * What of many rounds counts. Neighbours on the machine only ever add time; where they are busy half of the time, a median
 * falls now on this side, now on that.
 */
const quiet = 0.1;

export function quietOf(samples: readonly number[]): number {
  return percentile(samples, quiet);
}

/** ns per turn of each loop, taken by turns. `between`: before each round, for what timers would do. */
export async function time(
  loops: readonly Loop[],
  smoke: boolean,
  between: () => void = () => {},
): Promise<number[]> {
  const target = smoke ? 1e5 : 1.5e6;
  const rounds = smoke ? 3 : 51;
  const times: number[] = [];
  for (const loop of loops) times.push(await warmUp(loop, target, smoke));
  const samples = loops.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    between();
    await new Promise(setImmediate);
    for (let turn = 0; turn < loops.length; turn++) {
      // Nobody is always first.
      const i = (turn + round) % loops.length;
      samples[i]!.push(elapsed(loops[i]!, times[i]!) / times[i]!);
    }
  }
  return samples.map(quietOf);
}

function elapsed(loop: Loop, times: number): number {
  const start = process.hrtime.bigint();
  const sum = loop(times);
  const end = process.hrtime.bigint();
  if (sum === 0) throw new Error('no endpoint was picked');
  return Number(end - start);
}

/** Runs until the compiler has had its say, and returns how many turns take about `target` ns. */
async function warmUp(loop: Loop, target: number, smoke: boolean): Promise<number> {
  let times = 1;
  while (elapsed(loop, times) < target / 2 && times < 2 ** 30) times *= 2;
  // Many short calls with pauses rather than a long one: code compiled in the background is entered at a call.
  for (let i = 0; i < (smoke ? 2 : 20); i++) {
    elapsed(loop, Math.max(1, times >> 3));
    await pause(1);
  }
  const each = elapsed(loop, times) / times;
  return Math.max(1, Math.round(target / each));
}

export interface Counted {
  /** Per turn. */
  readonly bytes: number;
  /** During all turns that were counted: with any, `bytes` is too low. */
  readonly scavenges: number;
  readonly times: number;
}

/** Less is not told from what the measuring itself allocates. */
const noBytes = 0.05;
/** A young generation that 10⁶ turns of a wasteful loop do not fill. */
export const largeYoungSpace = ['--min-semi-space-size=512', '--max-semi-space-size=512', '--expose-gc'];

/** Heap growth per turn; the parent gives a `largeYoungSpace`, so that nothing is collected meanwhile. */
export async function bytes(loop: Loop, smoke: boolean): Promise<Counted> {
  let scavenges = 0;
  const observer = new PerformanceObserver((list) => {
    scavenges += list.getEntries().length;
  });
  const affordable = await warmUp(loop, smoke ? 1e5 : 5e7, smoke);
  const times = Math.min(
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
    samples.push(growth(loop, times));
    await pause(1);
  }
  // The observer is told a turn of the event loop later.
  await pause(5);
  observer.disconnect();
  return { bytes: median(samples), scavenges, times };
}

function growth(loop: Loop, times: number): number {
  const before = process.memoryUsage().heapUsed;
  loop(times);
  return (process.memoryUsage().heapUsed - before) / times;
}

export function isNothing({ bytes, scavenges }: Counted): boolean {
  return bytes < noBytes && scavenges === 0;
}

export function bytesText({ bytes, scavenges }: Counted): string {
  return `${scavenges > 0 ? '> ' : ''}${bytes < noBytes ? '0' : bytes.toFixed(1)}`;
}

export function scavengeNotes(counted: readonly Counted[]): string[] {
  const collected = counted.reduce((sum, { scavenges }) => sum + scavenges, 0);
  return [
    collected === 0
      ? 'bytes: heap growth per turn over up to 10⁶ turns, 0 garbage collections meanwhile.'
      : `bytes: garbage was collected ${collected} times while counting; those figures are marked ">".`,
  ];
}
