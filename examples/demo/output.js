// @ts-check

/** @param {string} text */
export function title(text) {
  console.log(`\n== ${text}\n`);
}

/**
 * @param {readonly string[]} header
 * @param {readonly (readonly (string | number)[])[]} rows
 */
export function table(header, rows) {
  const lines = [header, ...rows].map((row) => row.map(String));
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines) {
    console.log(`  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
  }
}

/** @param {readonly { label: string, count: number, note: string }[]} lines */
export function bars(lines) {
  const width = Math.max(...lines.map(({ label }) => label.length));
  const most = Math.max(...lines.map(({ count }) => count));
  for (const { label, count, note } of lines) {
    const bar = '█'.repeat(2 * count).padEnd(2 * most);
    console.log(`  ${label.padEnd(width)}  ${bar}  ${String(count).padStart(2)}  ${note}`.trimEnd());
  }
}
