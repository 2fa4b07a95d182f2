import type { Terminal } from './command.ts';

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  doubtful(text: string): string;
}

/** Colours where a person watches and did not refuse them (no-color.org). */
export function styleFor({ isTTY, env }: Terminal): Style {
  const coloured = isTTY && !env['NO_COLOR'];
  const wrap = (start: number, end: number) => (text: string) =>
    coloured ? `\x1b[${start}m${text}\x1b[${end}m` : text;
  return { bold: wrap(1, 22), dim: wrap(2, 22), good: wrap(32, 39), doubtful: wrap(33, 39) };
}
