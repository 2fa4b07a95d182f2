import { type Benchmark, verdict } from '../benchmark.ts';
import { inChild } from '../child.ts';
import { startDnsServer } from '../consul.ts';
import { record, startReplay } from '../dns/record.ts';
import type { Result, Task } from './heap.ts';

const endpoints = 100;
const strategies = ['round-robin', 'least-used'] as const;

/** What is kept of many names: lists, caches, balancers, timers. */
export const memory: Benchmark = {
  name: 'memory',
  about: 'bytes per endpoint with 10 000 names of 100 endpoints each',
  async run({ smoke, progress }) {
    const names = smoke ? 100 : 10_000;
    progress('recording replies');
    const server = await startDnsServer(
      Array.from({ length: endpoints }, (_, i) => ({
        service: nameOf(0),
        // As long as addresses get: short texts are kept another way.
        address: `10.120.130.${100 + i}`,
        port: 10_000 + i,
      })),
    );
    let tape: readonly string[];
    try {
      tape = await record(server.port, `${nameOf(0)}.service.consul`, 8);
    } finally {
      await server.close();
    }
    const replay = await startReplay({ '*': tape });
    const results: Result[] = [];
    try {
      for (const balancer of strategies) {
        progress(`${names} names, ${balancer}`);
        const task: Task = {
          port: replay.port,
          balancer,
          names: Array.from({ length: names }, (_, i) => nameOf(i)),
        };
        const options = ['--expose-gc', '--max-old-space-size=4096'];
        results.push(await inChild<Result>(new URL('./heap.js', import.meta.url), task, options));
      }
    } finally {
      await replay.close();
    }
    return {
      title: `${names} names of ${endpoints} endpoints each, replies recorded from ${server.what}`,
      columns: ['strategy', 'bytes per endpoint', 'bytes per name', 'heap MB', 'endpoints', 'target'],
      rows: results.map((result, i) => [
        strategies[i]!,
        result.perEndpoint.toFixed(0),
        result.perName.toFixed(0),
        (result.bytes / 1e6).toFixed(0),
        String(result.endpoints),
        verdict([{ text: 'all kept', met: result.endpoints === names * endpoints && result.kept }]),
      ]),
      notes: [
        'heapUsed + external after every list was refreshed twice, less what they were before the first, by endpoints and by names: all that',
        'is kept of a list (endpoints, cache, membership, balancer, timers) is in both.',
      ],
      data: results,
    };
  },
};

/** All of one length, as the replay needs it. */
function nameOf(i: number): string {
  return `n${String(i).padStart(5, '0')}`;
}
