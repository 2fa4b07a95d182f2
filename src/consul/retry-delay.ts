/**
 * Milliseconds to wait after that many failures in a row: 1 s, 2 s, 4 s … 30 s, the last fifth of each drawn, so that those who failed
 * together do not come back together.
 */
export function retryDelay(failures: number, fraction: () => number = Math.random): number {
  return Math.min(1_000 * 2 ** Math.min(failures, 5), 30_000) * (0.8 + 0.2 * fraction());
}
