import { type Benchmark, type Report, type Settings, verdict } from '../benchmark.ts';
import { inChild } from '../child.ts';
import { inPasses } from '../passes.ts';
import { median } from '../statistics.ts';
import { markdown, spaced } from '../table.ts';
import { type Case, caseOf, cases } from './cases.ts';
import { curves } from './curves.ts';
import type { Task, Timed } from './measure.ts';
import { bytesText, type Counted, isNothing, largeYoungSpace, scavengeNotes } from './timing.ts';

const sizes = [3, 10, 100, 1_000, 10_000];

/** Busy ones lie on the others. */
const drawn = cases.filter(({ busy }) => !busy).map(({ label }) => label);

interface Row {
  /** A case's, or `floor`. */
  readonly label: string;
  readonly size: number;
  readonly floor: number;
  readonly ns: number;
  readonly hash: number | undefined;
  /** Without the hash of the key. Medians of ratios within one process. */
  readonly toFloor: number;
  readonly counted: Counted | undefined;
}

/** pick() of each strategy beside an array with a cursor. */
export const pick: Benchmark = {
  name: 'pick',
  about: 'balancer.pick() of each strategy beside the floor, over n',
  async run(settings) {
    const rows = await measure(settings);
    const at = (label: string, size: number) =>
      rows.find((row) => row.label === label && row.size === size)?.ns ?? Number.NaN;
    return {
      title: 'pick()',
      columns: ['strategy', 'n', 'ns', 'floor ns', '× floor', '× n=10', 'bytes', 'target'],
      rows: rows.map((row) => [
        row.label,
        String(row.size),
        row.ns.toFixed(2),
        row.floor.toFixed(2),
        row.toFloor.toFixed(2),
        (row.ns / at(row.label, 10)).toFixed(2),
        row.counted === undefined ? '' : bytesText(row.counted),
        row.label === 'floor' || settings.smoke ? '' : verdict(targets(row, row.ns / at(row.label, 10))),
      ]),
      notes: [
        'ns per pick in the tenth of the rounds that was least disturbed, medians over processes; "× floor" pairs both within one process.',
        ...hashNotes(rows),
        ...scavengeNotes(rows.flatMap(({ counted }) => counted ?? [])),
      ],
      data: rows,
      readme: readme(rows),
      charts: [
        {
          file: 'strategies.svg',
          svg: curves(
            'One pick() by the size of the list',
            ['floor', ...drawn].map((name) => ({
              name,
              points: sizes.map((size) => [size, at(name, size)] as const),
              dashed: name === 'floor',
            })),
          ),
        },
      ],
    } satisfies Report;
  },
};

async function measure(settings: Settings): Promise<Row[]> {
  const labels = ['floor', ...cases.map(({ label }) => label)];
  const shapes = labels.flatMap((label) => (settings.smoke ? [10] : sizes).map((size) => ({ label, size })));
  const describe = ({ label, size }: (typeof shapes)[number]) => `${label}, n = ${size}`;
  const child = new URL('./measure.js', import.meta.url);
  const task = ({ label, size }: (typeof shapes)[number], what: Task['measure']): Task => ({
    ours: label === 'floor' ? undefined : label,
    pair: undefined,
    size,
    measure: what,
    smoke: settings.smoke,
  });
  const timed = await inPasses(shapes, 3, settings, describe, (shape) =>
    inChild<Timed>(child, task(shape, 'time')),
  );
  const weighed = settings.smoke ? shapes.slice(0, 3) : shapes;
  const counted = await inPasses(
    weighed,
    1,
    settings,
    (shape) => `bytes: ${describe(shape)}`,
    (shape) => inChild<Counted>(child, task(shape, 'bytes'), largeYoungSpace),
  );
  return shapes.map((shape, i) => ({
    ...shape,
    floor: median(timed[i]!.map(({ floor }) => floor)),
    ns: median(timed[i]!.map(({ ours }) => ours)),
    hash: timed[i]![0]!.hash === undefined ? undefined : median(timed[i]!.map(({ hash = 0 }) => hash)),
    toFloor: median(timed[i]!.map(({ floor, ours, hash = 0 }) => (ours - hash) / floor)),
    counted: counted[i]?.[0],
  }));
}

function targets(
  { label, size, toFloor, counted }: Row,
  toTen: number,
): { readonly text: string; readonly met: boolean }[] {
  const most = mostOf(caseOf(label));
  return [
    { text: `≤ ${most}×`, met: toFloor <= most },
    ...(size === 10_000 && most <= 5 ? [{ text: 'flat ≤ 2.5×', met: toTen <= 2.5 }] : []),
    ...(counted === undefined ? [] : [{ text: '0 bytes', met: isNothing(counted) }]),
  ];
}

function mostOf({ strategy, unequal = false }: Case): number {
  if (strategy === 'round-robin') return 1.5;
  return strategy === 'weighted-round-robin' && unequal ? 20 : 5;
}

function hashNotes(rows: readonly Row[]): string[] {
  const hashes = rows.flatMap(({ hash }) => hash ?? []);
  if (hashes.length === 0) return [];
  return [
    `consistent-hash: "ns" with the hash of the key (${median(hashes).toFixed(1)} ns for 11 characters), "× floor" without it.`,
  ];
}

function readme(rows: readonly Row[]): string {
  const measured = sizes.filter((size) => rows.some((row) => row.size === size));
  return markdown(
    ['pick()', ...measured.map((size) => `n = ${spaced(size)}`), 'bytes'],
    [...new Set(rows.map(({ label }) => label))].map((label) => {
      const own = measured.map((size) => rows.find((row) => row.label === label && row.size === size)!);
      const most = own.flatMap(({ counted }) => counted ?? []).toSorted((a, b) => b.bytes - a.bytes)[0];
      return [
        label,
        ...own.map(({ ns, toFloor }) =>
          label === 'floor' ? `${ns.toFixed(1)} ns` : `${toFloor.toFixed(1)} ×`,
        ),
        most === undefined ? '' : bytesText(most),
      ];
    }),
  );
}
