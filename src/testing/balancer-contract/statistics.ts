/**
 * Pearson's chi-square of counts against expected shares, with the limit that chance alone passes once in 10 000 times. Shares that
 * would give fewer than 5 are taken together, as the test demands.
 */
export function chiSquare(
  counts: readonly number[],
  shares: readonly number[],
): { value: number; limit: number } {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const whole = shares.reduce((sum, share) => sum + share, 0);
  let value = 0;
  let cells = 0;
  let rest = { count: 0, expected: 0 };
  for (const [i, count] of counts.entries()) {
    const expected = (total * shares[i]!) / whole;
    rest = { count: rest.count + count, expected: rest.expected + expected };
    if (rest.expected < 5) continue;
    value += (rest.count - rest.expected) ** 2 / rest.expected;
    cells++;
    rest = { count: 0, expected: 0 };
  }
  // What is left over is too little for a cell of its own; a share of 0 is looked at by itself.
  return { value, limit: limitFor(Math.max(1, cells - 1)) };
}

/** The quantile 0.9999 of the chi-square distribution, by Wilson and Hilferty's approximation. */
function limitFor(freedom: number): number {
  const spread = 2 / (9 * freedom);
  return freedom * (1 - spread + 3.719 * Math.sqrt(spread)) ** 3;
}
