import { endpointKey } from '../endpoint.ts';
import type { Address, Resolution } from './resolver.ts';
import { union } from './union.ts';

/** The largest weight of SRV. */
const heaviest = 65_535;

/**
 * Two sets as one in which `canary` has that share of the weight; with a share of 0 or 1 one of them alone. What stands in both is
 * the canary's. Weights keep their proportions within a set, as far as whole numbers of 0…65535 can.
 */
export function divided(stable: Resolution, canary: Resolution, share: number): Resolution {
  const own = new Set(canary.addresses.map(({ host, port }) => endpointKey(host, port)));
  const others = stable.addresses.filter(({ host, port }) => !own.has(endpointKey(host, port)));
  if (share === 1 || others.length === 0) return canary;
  if (share === 0) return { ...stable, addresses: others };
  const sides = [fractions(others, 1 - share), fractions(canary.addresses, share)] as const;
  const scale = heaviest / Math.max(...sides.flat());
  const weighted = (addresses: readonly Address[], side: readonly number[]) =>
    addresses.map((address, i) => ({ ...address, weight: wholeWeight(side[i]! * scale) }));
  return union([
    { ...canary, addresses: weighted(canary.addresses, sides[1]) },
    { ...stable, addresses: weighted(others, sides[0]) },
  ]);
}

/** What each address gets of `whole`. */
function fractions(addresses: readonly Address[], whole: number): number[] {
  const sum = addresses.reduce((total, { weight }) => total + weight, 0);
  return addresses.map(({ weight }) => (sum === 0 ? whole / addresses.length : (whole * weight) / sum));
}

/** Only what weighed nothing weighs nothing. */
function wholeWeight(weight: number): number {
  return weight === 0 ? 0 : Math.max(1, Math.round(weight));
}
