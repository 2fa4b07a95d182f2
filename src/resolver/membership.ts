/**
 * Who belongs to a service, over many resolutions.
 *
 * An address joins with the first resolution that has it. It leaves at once when a complete resolution lacks it. From an incomplete
 * one absence is only a hint, as strong as the resolution's `omission` q is small: if the instance were alive, it would
 * be missing with probability at most q. Absences are independent (Consul draws the missing one anew for each reply), so
 * after absences with q₁, q₂, … in a row a living instance has been missed with probability q₁·q₂·…; the address leaves
 * when that product is at most 10⁻⁹. One reappearance sets it back to 1.
 *
 * In the hole of completeness.ts with 10 instances and one ask per resolution that takes 9 resolutions; where `consulDns`
 * could ask until q ≤ 10⁻⁵ it takes 2; beyond Consul's caps, with 2 000 instances (q = ½ an ask, 8 asks), 4, and with 5 000 12.
 */
import { isIP } from 'node:net';
import { distinct } from './distinct.ts';
import type { Address, Resolution } from './resolver.ts';

/** The stated probability with which a living instance is removed on absences alone. */
export const falseRemoval = 1e-9;
/** For a resolver that says "incomplete" without saying how much. */
const unknownOmission = 0.1;

/** A value: `settle` returns the next one. */
export interface Membership {
  /** Those of the newest resolution, each once. No map: it is kept for every service, and looked through only now and then. */
  readonly present: readonly Address[];
  /** Those that stay although it lacked them, each with the probability of having been missed so often, were it alive. */
  readonly missed: ReadonlyMap<string, { readonly address: Address; readonly odds: number }>;
}

const none: ReadonlyMap<string, { readonly address: Address; readonly odds: number }> = new Map();

export const noMembers: Membership = { present: [], missed: none };

/** The members after a resolution. O(n). */
export function settle(previous: Membership, resolution: Resolution): Membership {
  const now = distinct(resolution.addresses);
  const present = now.size === resolution.addresses.length ? resolution.addresses : [...now.values()];
  if (resolution.complete) return { present, missed: none };
  const omission = resolution.omission ?? unknownOmission;
  const missed = new Map<string, { address: Address; odds: number }>();
  const miss = (key: string, address: Address, before: number) => {
    if (now.has(key)) return;
    const odds = isUnresolved(address, resolution) ? before : before * omission;
    // A hair of room, so that nine times 1/10 are 10⁻⁹ in binary too.
    if (odds > falseRemoval * 1.000001) missed.set(key, { address, odds });
  };
  for (const [key, address] of distinct(previous.present)) miss(key, address, 1);
  for (const [key, { address, odds }] of previous.missed) miss(key, address, odds);
  return { present, missed };
}

export function membersOf({ present, missed }: Membership): number {
  return present.length + missed.size;
}

export function addressesOf({ present, missed }: Membership): readonly Address[] {
  return missed.size === 0 ? present : [...present, ...Array.from(missed.values(), ({ address }) => address)];
}

/** Listed, but nobody could say where: no sign of absence. */
function isUnresolved({ host, target, datacenter }: Address, { unresolved }: Resolution): boolean {
  if (unresolved === undefined) return false;
  const byTarget = target !== undefined && unresolved.targets?.includes(target);
  const byPlace = datacenter !== undefined && unresolved.datacenters?.includes(datacenter);
  return byTarget || byPlace || unresolved.family === isIP(host);
}
