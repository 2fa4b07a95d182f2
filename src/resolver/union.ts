import { endpointKey } from '../endpoint.ts';
import type { Address, Origin, Resolution } from './resolver.ts';

/** As in membership.ts, for a set that says "incomplete" without saying how much. */
const unknownOmission = 0.1;

/**
 * One set of several: all addresses, one for each `host:port` (that of the earlier set), used as long as the shortest lived. It is
 * complete where all are, else as doubtful as the most doubtful one. Has no token. O(n).
 */
export function union(sets: readonly Resolution[]): Resolution {
  const addresses = new Map<string, Address>();
  for (const set of sets) {
    for (const address of set.addresses) {
      const key = endpointKey(address.host, address.port);
      if (!addresses.has(key)) addresses.set(key, address);
    }
  }
  const doubtful = sets.filter(({ complete }) => !complete);
  const omissions = doubtful.map(({ omission = unknownOmission }) => omission);
  const targets = sets.flatMap(({ unresolved }) => unresolved?.targets ?? []);
  const datacenters = sets.flatMap(({ unresolved }) => unresolved?.datacenters ?? []);
  const [family, other] = new Set(sets.flatMap(({ unresolved }) => unresolved?.family ?? []));
  const unresolved = {
    ...(targets.length > 0 && { targets }),
    ...(family !== undefined && { family }),
    ...(datacenters.length > 0 && { datacenters }),
  };
  const ages = sets.flatMap(({ age }) => age ?? []);
  return {
    addresses: [...addresses.values()],
    ttl: Math.min(...sets.map(({ ttl }) => ttl)),
    complete: doubtful.length === 0,
    // There is no way to say that both families are unresolved.
    ...(doubtful.length > 0 && { omission: other === undefined ? Math.max(...omissions) : 1 }),
    ...(Object.keys(unresolved).length > 0 && { unresolved }),
    ...(ages.length > 0 && { age: Math.max(...ages) }),
    origin: originOf(sets.flatMap(({ origin }) => origin ?? [])),
  };
}

function originOf(origins: readonly Origin[]): Origin {
  const transports = new Set(origins.map((origin) => origin.transport));
  const [transport] = transports;
  return {
    server: [...new Set(origins.map(({ server }) => server))].join(', '),
    ...(transport !== undefined && transports.size === 1 && { transport }),
    asks: origins.reduce((sum, { asks = 1 }) => sum + asks, 0),
    elapsed: origins.reduce((longest, { elapsed = 0 }) => Math.max(longest, elapsed), 0),
  };
}
