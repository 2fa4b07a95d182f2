import { LRUCache } from 'lru-cache';
import { type Endpoint, LiveEndpoint } from './endpoint.ts';
import { distinct } from './resolver/distinct.ts';
import type { Address } from './resolver/resolver.ts';

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

/**
 * Endpoints that left, remembered so that a short absence costs neither counters nor averages (10 minutes, at most
 * 4 096 of them).
 */
export type DepartedEndpoints = LRUCache<string, LiveEndpoint>;

export function rememberDeparted(clock: { now(): number }): DepartedEndpoints {
  return new LRUCache<string, LiveEndpoint>({ max: 4096, ttl: 600_000, perf: clock, ttlResolution: 0 });
}

/**
 * The next snapshot: survivors keep their endpoint object, and where nothing changed the previous snapshot itself comes back.
 * Two addresses with one `host:port` are one endpoint, with the larger weight. O(n log n).
 */
export function reconcile(
  previous: Snapshot,
  addresses: readonly Address[],
  departed: DepartedEndpoints,
  why: Change['why'] = 'resolved',
): { snapshot: Snapshot; change: Change | undefined } {
  const wanted = [...distinct(addresses)].sort(([a], [b]) => (a < b ? -1 : 1));
  const known = new Map<string, LiveEndpoint>();
  for (const endpoint of previous.endpoints) known.set(endpoint.address, endpoint as LiveEndpoint);
  const before = new Map<string, Address>();
  for (const [i, endpoint] of previous.endpoints.entries())
    before.set(endpoint.address, previous.addresses[i]!);

  const added: Endpoint[] = [];
  const changed: Endpoint[] = [];
  const endpoints: Endpoint[] = [];
  for (const [key, address] of wanted) {
    let endpoint = known.get(key);
    if (endpoint === undefined) {
      endpoint = departed.get(key) ?? new LiveEndpoint(address);
      departed.delete(key);
      added.push(endpoint);
    } else if (!sameAddress(before.get(key)!, address)) {
      changed.push(endpoint);
    }
    endpoint.renew(address);
    known.delete(key);
    endpoints.push(endpoint);
  }
  const removed = [...known.values()];
  for (const endpoint of removed) departed.set(endpoint.address, endpoint);

  if (added.length + removed.length + changed.length === 0) return { snapshot: previous, change: undefined };
  return {
    snapshot: { version: previous.version + 1, endpoints, addresses: wanted.map(([, address]) => address) },
    change: { added, removed, changed, why },
  };
}

function sameAddress(a: Address, b: Address): boolean {
  return (
    a.weight === b.weight &&
    a.priority === b.priority &&
    a.target === b.target &&
    a.serverName === b.serverName &&
    a.node === b.node &&
    a.datacenter === b.datacenter &&
    sameList(a.tags, b.tags) &&
    sameRecord(a.meta, b.meta)
  );
}

function sameList(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

function sameRecord(
  a: Readonly<Record<string, string>> = {},
  b: Readonly<Record<string, string>> = {},
): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
