import { type Benchmark, type Report, verdict } from '../benchmark.ts';
import { inChild } from '../child.ts';
import { inPasses } from '../passes.ts';
import { median } from '../statistics.ts';
import { markdown } from '../table.ts';
import { cases } from './cases.ts';
import type { Task, Updated } from './update-measure.ts';

const changes = ['one leaves or comes', 'one weight'] as const;
const size = 1_000;

/** update() with a list that differs in one endpoint. */
export const update: Benchmark = {
  name: 'update',
  about: 'balancer.update() of 1 000 endpoints, one of them changed',
  async run(settings) {
    const { smoke } = settings;
    const states = cases.filter(({ busy }, i) => !busy && (!smoke || i % 4 === 2));
    const shapes = states.flatMap(({ label }) =>
      (smoke ? changes.slice(0, 1) : changes).map((change) => ({ label, change })),
    );
    const results = await inPasses(
      shapes,
      3,
      settings,
      ({ label, change }) => `${label}, ${change}`,
      ({ label, change }) =>
        inChild<Updated>(new URL('./update-measure.js', import.meta.url), {
          ours: label,
          size,
          change,
          smoke,
        } satisfies Task),
    );
    const rows = shapes.map((shape, i) => {
      const of = (value: (updated: Updated) => number) => median(results[i]!.map(value));
      return {
        ...shape,
        early: of(({ early }) => early),
        median: of((updated) => updated.median),
        p95: of(({ p95 }) => p95),
        reconcile: of((updated) => updated.reconcile),
        laterLongest: of(({ later }) => later.longest),
        laterTotal: of(({ later }) => later.total),
      };
    });
    return {
      title: `update() of ${size} endpoints, one changed, ms`,
      columns: [
        'strategy',
        'change',
        'early',
        'median',
        'p95',
        'reconcile',
        'later',
        'longest slice',
        'target',
      ],
      rows: rows.map((row) => [
        row.label,
        row.change,
        row.early.toFixed(3),
        row.median.toFixed(3),
        row.p95.toFixed(3),
        row.reconcile.toFixed(3),
        row.laterTotal.toFixed(3),
        row.laterLongest.toFixed(3),
        smoke
          ? ''
          : verdict([
              { text: '≤ 1 ms', met: row.median <= 1 },
              ...(row.laterTotal > 0 ? [{ text: 'slices ≤ 5 ms', met: row.laterLongest <= 5 }] : []),
            ]),
      ]),
      notes: [
        '"early": the first five of a process, in code that is not compiled yet; "reconcile": making the snapshot, the same for all.',
        '"later": what is done in later turns of the event loop, and the longest of them.',
      ],
      data: rows,
      readme: markdown(
        ['update(), n = 1\u00a0000', ...changes, 'first ones', 'later', 'longest slice'],
        states.map(({ label }) => {
          const own = rows.filter((row) => row.label === label);
          const most = (value: (row: (typeof rows)[number]) => number) =>
            `${Math.max(...own.map(value)).toFixed(2)} ms`;
          return [
            label,
            ...own.map((row) => `${row.median.toFixed(3)} ms`),
            most(({ early }) => early),
            ...(own.some(({ laterTotal }) => laterTotal > 0)
              ? [most(({ laterTotal }) => laterTotal), most(({ laterLongest }) => laterLongest)]
              : ['', '']),
          ];
        }),
      ),
    } satisfies Report;
  },
};
