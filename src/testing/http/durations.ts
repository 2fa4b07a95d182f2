const NANOSECONDS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Milliseconds of a duration in Go's spelling ('1m30s', '-5s', '0'); undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const parts = /^([-+]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (parts === null) return undefined;
  let nanoseconds = 0;
  for (const [, number, unit] of parts[2]!.matchAll(/(\d+\.?\d*|\.\d+)([a-zµμ]+)/g))
    nanoseconds += Number(number) * NANOSECONDS[unit!]!;
  return ((parts[1] === '-' ? -1 : 1) * nanoseconds) / 1e6;
}

/** In Go's spelling: '1m30s', '1.5s', '300ms', '0s'. */
export function spelled(ms: number): string {
  if (ms === 0) return '0s';
  if (ms < 1) return ms < 0.001 ? `${ms * 1e6}ns` : `${ms * 1e3}µs`;
  if (ms < 1_000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = (ms % 60_000) / 1_000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
