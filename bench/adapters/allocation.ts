/** The child's side of the bytes per request: a process whose young generation is not filled, so that nothing is collected. */
import { PerformanceObserver } from 'node:perf_hooks';
import { asChild } from '../child.ts';
import { median } from '../statistics.ts';
import type { Place } from './client.ts';
import { closedLoop } from './closed-loop.ts';
import { contestants, type Key } from './contestants.ts';

export interface Task extends Place {
  readonly contestant: Key;
  readonly smoke: boolean;
}

export interface Allocated {
  /** Per request. */
  readonly bytes: number;
  /** While they were counted: with any, `bytes` is too low. */
  readonly collections: number;
}

await asChild(async ({ contestant, smoke, ...place }: Task): Promise<Allocated> => {
  const client = await contestants[contestant].open(place);
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  await closedLoop(client, { requests: smoke ? 100 : 40_000 });
  globalThis.gc!();
  // Connections stay: no turn without requests is long enough for a server to close one.
  await new Promise(setImmediate);
  observer.observe({ entryTypes: ['gc'] });
  const samples: number[] = [];
  for (let round = 0; round < (smoke ? 1 : 5); round++) {
    const before = process.memoryUsage().heapUsed;
    const requests = await closedLoop(client, { requests: smoke ? 100 : 2_000 });
    samples.push((process.memoryUsage().heapUsed - before) / requests);
  }
  await new Promise(setImmediate);
  observer.disconnect();
  await client.close();
  return { bytes: median(samples), collections };
});
