import { type Benchmark, verdict } from '../benchmark.ts';
import { inChild } from '../child.ts';
import { type Instance, startDnsServer } from '../consul.ts';
import { median } from '../statistics.ts';
import type { Result, Task } from './hold.ts';
import { record, startReplay } from './record.ts';

/** Names of one length, since a recorded reply is sent for another question. */
const full = 'full';
const withMetadata = 'meta';
const oneLess = 'less';
const changing = 'turn';

function instances(service: string, count: number): Instance[] {
  return Array.from({ length: count }, (_, i) => ({
    service,
    address: `10.${20 + (i >> 8)}.${(i >> 4) & 15}.${i & 15}`,
    port: 10_000 + i,
  }));
}

interface Case {
  readonly title: string;
  readonly name: string;
  readonly mode: Task['mode'];
  /** Balancer updates in so many rounds. */
  readonly updates: (rounds: number) => number;
}

const none = () => 0;
const each = (rounds: number) => rounds;
const cases: readonly Case[] = [
  { title: '997 SRV, the same list again', name: full, mode: 'again', updates: none },
  { title: '400 SRV with metadata, the same list again', name: withMetadata, mode: 'again', updates: none },
  { title: '400 SRV with metadata, one instance more or less', name: changing, mode: 'again', updates: each },
  // A balancer is given the empty list first.
  { title: '997 SRV, all of them new', name: full, mode: 'first', updates: (rounds) => 2 * rounds },
];

/** What the largest reply that Consul sends does to a program: how long nothing else runs. */
export const decode: Benchmark = {
  name: 'decode',
  about: 'how long a 64 KiB reply holds the event loop, from the bytes to the balancer',
  async run({ smoke, progress }) {
    progress('recording replies');
    const server = await startDnsServer([
      ...instances(full, 997),
      ...instances(withMetadata, 400),
      ...instances(oneLess, 399),
    ]);
    const tapes: Record<string, readonly string[]> = {};
    try {
      // Several, since Consul shuffles every reply.
      const count = smoke ? 2 : 8;
      for (const name of [full, withMetadata, oneLess])
        tapes[name] = await record(server.port, `${name}.service.consul`, count);
      tapes[changing] = tapes[withMetadata]!.flatMap((reply, i) => [tapes[oneLess]![i]!, reply]);
    } finally {
      await server.close();
    }
    const passes = smoke ? 1 : 3;
    const results = cases.map((): Result[] => []);
    const replay = await startReplay(tapes);
    try {
      for (let pass = 1; pass <= passes; pass++) {
        for (const [i, { title, name, mode }] of cases.entries()) {
          progress(`pass ${pass} of ${passes}: ${title}, ${server.what}`);
          const rounds = smoke ? 5 : 300;
          const task: Task = { port: replay.port, name, mode, rounds, warmUp: smoke ? 2 : 50 };
          results[i]!.push(await inChild<Result>(new URL('./hold.js', import.meta.url), task));
        }
      }
    } finally {
      await replay.close();
    }
    return {
      title: `one reply of 64 KiB, recorded from ${server.what}: the longest turn of the event loop`,
      columns: ['reply', 'cold ms', 'median ms', 'p99 ms', '× JSON.parse', 'endpoints', 'updates', 'target'],
      rows: cases.map(({ title, updates }, i) => {
        const of = (figure: keyof Result) => median(results[i]!.map((pass) => pass[figure]));
        const right = results[i]!.every((pass) => pass.updates === updates(pass.rounds));
        const checks = [
          { text: '≤ 5 ms', met: of('median') <= 5 },
          { text: 'updates', met: right },
        ];
        return [
          title,
          of('cold').toFixed(1),
          of('median').toFixed(2),
          of('p99').toFixed(2),
          (of('median') / of('floor')).toFixed(1),
          of('endpoints').toFixed(0),
          `${of('updates')} in ${of('rounds')}`,
          smoke ? '' : verdict(checks),
        ];
      }),
      notes: [
        'A lookup that cannot prove its list by one reply asks several times; each reply is a turn of its own, the last one with all the rest.',
        '"cold": the first one in a process. "× JSON.parse": of the same list as JSON text.',
      ],
      data: results,
    };
  },
};
