import { type Benchmark, type Report, type Settings, verdict } from '../benchmark.ts';
import { inChild } from '../child.ts';
import { type Pair, pairs } from '../contenders/index.ts';
import { inPasses } from '../passes.ts';
import { median } from '../statistics.ts';
import { markdown, spaced } from '../table.ts';
import { curves } from './curves.ts';
import type { Task, Timed } from './measure.ts';
import { bytesText, type Counted, largeYoungSpace, scavengeNotes } from './timing.ts';

const sizes = [3, 10, 100, 1_000, 10_000];
/** Where a verdict is given; the other sizes are for the curves, and measured once. */
const judged = [100, 1_000];

interface Row {
  readonly label: string;
  readonly ours: string;
  readonly size: number;
  readonly floor: number;
  readonly own: number;
  readonly theirs: number;
  /** theirs / ours: the median of the ratios within one process. */
  readonly times: number;
  /** The peer's. */
  readonly counted: Counted | undefined;
}

/** Each peer beside our strategy that means the same. */
export const contenders: Benchmark = {
  name: 'contenders',
  about: 'the peers beside our strategy that means the same, over n',
  async run(settings) {
    const rows = await measure(settings);
    const shown = settings.smoke ? rows : rows.filter(({ size }) => judged.includes(size));
    return {
      title: 'peers at equal semantics',
      columns: ['peer', 'ours', 'n', 'ours ns', 'theirs ns', 'theirs / ours', 'their bytes', 'target'],
      rows: shown.map(({ label, ours, size, own, theirs, times, counted }) => [
        label,
        ours,
        String(size),
        own.toFixed(2),
        theirs.toFixed(2),
        times.toFixed(times < 10 ? 2 : 0),
        counted === undefined ? '' : bytesText(counted),
        settings.smoke ? '' : judge(times),
      ]),
      notes: [
        'Both and the floor by turns in one process: the tenth of the rounds that was least disturbed; medians over processes.',
        ...scavengeNotes(rows.flatMap(({ counted }) => counted ?? [])),
      ],
      data: rows,
      readme: readme(rows),
      charts: [
        {
          file: 'contenders.svg',
          svg: curves('One choice of the peers by the size of the list', [
            {
              name: 'floor',
              points: line(
                rows,
                () => true,
                ({ floor }) => floor,
              ),
              dashed: true,
            },
            {
              name: 'ours: weighted-round-robin, unequal',
              points: line(
                rows,
                ({ ours }) => ours === 'weighted-round-robin, unequal',
                ({ own }) => own,
              ),
              dashed: true,
            },
            ...[...new Set(rows.map(({ label }) => label))].map((name) => ({
              name,
              points: line(
                rows,
                ({ label }) => label === name,
                ({ theirs }) => theirs,
              ),
            })),
          ]),
        },
      ],
    } satisfies Report;
  },
};

/** Within a twentieth nobody is faster: runs differ by as much. */
function judge(times: number): string {
  return times > 0.95 && times < 1.05 ? 'as fast' : verdict([{ text: 'faster', met: times > 1 }]);
}

function line(
  rows: readonly Row[],
  chosen: (row: Row) => boolean,
  value: (row: Row) => number,
): (readonly [number, number])[] {
  return sizes.flatMap((size) => {
    const own = rows.filter((row) => row.size === size && chosen(row));
    return own.length === 0 ? [] : [[size, median(own.map(value))] as const];
  });
}

async function measure(settings: Settings): Promise<Row[]> {
  const shapes = pairs.flatMap((pair) =>
    (settings.smoke ? [10] : sizes).map((size) => ({ pair, size, passes: judged.includes(size) ? 3 : 1 })),
  );
  const describe = ({ pair, size }: { pair: Pair; size: number }) =>
    `${pair.label} beside ${pair.ours}, n = ${size}`;
  const child = new URL('./measure.js', import.meta.url);
  const task = ({ pair, size }: { pair: Pair; size: number }, what: Task['measure']): Task => ({
    ours: pair.ours,
    pair: pairs.indexOf(pair),
    size,
    measure: what,
    smoke: settings.smoke,
  });
  const run = (shape: (typeof shapes)[number]) => inChild<Timed>(child, task(shape, 'time'));
  const often = shapes.filter(({ passes }) => passes > 1);
  const once = shapes.filter(({ passes }) => passes === 1);
  const timed = new Map<(typeof shapes)[number], Timed[]>();
  for (const [chosen, passes] of [
    [often, 3],
    [once, 1],
  ] as const) {
    const results = await inPasses(chosen, passes, settings, describe, run);
    for (const [i, shape] of chosen.entries()) timed.set(shape, results[i]!);
  }
  const weighed = settings.smoke ? [] : shapes.filter(({ size }) => size === 100);
  const counted = await inPasses(
    weighed,
    1,
    settings,
    (shape) => `bytes: ${describe(shape)}`,
    (shape) => inChild<Counted>(child, task(shape, 'bytes'), largeYoungSpace),
  );
  return shapes.map((shape) => {
    const runs = timed.get(shape)!;
    return {
      label: shape.pair.label,
      ours: shape.pair.counted ? `${shape.pair.ours}, counted` : shape.pair.ours,
      size: shape.size,
      floor: median(runs.map(({ floor }) => floor)),
      own: median(runs.map(({ ours }) => ours)),
      theirs: median(runs.map(({ theirs = Number.NaN }) => theirs)),
      times: median(runs.map(({ ours, theirs = Number.NaN }) => theirs / ours)),
      counted: counted[weighed.indexOf(shape)]?.[0],
    };
  });
}

function readme(rows: readonly Row[]): string {
  const at = ({ label, ours }: Row, size: number) =>
    rows.find((row) => row.label === label && row.ours === ours && row.size === size);
  const cells = (row: Row | undefined) =>
    row === undefined
      ? ['', '', '']
      : [`${spaced(row.own)} ns`, `${spaced(row.theirs)} ns`, `${spaced(row.times)} ×`];
  return markdown(
    [
      'peer',
      'ours',
      'n = 100: ours',
      'theirs',
      'theirs / ours',
      'n = 1\u00a0000: ours',
      'theirs',
      'theirs / ours',
    ],
    rows
      .filter(({ size }) => size === 100)
      .map((row) => [row.label, row.ours, ...cells(row), ...cells(at(row, 1_000))]),
  );
}
