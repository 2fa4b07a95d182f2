import { fields } from '../checks.ts';
import { noneFound } from './none-found.ts';
import { type CombinedResolver, hasFailed, Parts, type PartsOptions, partsFields, partsOf } from './parts.ts';
import type { Resolver } from './resolver.ts';
import { Together } from './together.ts';
import { joinTokens, tokenOf } from './tokens.ts';
import { union } from './union.ts';

/** `timeout`: how long a resolver may take before it counts as failed, in ms. Default 5 000. */
export type MergeOptions = PartsOptions;

const checkMerge = fields(partsFields);

/**
 * All that several resolvers find, as one list: `merge(a, b, …)`, options last. They are asked together. Where two know the same
 * `host:port`, what the earlier one says of it holds.
 *
 * One that finds nothing adds nothing. While one fails the list is incomplete with `omission: 1`: a service adds what is new and
 * removes nothing then (for several datacenters the service option `datacenters` removes precisely). One that failed the last
 * time is not waited for. Rejects when none has anything. With `after` it waits only where each of them can. Closing it
 * closes them.
 *
 * @throws InvalidOptionError
 */
export function merge(
  first: Resolver,
  ...more: [...Resolver[]] | [...Resolver[], MergeOptions]
): CombinedResolver {
  const { resolvers, options } = partsOf([first, ...more], 1, checkMerge, 'merge');
  const parts = new Parts(resolvers, options);
  const together = new Together(parts);

  return parts.combined(async (name, asked) => {
    const outcomes = await together.ask(name, asked);
    const sets = outcomes.flatMap(({ found }) => found ?? []);
    const token = joinTokens(outcomes.map(tokenOf));
    if (sets.length === 0) throw noneFound('merge', outcomes, undefined, token);
    if (outcomes.some(hasFailed)) return { ...union(sets), complete: false, omission: 1 };
    return { ...union(sets), ...(token !== undefined && { token }) };
  });
}
