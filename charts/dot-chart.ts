import { drawHorizontal, horizontal, legend } from './frame.ts';
import type { ScaleKind } from './scale.ts';
import { digits, drawing, marker, path, text, widthOf } from './svg.ts';

export interface DotChartOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly x: ScaleKind;
  /** What the dots of a row mean, in their order. */
  readonly series: readonly string[];
  /** One line each, from above; a value that is not finite is left out. */
  readonly rows: readonly { readonly name: string; readonly values: readonly number[] }[];
  /** A vertical line, for what all are measured by. */
  readonly reference?: number;
  /** Pixels. Default 760. The height follows from the rows. */
  readonly width?: number;
}

const rowHeight = 24;

/** Figures by name, a row each (Cleveland's dot plot): unlike bars, dots may stand on a log axis. */
export function dotChart(options: DotChartOptions): string {
  const { title, xLabel, series, rows, reference, width = 760 } = options;
  const names = legend(
    series.map((name) => ({ name, line: false })),
    width,
  );
  const top = 36;
  const bottom = top + rows.length * rowHeight;
  const left = 24 + Math.max(...rows.map(({ name }) => widthOf(name)));
  const area = { left, top, right: width - 24, bottom };
  const height = bottom + 50 + names.height;
  const values = rows.flatMap((row) => row.values).concat(reference ?? []);
  const x = horizontal(area, options.x, values, { fromZero: true, whole: true });
  const line = reference === undefined ? '' : digits(x.at(reference));
  return drawing(title, width, height, [
    ...drawHorizontal(area, x, xLabel),
    ...(line === '' ? [] : [`<path class="axis" stroke-dasharray="3 3" d="M${line},${top}V${bottom}"/>`]),
    ...rows.flatMap(({ name, values: figures }, row) => {
      const y = top + (row + 0.5) * rowHeight;
      const places = figures.map((value) => (Number.isFinite(value) ? x.at(value) : undefined));
      const shown = places.filter((place) => place !== undefined);
      return [
        text(left - 10, y + 4, name, 'end'),
        `<path class="axis" d="${path(shown.map((place) => [place, y]))}"/>`,
        ...places.flatMap((place, i) => (place === undefined ? [] : [marker(i, place, y)])),
      ];
    }),
    ...names.draw(height - names.height - 6),
  ]);
}
