export interface Bar {
  readonly label: string;
  readonly count: number;
  /** Shown behind the count. */
  readonly note?: string;
}

const narrowest = 5;

/** One bar per line, the largest count as long as `columns` lets it be. Without a line end. */
export function bars(list: readonly Bar[], columns: number): string {
  const total = list.reduce((sum, { count }) => sum + count, 0);
  const largest = list.reduce((most, { count }) => Math.max(most, count), 1);
  const heads = padded(list.map(({ label }) => label));
  const tails = padded(
    list.map(({ count }) => `${count}`),
    'start',
  );
  const shares = padded(
    list.map(({ count }) => `${((100 * count) / Math.max(1, total)).toFixed(1)} %`),
    'start',
  );
  const notes = list.map(({ note }) => (note === undefined ? '' : `  ${note}`));
  const rest = list.map((_, i) => `  ${tails[i]}  ${shares[i]}${notes[i]}`);
  const taken = (heads[0]?.length ?? 0) + 2 + Math.max(0, ...rest.map((text) => text.length));
  const room = Math.max(narrowest, columns - taken);
  return list
    .map(({ count }, i) => `${heads[i]}  ${bar(count / largest, room).padEnd(room)}${rest[i]}`)
    .join('\n');
}

/** In eighths of a character; what is not nothing shows. */
function bar(share: number, room: number): string {
  const eighths = share > 0 ? Math.max(1, Math.round(share * room * 8)) : 0;
  const part = eighths % 8;
  return '█'.repeat(eighths >> 3) + (part === 0 ? '' : '▏▎▍▌▋▊▉'[part - 1]);
}

function padded(texts: readonly string[], side: 'start' | 'end' = 'end'): readonly string[] {
  const width = Math.max(0, ...texts.map((text) => text.length));
  return texts.map((text) => (side === 'start' ? text.padStart(width) : text.padEnd(width)));
}
