import { type Benchmark, type Report, type Settings, verdict } from '../benchmark.ts';
import { inChild } from '../child.ts';
import { median } from '../statistics.ts';
import type { StrategyName } from './fleet.ts';
import type { Contender, Counted, Task, Timed } from './measure.ts';

const sizes = [3, 10, 100, 1_000, 10_000];
const strategies: readonly StrategyName[] = ['round-robin', 'least-used', 'fastest'];
/** Less per pick is not told from what the measuring itself allocates. */
const noBytes = 0.05;
/** A young generation that 10⁶ picks of a wasteful contender do not fill. */
const largeYoungSpace = ['--min-semi-space-size=512', '--max-semi-space-size=512', '--expose-gc'];

interface Row {
  readonly contender: Contender;
  readonly size: number;
  readonly timed: readonly Timed[];
  readonly counted: Counted;
}

/** pick() of each strategy beside an array with a cursor and beside sorting on every call. */
export const pick: Benchmark = {
  name: 'pick',
  about: 'balancer.pick() beside the floor and sorted counters',
  async run(settings) {
    const contenders: readonly Contender[] = ['floor', ...strategies, 'sorted-counters'];
    const rows = await measureAll(contenders, false, settings);
    const at = (contender: Contender, size: number) =>
      nanoseconds(rows.find((row) => row.contender === contender && row.size === size)!, 'bare');
    return {
      title: 'pick()',
      columns: ['strategy', 'n', 'ns', 'floor ns', '× floor', '× n=10', 'bytes', 'target'],
      rows: rows.map((row) => {
        const { contender, size, counted } = row;
        const toFloor = ratio(row, 'bare', 'floor');
        const toTen = at(contender, size) / at(contender, 10);
        const ours = contender !== 'floor' && contender !== 'sorted-counters';
        const most = contender === 'round-robin' ? 1.5 : 5;
        const flat = size === 10_000 && contender !== 'round-robin';
        const checks = [
          { text: `≤ ${most}×`, met: toFloor <= most },
          ...(flat ? [{ text: 'flat ≤ 2.5×', met: toTen <= 2.5 }] : []),
          { text: '0 bytes', met: isNothing(counted) },
        ];
        return [
          contender,
          String(size),
          at(contender, size).toFixed(2),
          nanoseconds(row, 'floor').toFixed(2),
          toFloor.toFixed(2),
          toTen.toFixed(2),
          bytesText(counted),
          ours && !settings.smoke ? verdict(checks) : '',
        ];
      }),
      notes: [
        'ns per pick, medians over processes of medians over rounds; "× floor" pairs both within one process.',
        ...scavengeNotes(rows),
      ],
      data: rows,
    } satisfies Report;
  },
};

/** The same through the public API. */
export const service: Benchmark = {
  name: 'service',
  about: 'service.pick() through the public API beside the bare balancer',
  async run(settings) {
    const rows = await measureAll(strategies, true, settings);
    return {
      title: 'service.pick() over fixed(…)',
      columns: ['strategy', 'n', 'ns', 'bare ns', 'floor ns', '× bare', '× floor', 'bytes', 'target'],
      rows: rows.map((row) => {
        const toBare = ratio(row, 'service', 'bare');
        return [
          row.contender,
          String(row.size),
          nanoseconds(row, 'service').toFixed(2),
          nanoseconds(row, 'bare').toFixed(2),
          nanoseconds(row, 'floor').toFixed(2),
          toBare.toFixed(2),
          ratio(row, 'service', 'floor').toFixed(2),
          bytesText(row.counted),
          settings.smoke
            ? ''
            : verdict([
                { text: '≤ 2× bare', met: toBare <= 2 },
                { text: '0 bytes', met: isNothing(row.counted) },
              ]),
        ];
      }),
      notes: scavengeNotes(rows),
      data: rows,
    } satisfies Report;
  },
};

/** The passes go over everything, so that a busy minute of the machine does not fall on one row alone. */
async function measureAll(
  contenders: readonly Contender[],
  throughService: boolean,
  { smoke, progress }: Settings,
): Promise<Row[]> {
  const shapes = contenders.flatMap((contender) =>
    (smoke ? [10] : sizes).map((size) => ({ contender, size, timed: [] as Timed[] })),
  );
  const child = new URL('./measure.js', import.meta.url);
  const passes = smoke ? 1 : 5;
  for (let pass = 1; pass <= passes; pass++) {
    for (const { contender, size, timed } of shapes) {
      progress(`pass ${pass} of ${passes}: ${contender}, n = ${size}`);
      const task: Task = { contender, size, throughService, measure: 'time', smoke };
      timed.push(await inChild<Timed>(child, task));
    }
  }
  const rows: Row[] = [];
  for (const shape of shapes) {
    const { contender, size } = shape;
    progress(`bytes: ${contender}, n = ${size}`);
    const task: Task = { contender, size, throughService, measure: 'bytes', smoke };
    rows.push({ ...shape, counted: await inChild<Counted>(child, task, largeYoungSpace) });
  }
  return rows;
}

function nanoseconds({ timed }: Row, what: keyof Timed): number {
  return median(timed.map((times) => times[what] ?? Number.NaN));
}

function ratio({ timed }: Row, what: keyof Timed, to: keyof Timed): number {
  return median(timed.map((times) => (times[what] ?? Number.NaN) / (times[to] ?? Number.NaN)));
}

function isNothing({ bytes, scavenges }: Counted): boolean {
  return bytes < noBytes && scavenges === 0;
}

function bytesText({ bytes, scavenges }: Counted): string {
  return `${scavenges > 0 ? '> ' : ''}${bytes < noBytes ? '0' : bytes.toFixed(1)}`;
}

function scavengeNotes(rows: readonly Row[]): string[] {
  const collected = rows.reduce((sum, { counted }) => sum + counted.scavenges, 0);
  return [
    collected === 0
      ? 'bytes: heap growth per pick over up to 10⁶ picks, 0 garbage collections meanwhile.'
      : `bytes: garbage was collected ${collected} times while counting; those figures are marked ">".`,
  ];
}
