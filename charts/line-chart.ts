import { drawHorizontal, drawVertical, horizontal, legend, vertical } from './frame.ts';
import type { ScaleKind } from './scale.ts';
import { colourOf, drawing, marker, path } from './svg.ts';

export interface Series {
  readonly name: string;
  /** In the order they are joined; a line breaks where a value is not finite. */
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly dashed?: boolean;
}

export interface LineChartOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly x: ScaleKind;
  readonly y: ScaleKind;
  readonly series: readonly Series[];
  /** Pixels. Default 760 × 420. */
  readonly width?: number;
  readonly height?: number;
}

/** Lines as SVG text: the same text for the same data, readable on light and on dark pages. */
export function lineChart(options: LineChartOptions): string {
  const { title, xLabel, yLabel, series, width = 760, height = 420 } = options;
  const names = legend(
    series.map(({ name, dashed = false }) => ({ name, dashed, line: true })),
    width,
  );
  const area = { left: 76, top: 36, right: width - 24, bottom: height - 50 - names.height };
  const points = series.flatMap(({ points }) => points).filter((point) => point.every(Number.isFinite));
  const x = horizontal(
    area,
    options.x,
    points.map(([value]) => value),
  );
  const y = vertical(
    area,
    options.y,
    points.map(([, value]) => value),
    { fromZero: true, whole: true },
  );
  return drawing(title, width, height, [
    ...drawHorizontal(area, x, xLabel),
    ...drawVertical(area, y, yLabel),
    ...series.flatMap(({ points, dashed }, i) => {
      const places = points.map((point) =>
        point.every(Number.isFinite) ? ([x.at(point[0]), y.at(point[1])] as const) : undefined,
      );
      const dash = dashed ? ' stroke-dasharray="6 4"' : '';
      // Many points are a curve; markers would only hide it.
      const marked = points.length <= 30 ? places.filter((place) => place !== undefined) : [];
      return [
        `<path class="line" d="${path(places)}" stroke="${colourOf(i)}"${dash}/>`,
        ...marked.map((place) => marker(i, ...place)),
      ];
    }),
    ...names.draw(height - names.height - 6),
  ]);
}
