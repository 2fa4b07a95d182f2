import { DnsError, ServiceNotFoundError } from '../errors.ts';
import type { Outcome } from './parts.ts';

/**
 * No part had anything: what that is, as one error. Nothing there, where all of them say so; else the first failure of DNS; else
 * the first other one as it is. What every part said stands in the message.
 *
 * @param who `failover`, `datacenters` …
 * @param titles what to call each part; default 1, 2, …
 * @param token names the emptiness, where it can be waited for to end.
 */
export function noneFound(
  who: string,
  outcomes: readonly Outcome[],
  titles?: readonly string[],
  token?: string,
): unknown {
  const errors = outcomes.map(({ error }) => error);
  const titled = (error: unknown, i: number) =>
    `${titles?.[i] ?? i + 1}: ${error instanceof Error ? error.message : error}`;
  const said = errors.map(titled);
  const message = `${who}: none of ${errors.length} has an instance now. ${said.join(' | ')}`;
  const cause = errors.length === 1 ? errors[0] : new AggregateError(errors, 'one error of each');
  if (errors.every((error) => error instanceof ServiceNotFoundError)) {
    return new ServiceNotFoundError(message, { cause, token });
  }
  const failures = errors.filter((error) => error instanceof DnsError);
  const [first] = failures;
  if (first === undefined) return errors.find((error) => !(error instanceof ServiceNotFoundError));
  const attempts = failures.flatMap((failure) => failure.attempts);
  return new DnsError(first.code as DnsErrorCode, message, attempts, { cause, rcode: first.rcode });
}

type DnsErrorCode = ConstructorParameters<typeof DnsError>[0];
