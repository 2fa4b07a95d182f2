import type { Benchmark, Report } from '../benchmark.ts';
import { inChild } from '../child.ts';
import { inPasses } from '../passes.ts';
import { median } from '../statistics.ts';
import { markdown, spaced } from '../table.ts';
import { cases } from './cases.ts';
import type { Churned, Task } from './churn-measure.ts';

const sizes = [3, 10, 100, 1_000, 10_000];

/** Each strategy while requests begin and end, and while the list changes. */
export const churn: Benchmark = {
  name: 'churn',
  about: 'requests that begin and end, and lists that change, over n',
  async run(settings) {
    const { smoke } = settings;
    // Where requests are under way, all of them are busy.
    const states = cases.filter(({ busy }, i) => !busy && (!smoke || i % 4 === 0));
    const shapes = states.flatMap(({ label }) => (smoke ? [10] : sizes).map((size) => ({ label, size })));
    const results = await inPasses(
      shapes,
      2,
      settings,
      ({ label, size }) => `${label}, n = ${size}`,
      ({ label, size }) =>
        inChild<Churned>(new URL('./churn-measure.js', import.meta.url), {
          ours: label,
          size,
          smoke,
        } satisfies Task),
    );
    const rows = shapes.map((shape, i) => {
      const of = (value: (churned: Churned) => number) => median(results[i]!.map(value));
      return {
        ...shape,
        turnover: of(({ turnover }) => turnover),
        above: of(({ turnover, floorTurnover }) => turnover - floorTurnover),
        toFloor: of(({ turnover, floorTurnover }) => turnover / floorTurnover),
        steady: of(({ steady }) => steady),
        after: of(({ after }) => after),
        update: of(({ update }) => update),
      };
    });
    return {
      title: 'a request ends and the next one begins (finished, pick, started); an endpoint leaves or comes',
      columns: [
        'strategy',
        'n',
        'turn ns',
        'above floor',
        '× floor',
        'pick ns',
        'after update',
        'update µs',
        'amortized ns',
      ],
      rows: rows.map(({ label, size, turnover, above, toFloor, steady, after, update }) => [
        label,
        String(size),
        turnover.toFixed(1),
        above.toFixed(1),
        toFloor.toFixed(2),
        steady.toFixed(2),
        after.toFixed(2),
        update.toFixed(1),
        (after + update).toFixed(1),
      ]),
      notes: [
        '"turn": 1…2 requests per endpoint are under way; each turn ends one by chance and begins another. The floor does the same bookkeeping.',
        '"after update": a pick in the 1 000 picks after an endpoint left or came; "pick": in the 1 000 picks after those; "amortized": one update every',
        "1 000 picks, its cost shared out. The update of the list itself (reconcile) is the service's and not in it.",
      ],
      data: rows,
      readme: markdown(
        ['ends + begins, ns', ...sizes.map((size) => `n = ${spaced(size)}`), 'update, n = 1\u00a0000'],
        states.map(({ label }) => {
          const at = (size: number) => rows.find((row) => row.label === label && row.size === size);
          const cells = sizes.map((size) => spaced(at(size)?.turnover ?? Number.NaN));
          return [label, ...cells, `${spaced(at(1_000)?.update ?? Number.NaN)} µs`];
        }),
      ),
    } satisfies Report;
  },
};
