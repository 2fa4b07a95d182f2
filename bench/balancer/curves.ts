import { lineChart, type Series } from '../../charts/line-chart.ts';

/** ns over n, both by powers of ten. */
export function curves(title: string, series: readonly Series[]): string {
  return lineChart({
    title,
    xLabel: 'endpoints',
    yLabel: 'ns per pick',
    x: 'log',
    y: 'log',
    series: series.filter(({ points }) => points.some(([, y]) => Number.isFinite(y))),
  });
}
