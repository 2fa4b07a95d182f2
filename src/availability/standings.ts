import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';

/** Who of a list is out and who is on probation, and in which tier each place is; no tiers: all in one. */
export interface Standings {
  readonly tiers: readonly number[] | undefined;
  readonly ejected: ReadonlySet<Endpoint>;
  readonly onProbation: ReadonlySet<Endpoint>;
}

/**
 * What of the list is to be used: those not ejected in the first tier that has a proven one, and whoever is on probation in a better
 * tier, so that a tier gets its trials before it gets all the traffic. The same object where that is everybody. O(n).
 */
export function available(list: Snapshot, { tiers, ejected, onProbation }: Standings): Snapshot {
  if (tiers === undefined && ejected.size === 0) return list;
  const tierOf = (place: number) => tiers?.[place] ?? 0;
  const isProven = (endpoint: Endpoint) => !ejected.has(endpoint) && !onProbation.has(endpoint);
  const isIn = (endpoint: Endpoint) => !ejected.has(endpoint);
  const proven = firstTier(list, tierOf, isProven);
  const used = proven < Number.POSITIVE_INFINITY ? proven : firstTier(list, tierOf, isIn);
  return only(list, (endpoint, place) => {
    if (ejected.has(endpoint)) return false;
    return tierOf(place) === used || (tierOf(place) < used && onProbation.has(endpoint));
  });
}

/**
 * The same when too many are ejected: the first tier that has somebody who is not, and all before it, ejected or not. What is alive
 * is among them, and nobody is left to carry the load of all. O(n).
 */
export function availableInPanic(list: Snapshot, { tiers, ejected }: Standings): Snapshot {
  if (tiers === undefined) return list;
  const used = firstTier(
    list,
    (place) => tiers[place]!,
    (endpoint) => !ejected.has(endpoint),
  );
  return only(list, (_, place) => tiers[place]! <= used);
}

/** Infinity where nobody fits. */
function firstTier(
  list: Snapshot,
  tierOf: (place: number) => number,
  fits: (endpoint: Endpoint) => boolean,
): number {
  return list.endpoints.reduce(
    (first, endpoint, place) => (tierOf(place) < first && fits(endpoint) ? tierOf(place) : first),
    Number.POSITIVE_INFINITY,
  );
}

function only(list: Snapshot, fits: (endpoint: Endpoint, place: number) => boolean): Snapshot {
  const places = [...list.endpoints.keys()].filter((place) => fits(list.endpoints[place]!, place));
  if (places.length === list.endpoints.length) return list;
  return {
    version: list.version,
    endpoints: places.map((place) => list.endpoints[place]!),
    addresses: places.map((place) => list.addresses[place]!),
  };
}

/** Whether both say the same to a balancer. */
export function sameSnapshot(a: Snapshot, b: Snapshot): boolean {
  return (
    a === b ||
    (a.endpoints.length === b.endpoints.length &&
      a.endpoints.every((endpoint, i) => endpoint === b.endpoints[i] && a.addresses[i] === b.addresses[i]))
  );
}
