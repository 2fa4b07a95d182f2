import { table } from '../bench/table.ts';
import type { CaseReport } from './report.ts';

const columns = ['', 'p50', 'p99', 'p99.9 ms', 'p99 ÷ base', 'failed', 'requests', 'work', 'herding'];

export const legend = `Times in ms. requests, work: the most a server got, or did, over the mean of all. herding: variance over mean of a
server's arrivals in short windows, where 0 is a metronome, 1 is chance and more is swarms.`;

/** A table of one case; the baseline's row comes first. */
export function caseTable({ results }: CaseReport): string {
  const base = results[0]!.result;
  return table(
    columns,
    results.map(({ contestant, result }) => [
      contestant,
      digits(result.p50),
      digits(result.p99),
      digits(result.p999),
      digits(result.p99 / base.p99),
      share(result.failed, result.requests),
      digits(result.requestImbalance),
      digits(result.utilisationImbalance),
      digits(result.herding),
    ]),
  );
}

/** Three digits that mean something. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '-';
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function share(part: number, whole: number): string {
  return part === 0 ? '0' : `${digits((100 * part) / whole)} %`;
}
