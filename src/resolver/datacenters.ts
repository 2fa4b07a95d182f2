import type { Warnings } from '../diagnostics.ts';
import { canonicalName, type ServiceName } from '../dns/name.ts';
import { InvalidNameError } from '../errors.ts';
import type { Hold } from '../hold.ts';
import { noneFound } from './none-found.ts';
import { type CombinedResolver, hasFailed, type Outcome, Parts, type PartsOptions } from './parts.ts';
import { perName } from './per-name.ts';
import { Place } from './place.ts';
import type { Address, Resolver } from './resolver.ts';
import { Together } from './together.ts';
import { joinKnownTokens, tokenOf } from './tokens.ts';
import { union } from './union.ts';

export interface DatacentersOptions extends PartsOptions {
  readonly hold: Hold;
  readonly warnings: Pick<Warnings, 'once' | 'over'>;
}

/** In ms: how soon a datacenter that fails is asked again, though the others tell of their changes. */
const longestInDoubt = 10_000;

/**
 * One list over several datacenters, by one question for each through one resolver. Every address says which datacenter it is in.
 *
 * A datacenter that fails, or has nothing any more, is named in `unresolved.datacenters` for as long as `hold` says: its instances
 * stay, while those of the others come and go. One that fails is a warning. One that failed the last time is not waited for. Rejects
 * when none has anything.
 *
 * @param resolver is told the datacenter by the name it is asked for. Closed with the result.
 * @param datacenters in lower case, each once.
 */
export function overDatacenters(
  resolver: Resolver,
  datacenters: readonly string[],
  { hold, warnings, ...options }: DatacentersOptions,
): CombinedResolver {
  const each = datacenters.map((datacenter) => inDatacenter(resolver, datacenter));
  const parts = new Parts(each, options, [resolver]);
  const together = new Together(parts);
  const places = perName(() => datacenters.map((datacenter) => new Place(datacenter, parts.clock.now())));

  /** One outage is one warning, however many names it hits; a name that fails for good does not hide the next one. */
  const report = (name: ServiceName, datacenter: string, place: Place, outcome: Outcome): void => {
    if (!hasFailed(outcome)) {
      place.reported = false;
      warnings.over('DATACENTER_UNAVAILABLE', datacenter);
    } else if (!place.reported) {
      place.reported = true;
      const cause = outcome.error;
      const message = `${datacenter}: no answer for ${canonicalName(name)}; the instances known there are used on. ${cause instanceof Error ? cause.message : cause}`;
      warnings.once({ code: 'DATACENTER_UNAVAILABLE', datacenter, message, cause });
    }
  };

  return parts.combined(async (name, asked) => {
    const known = places(name);
    const outcomes = await together.ask(name, asked);
    const now = parts.clock.now();
    const staying = new Set(
      outcomes.flatMap((outcome, i) => [...known[i]!.note(outcome, datacenters[i]!, now, hold)]),
    );
    const sets = outcomes.flatMap(({ found }) => found ?? []);
    // One that fails is asked again with the next question; the changes of the others are not held up by it.
    const token = joinKnownTokens(outcomes.map(tokenOf));
    if (sets.length === 0) throw noneFound('datacenters', outcomes, datacenters, token);
    for (const [i, outcome] of outcomes.entries()) report(name, datacenters[i]!, known[i]!, outcome);
    const { ttl, ...merged } = union(sets);
    const isDoubtful = staying.size > 0 || outcomes.some(hasFailed);
    const list = {
      ...merged,
      ttl: isDoubtful ? Math.min(ttl, longestInDoubt) : ttl,
      ...(token !== undefined && { token }),
    };
    if (!isDoubtful) return list;
    const { omission = 0, unresolved } = merged;
    const doubtful = { ...list, complete: false, omission };
    // Where none stays, a datacenter was given up: its instances go, but nobody has said that it has none.
    if (staying.size === 0) return doubtful;
    return { ...doubtful, unresolved: { ...unresolved, datacenters: [...staying] } };
  });
}

/** Asks for every name in that datacenter. */
function inDatacenter(resolver: Resolver, datacenter: string): Resolver {
  return {
    async resolve(name, options) {
      const given = (name as { datacenter?: string }).datacenter;
      if (given !== undefined) {
        throw new InvalidNameError(`A name with a datacenter (${given}) cannot be asked for in several.`);
      }
      const found = await resolver.resolve({ ...name, datacenter } as ServiceName, options);
      const placed = (address: Address) =>
        address.datacenter === undefined ? { ...address, datacenter } : address;
      return { ...found, addresses: found.addresses.map(placed) };
    },
  };
}
