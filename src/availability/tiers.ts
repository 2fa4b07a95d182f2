import { type Check, fields, refuse, text } from '../checks.ts';
import type { Address } from '../resolver/resolver.ts';

/** Which endpoints to prefer. What is listed first is preferred; what is not listed comes last. */
export interface PrioritiesOptions {
  /** Datacenters in order of preference, in any letter case. Default: none is preferred. */
  datacenters?: readonly string[];
  /** Zones in order of preference: `['eu-1a']` is "mine first, then all others alike". Default: none is preferred. */
  zones?: readonly string[];
  /** The key of an address' `meta` that names its zone. Default `'zone'`. */
  zoneKey?: string;
}

export type Priorities = Readonly<Required<PrioritiesOptions>>;

const known = fields({ datacenters: order, zones: order, zoneKey: text });

/** `true` is the default: the priority of the SRV records alone. `false`: everybody is in one tier. */
export const checkPriorities: Check<Priorities | undefined> = (value, path) => {
  if (value === false) return undefined;
  const { datacenters = [], zones = [], zoneKey = 'zone' } = value === true ? {} : known(value, path);
  return { datacenters: datacenters.map((name) => name.toLowerCase()), zones, zoneKey };
};

/**
 * The tier of each address, lower is better: by SRV priority (RFC 2782: "MUST attempt to contact the target host with the
 * lowest-numbered priority it can reach"), then datacenter, then zone. `undefined` when all are in one tier. O(n).
 */
export function tiersOf(
  addresses: readonly Address[],
  priorities: Priorities | undefined,
): readonly number[] | undefined {
  if (priorities === undefined || addresses.length === 0) return undefined;
  const { datacenters, zones, zoneKey } = priorities;
  if (datacenters.length === 0 && zones.length === 0) {
    const { priority } = addresses[0]!;
    if (addresses.every((address) => address.priority === priority)) return undefined;
  }
  const datacenterRank = ranks(datacenters);
  const zoneRank = ranks(zones);
  const tiers = addresses.map(({ priority, datacenter, meta }) => {
    const far = datacenterRank.get(datacenter?.toLowerCase()) ?? datacenters.length;
    const apart = zoneRank.get(meta?.[zoneKey]) ?? zones.length;
    return (priority * (datacenters.length + 1) + far) * (zones.length + 1) + apart;
  });
  return tiers.every((tier) => tier === tiers[0]) ? undefined : tiers;
}

function ranks(names: readonly string[]): ReadonlyMap<string | undefined, number> {
  return new Map(names.map((name, rank) => [name, rank]));
}

function order(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value)) return refuse(path, "a list like ['first', 'second']", value);
  const names = value.map((name, i) => text(name, `${path}[${i}]`));
  const different = new Set(names.map((name) => name.toLowerCase()));
  return different.size < names.length ? refuse(path, 'each name once', value) : names;
}
