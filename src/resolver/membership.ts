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
 * could ask until q ≤ 10⁻⁵ it takes 2; for one in two of 2 000 (q = ½ an ask, 16 asks) 2 as well.
 */
import { isIP } from 'node:net';
import { distinct } from './distinct.ts';
import type { Address, Resolution } from './resolver.ts';

/** The stated probability with which a living instance is removed on absences alone. */
export const falseRemoval = 1e-9;
/** For a resolver that says "incomplete" without saying how much. */
const unknownOmission = 0.1;

interface Member {
  readonly address: Address;
  /** The probability of having been missed so often, were it alive. */
  readonly odds: number;
}

/** Members by `host:port`. A value: `settle` returns the next one. */
export type Membership = ReadonlyMap<string, Member>;

export const noMembers: Membership = new Map();

/** The members after a resolution. O(n). */
export function settle(previous: Membership, resolution: Resolution): Membership {
  const next = new Map<string, Member>();
  for (const [key, address] of distinct(resolution.addresses)) next.set(key, { address, odds: 1 });
  if (resolution.complete) return next;
  const omission = resolution.omission ?? unknownOmission;
  for (const [key, member] of previous) {
    if (next.has(key)) continue;
    const odds = isUnresolved(member.address, resolution) ? member.odds : member.odds * omission;
    // A hair of room, so that nine times 1/10 are 10⁻⁹ in binary too.
    if (odds > falseRemoval * 1.000001) next.set(key, { address: member.address, odds });
  }
  return next;
}

export function addressesOf(members: Membership): Address[] {
  return Array.from(members.values(), (member) => member.address);
}

/** Listed, but nobody could say where: no sign of absence. */
function isUnresolved({ host, target }: Address, { unresolved }: Resolution): boolean {
  if (unresolved === undefined) return false;
  const byTarget = target !== undefined && unresolved.targets?.includes(target);
  return byTarget || unresolved.family === isIP(host);
}
