/** The measured process: one contestant, opened once, that loads the backends for a while whenever it is its turn. */
import { readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { percentile } from '../statistics.ts';
import type { Place } from './client.ts';
import { closedLoop } from './closed-loop.ts';
import { contestants, type Key } from './contestants.ts';

export interface Task extends Place {
  readonly contestant: Key;
  /** Whose CPU time counts too. */
  readonly proxyPid?: number;
}

export interface TurnRequest {
  /** ms that count. */
  readonly duration: number;
  /** ms before them that do not: connections that were closed and caches that others filled. */
  readonly leadIn: number;
}

/** Times in µs. */
export interface Turn {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of this process, per request: user and system, all threads. */
  readonly cpu: number;
  /** Of it, pauses for garbage collection. They say what is kept too long: a dead request in an old table costs more here than to allocate. */
  readonly collecting: number;
  /** Of the proxy, per request; 0 without one. */
  readonly proxyCpu: number;
}

const { contestant, proxyPid, ...place } = JSON.parse(process.argv[2]!) as Task;
const client = await contestants[contestant].open(place);
const times = new Float64Array(1_000_000);
let paused = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) paused += duration;
}).observe({ entryTypes: ['gc'] });

process.on('message', async ({ duration, leadIn }: TurnRequest) => {
  await closedLoop(client, { duration: leadIn });
  await told();
  paused = 0;
  const proxyBefore = cpuOf(proxyPid);
  const before = process.cpuUsage();
  const start = performance.now();
  const requests = await closedLoop(client, { duration, times });
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(before);
  const proxyCpu = cpuOf(proxyPid) - proxyBefore;
  await told();
  const counted = Array.from(times.subarray(0, requests), (time) => time * 1_000);
  process.send!({
    perSecond: requests / seconds,
    p50: percentile(counted, 0.5),
    p99: percentile(counted, 0.99),
    cpu: (user + system) / requests,
    collecting: (paused * 1_000) / requests,
    proxyCpu: proxyCpu / requests,
  } satisfies Turn);
});
process.once('disconnect', () => process.exit());
process.send!('ready');

/** What the observer knows, it is told a turn of the event loop later. */
async function told(): Promise<void> {
  await new Promise(setImmediate);
  await new Promise(setImmediate);
}

/** µs since it started; Linux counts them in hundredths of a second. */
function cpuOf(pid: number | undefined): number {
  if (pid === undefined) return 0;
  // The name of the program, in parentheses, may contain spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
