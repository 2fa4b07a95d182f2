import type { Style } from './style.ts';

export type Cell = string | number;

/** Columns as wide as their content; numbers to the right. Without a line end. */
export function table(
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
  { bold }: Pick<Style, 'bold'>,
): string {
  const widths = header.map((title, column) =>
    rows.reduce((widest, row) => Math.max(widest, String(row[column]).length), title.length),
  );
  const numeric = header.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, column) => {
        const text = String(cell);
        return numeric[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
      })
      .join('  ')
      .trimEnd();
  return [bold(line(header)), ...rows.map(line)].join('\n');
}
