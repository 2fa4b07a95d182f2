import { type Check, fields, number, refuse, text } from '../checks.ts';
import { hash } from '../hash.ts';
import { createRandom } from '../random.ts';
import { decorated } from './decorated.ts';
import { distinct } from './distinct.ts';
import type { CombinedResolver } from './parts.ts';
import type { Address, Resolver } from './resolver.ts';

export interface SubsetOptions {
  /** How many instances to keep, at least 1. */
  readonly size: number;
  /** Whose subset it is: one key, one choice, in every process and after every restart. Default: drawn anew in each process. */
  readonly key?: string | undefined;
}

const subsetFields = fields({ size: number(1, 1_000_000, { whole: true }), key: text });

export const checkSubset: Check<SubsetOptions> = (value, path) => {
  const { size, ...rest } = subsetFields(value, path);
  return size === undefined ? refuse(path, 'a size, like { size: 20 }', value) : { size, ...rest };
};

/**
 * `size` of the instances, so that many callers need not hold connections to all of many instances. Closing it closes `resolver`.
 *
 * Rendezvous hashing (Thaler and Ravishankar, 1998): each instance has a rank drawn from the key and its `host:port`, and the
 * lowest ranks are taken. An instance that leaves is replaced by one other and nothing else changes; over many keys each
 * instance is taken equally often. The lowest priority goes first, and the next one fills up what is left of `size`; likewise
 * weight 0 goes last. An incomplete list is chosen from as it is.
 *
 * @throws InvalidOptionError
 */
export function subset(resolver: Resolver, options: SubsetOptions): CombinedResolver {
  const { size, key = drawnKey() } = checkSubset(options, 'subset');
  return decorated(resolver, 'subset', (resolution) =>
    resolution.addresses.length <= size
      ? resolution
      : { ...resolution, addresses: choose(resolution.addresses, size, key) },
  );
}

/** A key that no other process is likely to have. */
export function drawnKey(random = createRandom()): string {
  return `${random.next()}-${random.next()}`;
}

/** O(n log n). */
function choose(addresses: readonly Address[], size: number, key: string): Address[] {
  const ranked = Array.from(distinct(addresses), ([place, address]) => ({
    address,
    place,
    rank: hash(`${key} ${place}`),
  }));
  ranked.sort(
    (a, b) =>
      a.address.priority - b.address.priority ||
      Number(a.address.weight === 0) - Number(b.address.weight === 0) ||
      a.rank - b.rank ||
      (a.place < b.place ? -1 : 1),
  );
  return ranked.slice(0, size).map(({ address }) => address);
}
