import { dotChart } from '../charts/dot-chart.ts';
import { lineChart, type Series } from '../charts/line-chart.ts';
import { baseline, distinct } from './contestants.ts';
import type { CaseReport, ContestantReport, ScenarioReport } from './report.ts';
import type { Result } from './simulate.ts';

export interface Plot {
  readonly file: string;
  readonly svg: string;
}

/** What is drawn of a scenario. */
export function plots(report: ScenarioReport): Plot[] {
  return drawings[report.name]?.(report) ?? [];
}

const drawings: Readonly<Record<string, (report: ScenarioReport) => Plot[]>> = {
  heterogeneous: ({ cases }) =>
    cases
      .slice(-2)
      .map((one, i) =>
        times(`heterogeneous-${i === 0 ? 'no-weights' : 'weights'}`, one, 'Servers of speed 1, 2 and 4'),
      ),
  'slow-server': ({ cases }) => {
    const single = cases.filter(({ clients }) => clients === 1);
    return [
      lines(
        'slow-server-load',
        'One of ten servers 20 × slower, 1 client',
        'load',
        'log',
        single,
        ({ load }) => load,
      ),
      lines(
        'slow-server-clients',
        'One of ten servers 20 × slower, load 0.4',
        'clients',
        'log',
        cases.filter(({ load }) => load === 0.4),
        ({ clients }) => clients,
      ),
    ];
  },
  'fast-failing': ({ cases: [single] }) => [failures('fast-failing', single!)],
  bursts: ({ cases: [single] }) => [times('bursts', single!, 'Bursts above what the servers can do')],
  'long-polls': ({ cases: [, unequal] }) => [
    times('long-polls', unequal!, 'Short requests among long polls'),
  ],
  'scale-out': ({ cases: [, cold] }) => [
    overTime('scale-out-share', cold!, 'shares', 'share of the three newcomers', 'linear'),
    overTime('scale-out-p99', cold!, 'p99', 'p99 in ms', 'log'),
  ],
  fleet: ({ cases }) => [
    lines(
      'fleet-clients',
      '100 equal servers, load 0.8',
      'clients',
      'log',
      cases.filter(({ endpoints }) => endpoints === 100),
      ({ clients }) => clients,
    ),
    lines(
      'fleet-endpoints',
      '100 clients, load 0.8',
      'servers',
      'log',
      cases.filter(({ clients }) => clients === 100),
      ({ endpoints }) => endpoints,
    ),
  ],
};

function times(name: string, { name: what, results }: CaseReport, title: string): Plot {
  return {
    file: `${name}.svg`,
    svg: dotChart({
      title: `${title}: ${what}`,
      xLabel: "ms; the dashed line is the baseline's p99",
      x: 'log',
      series: ['p50', 'p99', 'p99.9'],
      reference: results[0]!.result.p99,
      rows: results.map(({ contestant, result: { p50, p99, p999 } }) => ({
        name: contestant,
        values: [p50, p99, p999],
      })),
    }),
  };
}

/** The p99 of each contestant over what the cases differ by. */
function lines(
  name: string,
  title: string,
  xLabel: string,
  x: 'linear' | 'log',
  cases: readonly CaseReport[],
  value: (one: CaseReport) => number,
): Plot {
  const series = cases[0]!.results.flatMap(({ contestant }, i): Series[] => {
    if (!distinct.includes(contestant)) return [];
    const points = cases.map((one): [number, number] => [value(one), one.results[i]!.result.p99]);
    return [{ name: contestant, dashed: contestant === baseline.name, points }];
  });
  return { file: `${name}.svg`, svg: lineChart({ title, xLabel, yLabel: 'p99 in ms', x, y: 'log', series }) };
}

/** On a log axis, where no failure at all has no place. */
const leastShown = 0.001;

function failures(name: string, { name: what, results }: CaseReport): Plot {
  const kinds = ['', ' + retry', ' + ejection + retry'];
  const found = new Map(results.map(({ contestant, result }) => [contestant, result]));
  const percent = (result: Result | undefined) =>
    result === undefined ? Number.NaN : Math.max(leastShown, (100 * result.failed) / result.requests);
  return {
    file: `${name}.svg`,
    svg: dotChart({
      title: `One of ten servers fails at once: ${what}`,
      xLabel: `failed requests in %; none is drawn at ${leastShown}; the dashed line is 0.1 %`,
      x: 'log',
      series: ['bare', 'one retry', 'ejection and one retry'],
      reference: 0.1,
      rows: results
        .filter(({ contestant }) => !contestant.includes(' + '))
        .map(({ contestant }) => ({
          name: contestant,
          values: kinds.map((kind) => percent(found.get(`${contestant}${kind}`))),
        })),
    }),
  };
}

function overTime(
  name: string,
  { name: what, results }: CaseReport,
  which: 'shares' | 'p99',
  yLabel: string,
  y: 'linear' | 'log',
): Plot {
  const shown = results.filter(({ contestant }: ContestantReport) => shownOverTime.includes(contestant));
  const series = shown.map(({ contestant, timelines }) => ({
    name: contestant,
    dashed: contestant === baseline.name,
    points: timelines![which],
  }));
  return {
    file: `${name}.svg`,
    svg: lineChart({ title: `3 servers become 6: ${what}`, xLabel: 's', yLabel, x: 'linear', y, series }),
  };
}

/** More lines than these cannot be told apart. */
const shownOverTime = [
  baseline.name,
  'round-robin',
  'weighted-round-robin + slow start',
  'least-in-flight',
  'least-in-flight + slow start',
  'power-of-two-choices',
  'peak-ewma',
  'peak-ewma + slow start',
];
