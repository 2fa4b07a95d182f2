import type { Outcome } from './balancer/balancer.ts';
import { refuse } from './checks.ts';

/** What a lease that is released without a word means. */
export const succeeded: Outcome = { ok: true };

/**
 * By hand and not by checks.ts: this is on the way of every request.
 *
 * @throws InvalidOptionError
 */
export function checkOutcome(outcome: Outcome, path: string): void {
  const isOne = typeof outcome === 'object' && outcome !== null;
  if (!isOne || (typeof outcome.ok !== 'boolean' && outcome.aborted !== true)) {
    refuse(path, 'an outcome like { ok: true, elapsed: 12 }', outcome);
  }
  const { elapsed, firstByte } = outcome;
  if (elapsed !== undefined && !isTime(elapsed)) refuse(`${path}.elapsed`, aTime, elapsed);
  if (firstByte !== undefined && !isTime(firstByte)) refuse(`${path}.firstByte`, aTime, firstByte);
}

const aTime = 'milliseconds, 0 or more';

function isTime(value: unknown): boolean {
  return typeof value === 'number' && value >= 0;
}
