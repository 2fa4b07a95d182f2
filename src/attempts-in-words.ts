import { inspect } from 'node:util';
import type { Attempt } from './errors.ts';

/** What was tried, for a message that ends in a full stop already: ` Attempt 1, 10.0.0.1:80, 12 ms: connect ECONNREFUSED.` and so on. */
export function attemptsInWords(attempts: readonly Attempt[]): string {
  return attempts
    .map(
      ({ endpoint, elapsed, cause }, i) =>
        ` Attempt ${i + 1}, ${endpoint.address}, ${Math.round(elapsed)} ms: ${inWords(cause)}.`,
    )
    .join('');
}

/** Whatever was thrown, without a full stop. */
export function inWords(thrown: unknown): string {
  const said = thrown instanceof Error ? thrown.message || thrown.name : thrown;
  const text =
    typeof said === 'string' ? said : inspect(said, { depth: 1, breakLength: Number.POSITIVE_INFINITY });
  return text.replace(/\.$/, '');
}
