import { LRUCache } from 'lru-cache';
import { type Endpoint, LiveEndpoint } from './endpoint.ts';
import { distinct } from './resolver/distinct.ts';
import type { Address } from './resolver/resolver.ts';
import { sameAddress } from './resolver/same-address.ts';

/**
 * What a balancer chooses from: immutable; `endpoints[i]` and `addresses[i]` belong together; sorted by `host:port`, so that
 * the same set always gives the same order, however Consul shuffled it.
 */
export interface Snapshot {
  /** Counts up with each change. */
  readonly version: number;
  readonly endpoints: readonly Endpoint[];
  /** The addresses as they were resolved: weights and tags of this very list. */
  readonly addresses: readonly Address[];
}

/** What a change consists of; `changed` are endpoints that stayed with another weight, priority or description. */
export interface Change {
  readonly added: readonly Endpoint[];
  readonly removed: readonly Endpoint[];
  readonly changed: readonly Endpoint[];
  /** What brought it about: an answer, the end of a hold time, or a list kept from an earlier run (`lastGood`). */
  readonly why: 'resolved' | 'expired' | 'recalled';
}

export const emptySnapshot: Snapshot = { version: 0, endpoints: [], addresses: [] };

/** Endpoints that left, remembered so that a short absence costs neither counters nor averages. */
export interface DepartedEndpoints {
  /** Gives an endpoint back and forgets it. */
  take(key: string): LiveEndpoint | undefined;
  put(endpoint: LiveEndpoint): void;
}

/** For 10 minutes, at most 4 096 of them. */
export function rememberDeparted(clock: { now(): number }): DepartedEndpoints {
  let memory: LRUCache<string, LiveEndpoint> | undefined;
  return {
    take(key) {
      const endpoint = memory?.get(key);
      if (endpoint !== undefined) memory?.delete(key);
      return endpoint;
    },
    put(endpoint) {
      // Most services lose nobody, and even an empty one is not small.
      memory ??= new LRUCache({
        // A bound by size where every entry has size 1: a bound by number would allocate all its places now.
        maxSize: 4096,
        sizeCalculation: () => 1,
        ttl: 600_000,
        perf: clock,
        ttlResolution: 0,
      });
      memory.set(endpoint.address, endpoint);
    },
  };
}

/**
 * The next snapshot: survivors keep their endpoint object, and where nothing changed the previous snapshot itself comes back.
 * Two addresses with one `host:port` are one endpoint, with the larger weight. O(n), and O(a log a) for `a` newcomers.
 */
export function reconcile(
  previous: Snapshot,
  addresses: readonly Address[],
  departed: DepartedEndpoints,
  why: Change['why'] = 'resolved',
): { snapshot: Snapshot; change: Change | undefined } {
  if (isIdentical(previous, addresses)) return { snapshot: previous, change: undefined };
  const wanted = distinct(addresses);
  if (isUnchanged(previous, wanted)) return { snapshot: previous, change: undefined };
  const survivors: Pair[] = [];
  const changed: Endpoint[] = [];
  const removed: Endpoint[] = [];
  for (const [i, endpoint] of (previous.endpoints as readonly LiveEndpoint[]).entries()) {
    const before = previous.addresses[i]!;
    const address = wanted.get(endpoint.address);
    if (address === undefined) {
      removed.push(endpoint);
      departed.put(endpoint);
      continue;
    }
    wanted.delete(endpoint.address);
    if (sameAddress(before, address)) survivors.push({ endpoint, address: before });
    else {
      endpoint.renew(address);
      changed.push(endpoint);
      survivors.push({ endpoint, address });
    }
  }
  const newcomers = Array.from(wanted, ([key, address]): Pair => {
    const endpoint = departed.take(key) ?? new LiveEndpoint(address, key);
    endpoint.renew(address);
    return { endpoint, address };
  }).sort((a, b) => (a.endpoint.address < b.endpoint.address ? -1 : 1));
  const pairs = merge(survivors, newcomers);
  return {
    snapshot: {
      version: previous.version + 1,
      endpoints: pairs.map(({ endpoint }) => endpoint),
      addresses: pairs.map(({ address }) => address),
    },
    change: { added: newcomers.map(({ endpoint }) => endpoint), removed, changed, why },
  };
}

interface Pair {
  readonly endpoint: LiveEndpoint;
  readonly address: Address;
}

/** Two sorted lists without a common member → one. */
function merge(some: readonly Pair[], others: readonly Pair[]): readonly Pair[] {
  if (others.length === 0) return some;
  if (some.length === 0) return others;
  const all: Pair[] = [];
  let next = 0;
  for (const pair of some) {
    while (next < others.length && others[next]!.endpoint.address < pair.endpoint.address)
      all.push(others[next++]!);
    all.push(pair);
  }
  return all.concat(others.slice(next));
}

/** The usual case, at a refresh through a cache (kept-addresses.ts): the very same objects in another order. */
function isIdentical({ addresses }: Snapshot, wanted: readonly Address[]): boolean {
  if (addresses.length !== wanted.length) return false;
  const left = new Set(addresses);
  return wanted.every((address) => left.delete(address));
}

/** The same said by other objects: nothing is to be sorted or made. */
function isUnchanged({ endpoints, addresses }: Snapshot, wanted: ReadonlyMap<string, Address>): boolean {
  if (endpoints.length !== wanted.size) return false;
  return endpoints.every((endpoint, i) => {
    const address = wanted.get(endpoint.address);
    return address !== undefined && sameAddress(addresses[i]!, address);
  });
}
