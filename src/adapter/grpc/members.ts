import type { Endpoint } from '../../endpoint.ts';
import type { Address } from '../../resolver/resolver.ts';
import type { Service } from '../../service.ts';

/**
 * Whom a channel may call: the instances that Consul lists, of the tier that comes first. Those that are ejected for the failures of
 * other adapters' requests are among them: who fails is for gRPC's own policies to judge. O(n log n).
 */
export function membersOf(service: Service): readonly Endpoint[] {
  return ordered(inUse(service), service.snapshot.addresses);
}

function inUse(service: Service): readonly Endpoint[] {
  const { endpoints, available } = service;
  if (available.length === endpoints.length || available.length === 0) return endpoints;
  if (service.stats().ejected === 0) return available;
  const tiers = new Set(available.map(tierOf));
  return endpoints.filter((endpoint) => tiers.has(tierOf(endpoint)));
}

function tierOf({ priority, datacenter }: Endpoint): string {
  return `${priority} ${datacenter}`;
}

/** An ordered prepared query has its nearest first, which pick_first takes. */
function ordered(endpoints: readonly Endpoint[], addresses: readonly Address[]): readonly Endpoint[] {
  if (addresses[0]?.rank === undefined) return endpoints;
  const rank = new Map(addresses.map((address) => [`${address.host} ${address.port}`, address.rank ?? 0]));
  const of = ({ host, port }: Endpoint) => rank.get(`${host} ${port}`) ?? 0;
  return [...endpoints].sort((a, b) => of(a) - of(b));
}
