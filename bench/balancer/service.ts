import { type Benchmark, type Report, type Settings, verdict } from '../benchmark.ts';
import { inChild } from '../child.ts';
import { inPasses } from '../passes.ts';
import { median } from '../statistics.ts';
import { markdown } from '../table.ts';
import { caseOf, plainCases } from './cases.ts';
import type { Task, Timed } from './service-measure.ts';
import { bytesText, type Counted, isNothing, largeYoungSpace, scavengeNotes } from './timing.ts';

interface Row {
  readonly label: string;
  readonly size: number;
  readonly timed: readonly Timed[];
  /** Of the service with availability. */
  readonly counted: Counted | undefined;
}

/** pick() through the public API, with availability off and on. */
export const service: Benchmark = {
  name: 'service',
  about: 'service.pick(), with ejection, priorities and slow start off and on',
  async run(settings) {
    const rows = await measure('pick', [10, 100, 1_000], settings);
    return {
      title: 'service.pick() over fixed(…)',
      columns: [
        'strategy',
        'n',
        'bare ns',
        'ns',
        'on ns',
        '× bare',
        'on / off',
        'on × bare',
        'bytes',
        'target',
      ],
      rows: rows.map((row) => {
        const toBare = of(row, ({ plain, bare }) => plain / bare);
        const onOff = of(row, ({ plain, guarded }) => guarded / plain);
        return [
          row.label,
          String(row.size),
          of(row, ({ bare }) => bare).toFixed(2),
          of(row, ({ plain }) => plain).toFixed(2),
          of(row, ({ guarded }) => guarded).toFixed(2),
          toBare.toFixed(2),
          onOff.toFixed(2),
          of(row, ({ guarded, bare }) => guarded / bare).toFixed(2),
          row.counted === undefined ? '' : bytesText(row.counted),
          settings.smoke
            ? ''
            : verdict([
                { text: '≤ 2× bare', met: toBare <= 2 },
                { text: 'on ≤ 1.3×', met: onOff <= 1.3 },
                ...(row.counted ? [{ text: '0 bytes', met: isNothing(row.counted) }] : []),
              ]),
        ];
      }),
      notes: [
        '"on": outlier ejection, priorities (a tenth of the endpoints waits in a second group) and slow start, nothing ejected now;',
        '"on / off": beside the same service without them. The bytes are those of the service with all of it.',
        ...scavengeNotes(rows.flatMap(({ counted }) => counted ?? [])),
      ],
      data: rows,
      readme: markdown(
        ['service.pick(), n = 1\u00a0000', 'off', 'off, × bare', 'on / off', 'bytes'],
        large(rows).map((row) => [
          row.label,
          `${of(row, ({ plain }) => plain).toFixed(1)} ns`,
          of(row, ({ plain, bare }) => plain / bare).toFixed(2),
          of(row, ({ plain, guarded }) => guarded / plain).toFixed(2),
          row.counted === undefined ? '' : bytesText(row.counted),
        ]),
      ),
    } satisfies Report;
  },
};

/** What a request costs that is counted in flight. */
export const lease: Benchmark = {
  name: 'lease',
  about: 'service.acquire() and release(), with availability off and on',
  async run(settings) {
    const rows = await measure('lease', [10, 1_000], settings);
    return {
      title: 'service.acquire() + release()',
      columns: ['strategy', 'n', 'pick ns', 'lease ns', 'above pick', 'on ns', 'on / off', 'bytes', 'target'],
      rows: rows.map((row) => {
        const above = of(row, ({ plain, pick = Number.NaN }) => plain - pick);
        const timed = caseOf(row.label).strategy === 'peak-ewma';
        return [
          row.label,
          String(row.size),
          of(row, ({ pick = Number.NaN }) => pick).toFixed(2),
          of(row, ({ plain }) => plain).toFixed(2),
          above.toFixed(1),
          of(row, ({ guarded }) => guarded).toFixed(2),
          of(row, ({ plain, guarded }) => guarded / plain).toFixed(2),
          row.counted === undefined ? '' : bytesText(row.counted),
          settings.smoke
            ? ''
            : verdict([
                ...(timed ? [] : [{ text: '≤ 60 ns above', met: above <= 60 }]),
                ...(row.counted ? [{ text: '≤ 150 bytes', met: row.counted.bytes <= 150 }] : []),
              ]),
        ];
      }),
      notes: [
        '"above pick": beside service.pick() of the same service. peak-ewma reads the clock twice per lease, the others never.',
        ...scavengeNotes(rows.flatMap(({ counted }) => counted ?? [])),
      ],
      data: rows,
      readme: markdown(
        ['acquire() + release(), n = 1\u00a0000', 'off', 'above pick()', 'on', 'bytes'],
        large(rows).map((row) => [
          row.label,
          `${of(row, ({ plain }) => plain).toFixed(0)} ns`,
          `${of(row, ({ plain, pick = Number.NaN }) => plain - pick).toFixed(0)} ns`,
          `${of(row, ({ guarded }) => guarded).toFixed(0)} ns`,
          row.counted === undefined ? '' : bytesText(row.counted),
        ]),
      ),
    } satisfies Report;
  },
};

async function measure(call: Task['call'], sizes: readonly number[], settings: Settings): Promise<Row[]> {
  const { smoke } = settings;
  const states = plainCases.filter((_, i) => !smoke || i % 3 === (call === 'pick' ? 0 : 1));
  const shapes = states.flatMap(({ label }) => (smoke ? [10] : sizes).map((size) => ({ label, size })));
  const child = new URL('./service-measure.js', import.meta.url);
  const task = ({ label, size }: (typeof shapes)[number], what: Task['measure']): Task => ({
    ours: label,
    size,
    call,
    // A lease is weighed without what availability adds to it; a pick must weigh nothing either way.
    guarded: call === 'pick',
    measure: what,
    smoke,
  });
  const describe = ({ label, size }: (typeof shapes)[number]) => `${label}, n = ${size}`;
  const timed = await inPasses(shapes, 2, settings, describe, (shape) =>
    inChild<Timed>(child, task(shape, 'time')),
  );
  const counted = await inPasses(
    smoke ? shapes.slice(0, 1) : shapes.filter(({ size }) => size === 1_000),
    1,
    settings,
    (shape) => `bytes: ${describe(shape)}`,
    async (shape) => ({
      label: shape.label,
      size: shape.size,
      counted: await inChild<Counted>(child, task(shape, 'bytes'), largeYoungSpace),
    }),
  );
  return shapes.map((shape, i) => ({
    ...shape,
    timed: timed[i]!,
    counted: counted.flat().find(({ label, size }) => label === shape.label && size === shape.size)?.counted,
  }));
}

function large(rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ size }) => size === 1_000);
}

function of({ timed }: Row, value: (timed: Timed) => number): number {
  return median(timed.map(value));
}
