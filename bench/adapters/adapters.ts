import { largeYoungSpace } from '../balancer/timing.ts';
import { type Benchmark, type Settings, verdict } from '../benchmark.ts';
import { inChild } from '../child.ts';
import { startDnsServer } from '../consul.ts';
import { median } from '../statistics.ts';
import { markdown } from '../table.ts';
import type { Allocated, Task as AllocationTask } from './allocation.ts';
import { type Backends, startBackends } from './backends.ts';
import type { Place } from './client.ts';
import { type ContestantProcess, openContestant } from './contestant-process.ts';
import { type Contestant, contestants, type Key } from './contestants.ts';
import { type RunningProxy, startHaproxy } from './haproxy.ts';
import type { Turn } from './turns.ts';

const count = 8;

/** What one turn of a contestant was, beside the turn of its floor in the same round. */
interface Sample extends Turn {
  readonly floor: Turn;
  /** Requests of the busiest backend for each of the idlest. */
  readonly spread: number;
}

interface Row extends Contestant {
  readonly key: Key;
  readonly samples: readonly Sample[];
  readonly allocated: Allocated | undefined;
}

/** GET through the adapters, beside the clients they stand on, their peers, and a proxy. */
export const adapters: Benchmark = {
  name: 'adapters',
  about: `GET from ${count} backends: our adapters, undici, node:http, and HAProxy in front`,
  async run(settings) {
    const { smoke, progress } = settings;
    progress('starting servers');
    const backends = await startBackends(count);
    const instances = backends.addresses.map((address) => ({ service: 'web', ...address }));
    const server = await startDnsServer(instances);
    const proxy = await startHaproxy(server.port, count, async () =>
      (await backends.answered()).every((requests) => requests > 0),
    );
    const hasProxy = typeof proxy !== 'string';
    const keys = (Object.keys(contestants) as Key[]).filter((key) => key !== 'haproxy' || hasProxy);
    const place: Place = {
      origins: backends.addresses.map(({ address, port }) => `http://${address}:${port}`),
      dnsPort: server.port,
      ...(hasProxy && { proxy: proxy.origin }),
    };
    let rows: readonly Row[];
    try {
      const samples = await load(keys, place, hasProxy ? proxy : undefined, backends, settings);
      const allocated = new Map<Key, Allocated>();
      for (const key of smoke ? keys.slice(0, 1) : keys) {
        progress(`bytes: ${contestants[key].title}`);
        const task: AllocationTask = { ...place, contestant: key, smoke };
        const child = new URL('./allocation.js', import.meta.url);
        allocated.set(key, await inChild<Allocated>(child, task, largeYoungSpace));
      }
      rows = keys.map((key) => ({
        key,
        ...contestants[key],
        samples: samples.get(key)!,
        allocated: allocated.get(key),
      }));
    } finally {
      if (hasProxy) await proxy.close();
      await server.close();
      await backends.close();
    }
    const columns = [
      'client',
      'requests/s',
      'p50 µs',
      'p99 µs',
      'CPU µs',
      'GC µs',
      '× p50',
      '× p99',
      '× CPU',
      'bytes',
    ];
    const cells = rows.map((row) => [
      row.title,
      of(row, ({ perSecond }) => perSecond).toFixed(0),
      of(row, ({ p50 }) => p50).toFixed(0),
      of(row, ({ p99 }) => p99).toFixed(0),
      cpuText(row),
      of(row, ({ collecting }) => collecting).toFixed(1),
      of(row, ({ p50, floor }) => p50 / floor.p50).toFixed(2),
      of(row, ({ p99, floor }) => p99 / floor.p99).toFixed(2),
      of(row, ({ cpu, proxyCpu, floor }) => (cpu + proxyCpu) / floor.cpu).toFixed(2),
      bytesText(row, rows),
    ]);
    return {
      title: `GET from ${count} backends, closed loop of 16, ${server.what}, ${hasProxy ? proxy.what : 'no HAProxy'}`,
      columns: [...columns, 'spread', 'target'],
      rows: rows.map((row, i) => [
        ...cells[i]!,
        of(row, ({ spread }) => spread).toFixed(2),
        smoke ? '' : verdict(checksOf(row, rows)),
      ]),
      notes: [
        '×: beside the first row of the kind, in the same round; medians of all rounds. CPU: of the client process per request, + of HAProxy. GC: of it, pauses of the collector.',
        'bytes: allocated on the heap per request, + what is above the floor. spread: requests of the busiest backend for one of the idlest.',
        ...(hasProxy ? [] : [proxy]),
        ...rows
          .filter(({ allocated }) => allocated !== undefined && allocated.collections > 0)
          .map(
            ({ title }) => `bytes: garbage was collected while counting those of ${title}; they are more.`,
          ),
      ],
      data: rows,
      readme: markdown([...columns], cells),
    };
  },
};

/** All contestants are there all the time and take turns, so that a busy moment of the machine falls on none of them alone. */
async function load(
  keys: readonly Key[],
  place: Place,
  proxy: RunningProxy | undefined,
  backends: Backends,
  { smoke, progress }: Settings,
): Promise<Map<Key, Sample[]>> {
  const passes = smoke ? 1 : 3;
  const rounds = smoke ? 1 : 14;
  const samples = new Map(keys.map((key): [Key, Sample[]] => [key, []]));
  for (let pass = 1; pass <= passes; pass++) {
    const where = `pass ${pass} of ${passes}`;
    const processes = new Map<Key, ContestantProcess>();
    try {
      for (const key of keys) {
        progress(`${where}: warming up ${contestants[key].title}`);
        const pid = key === 'haproxy' && proxy !== undefined ? { proxyPid: proxy.pid } : {};
        const one = await openContestant({ ...place, ...pid, contestant: key });
        processes.set(key, one);
        await one.turn({ leadIn: 0, duration: smoke ? 20 : 1_500 });
      }
      for (let round = 0; round < rounds; round++) {
        progress(`${where}: round ${round + 1} of ${rounds}`);
        const turns = new Map<Key, Omit<Sample, 'floor'>>();
        for (let i = 0; i < keys.length; i++) {
          // Nobody always comes after the same one.
          const key = keys[(i + round) % keys.length]!;
          const before = await backends.answered();
          const turn = await processes
            .get(key)!
            .turn(smoke ? { leadIn: 5, duration: 25 } : { leadIn: 40, duration: 250 });
          const answered = (await backends.answered()).map(
            (requests, backend) => requests - before[backend]!,
          );
          turns.set(key, { ...turn, spread: Math.max(...answered) / Math.min(...answered) });
        }
        for (const [key, turn] of turns)
          samples.get(key)!.push({ ...turn, floor: turns.get(contestants[key].floor as Key)! });
      }
    } finally {
      for (const one of processes.values()) await one.close();
    }
  }
  return samples;
}

function of({ samples }: Row, value: (sample: Sample) => number): number {
  return median(samples.map(value));
}

function cpuText(row: Row): string {
  const own = of(row, ({ cpu }) => cpu).toFixed(1);
  return row.key === 'haproxy' ? `${own} + ${of(row, ({ proxyCpu }) => proxyCpu).toFixed(1)}` : own;
}

function aboveFloor({ allocated, floor }: Row, rows: readonly Row[]): number {
  return (
    (allocated?.bytes ?? Number.NaN) - (rows.find(({ key }) => key === floor)?.allocated?.bytes ?? Number.NaN)
  );
}

function bytesText(row: Row, rows: readonly Row[]): string {
  if (row.allocated === undefined) return '';
  const above = aboveFloor(row, rows);
  const all = row.allocated.bytes.toFixed(0);
  return row.key === row.floor ? all : `${all} (${above < 0 ? '' : '+'}${above.toFixed(0)})`;
}

function checksOf(row: Row, rows: readonly Row[]): { readonly text: string; readonly met: boolean }[] {
  const p50 = of(row, ({ p50, floor }) => p50 / floor.p50);
  if (row.key === 'dispatcher')
    return [
      { text: '≤ 1.05× p50', met: p50 <= 1.05 },
      { text: '≤ 1.15× CPU', met: of(row, ({ cpu, floor }) => cpu / floor.cpu) <= 1.15 },
      { text: '≤ 1 KiB', met: aboveFloor(row, rows) <= 1_024 },
    ];
  const ours = rows.find(({ key }) => key === 'dispatcher');
  if (row.key !== 'haproxy' || ours === undefined) return [];
  return [{ text: '≥ 1.5× p50 of ours', met: p50 / of(ours, (turn) => turn.p50 / turn.floor.p50) >= 1.5 }];
}
