import { createScale, type Scale, type ScaleKind, type ScaleOptions } from './scale.ts';
import { colourOf, digits, label, marker, text, widthOf } from './svg.ts';

/** The rectangle that data is drawn in, in pixels. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A scale laid along one side of an area. */
export interface Axis {
  readonly scale: Scale;
  /** Where a value lies, in pixels. */
  at(value: number): number;
}

export function horizontal(
  area: Area,
  kind: ScaleKind,
  values: readonly number[],
  options?: ScaleOptions,
): Axis {
  const scale = createScale(kind, values, options);
  return { scale, at: (value) => area.left + scale.place(value) * (area.right - area.left) };
}

export function vertical(
  area: Area,
  kind: ScaleKind,
  values: readonly number[],
  options?: ScaleOptions,
): Axis {
  const scale = createScale(kind, values, options);
  return { scale, at: (value) => area.bottom - scale.place(value) * (area.bottom - area.top) };
}

/** Lines of the grid, the values under it and what they mean. */
export function drawHorizontal(area: Area, axis: Axis, name: string): string[] {
  const { left, right, top, bottom } = area;
  const lines = axis.scale.ticks.map((tick) => `M${digits(axis.at(tick))},${top}V${bottom}`).join('');
  return [
    `<path class="grid" d="${lines}"/>`,
    `<path class="axis" d="M${left},${bottom}H${right}"/>`,
    ...axis.scale.ticks.map((tick) => text(axis.at(tick), bottom + 17, label(tick), 'middle')),
    text((left + right) / 2, bottom + 36, name, 'middle'),
  ];
}

/** Lines of the grid, the values left of it and what they mean. */
export function drawVertical(area: Area, axis: Axis, name: string): string[] {
  const { left, right, top, bottom } = area;
  const lines = axis.scale.ticks.map((tick) => `M${left},${digits(axis.at(tick))}H${right}`).join('');
  const middle = digits((top + bottom) / 2);
  return [
    `<path class="grid" d="${lines}"/>`,
    `<path class="axis" d="M${left},${top}V${bottom}"/>`,
    ...axis.scale.ticks.map((tick) => text(left - 6, axis.at(tick) + 4, label(tick), 'end')),
    text(16, (top + bottom) / 2, name, 'middle', `transform="rotate(-90 16 ${middle})"`),
  ];
}

export interface LegendEntry {
  readonly name: string;
  readonly dashed?: boolean;
  /** With a piece of line through the marker. */
  readonly line: boolean;
}

const rowHeight = 20;
const sample = 34;

/** The names of the series in rows as wide as the drawing; their height is needed before anything is drawn. */
export function legend(
  entries: readonly LegendEntry[],
  width: number,
): { height: number; draw(top: number): string[] } {
  const columnWidth = sample + Math.max(...entries.map(({ name }) => widthOf(name))) + 14;
  const columns = Math.max(1, Math.min(entries.length, Math.floor((width - 20) / columnWidth)));
  const rows = Math.ceil(entries.length / columns);
  const left = (width - columns * columnWidth) / 2;
  return {
    height: rows * rowHeight,
    draw: (top) =>
      entries.flatMap(({ name, dashed, line }, series) => {
        const x = left + (series % columns) * columnWidth;
        const y = top + Math.floor(series / columns) * rowHeight + rowHeight / 2;
        const stroke = `stroke="${colourOf(series)}"${dashed ? ' stroke-dasharray="6 4"' : ''}`;
        const piece = `<path class="line" d="M${digits(x)},${digits(y)}h24" ${stroke}/>`;
        return [...(line ? [piece] : []), marker(series, x + 12, y), text(x + sample - 4, y + 4, name)];
      }),
  };
}
