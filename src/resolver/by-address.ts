import { isIP } from 'node:net';
import type { DnsRecord } from '../dns/reply.ts';
import { DnsError } from '../errors.ts';
import type { Collected, Collector } from './collector.ts';
import { notFound, unresolvedNow } from './nothing-found.ts';
import type { Address, Resolution } from './resolver.ts';
import type { Family, TargetResolver } from './targets.ts';

export interface AddressList {
  readonly addresses: Address[];
  /** Seconds. */
  readonly ttl: number;
  readonly collected: Collected;
  readonly unresolved: Resolution['unresolved'];
}

export interface ByAddressSettings {
  readonly collector: Collector;
  readonly targets: TargetResolver;
  readonly family: Family;
  readonly transport: 'auto' | 'udp' | 'tcp';
}

/** What is asked for. */
export interface AddressQuestion {
  readonly question: string;
  /** Of every address. */
  readonly port: number;
  /** How often to ask a list that cannot prove itself. */
  readonly mostAsks: number;
  readonly signal: AbortSignal | undefined;
}

/** Lists from A and AAAA records: of services whose port is known, and of hosts, for which Consul has no SRV. */
export async function byAddress(
  { collector, targets, family, transport }: ByAddressSettings,
  { question, port, mostAsks, signal }: AddressQuestion,
): Promise<AddressList> {
  const families = family === 'any' ? ([4, 6] as const) : ([family] as const);
  const types = families.map((one) => (one === 4 ? 'A' : 'AAAA'));
  const results = await Promise.allSettled(
    types.map((type) => collector.collect(question, type, { mostAsks, signal })),
  );
  const lists = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
  const failedAt = results.findIndex((result) => result.status === 'rejected');
  const failure = results.find((result) => result.status === 'rejected')?.reason;
  const answered = lists.some((list) => list.answers.size > 0);
  // One family failing must not cost the other, as long as that one has something to show.
  if (failedAt >= 0 && (!answered || !(failure instanceof DnsError))) throw failure;
  const addresses: Address[] = [];
  const followed = new Set<string>();
  const unresolvedTargets: string[] = [];
  let ttl = Number.POSITIVE_INFINITY;
  for (const { answers } of lists) {
    const alias = firstAlias(answers.values());
    const named =
      alias !== undefined && !targets.isConsuls(alias) ? { target: alias, serverName: alias } : {};
    const hosts: string[] = [];
    for (const record of answers.values()) {
      ttl = Math.min(ttl, record.ttl);
      // A question for one family may be answered with the other: 1.8 does for `….addr`, recursors do.
      if ('host' in record && fits(record.host, family)) hosts.push(record.host);
    }
    // Consul answers with a bare CNAME where an instance is registered under a host name it does not resolve.
    if (alias !== undefined && hosts.length === 0 && !followed.has(alias)) {
      followed.add(alias);
      const far = await targets.host(alias, { transport, signal });
      if (far.failed) unresolvedTargets.push(alias);
      hosts.push(...far.hosts);
    }
    for (const host of hosts) addresses.push({ host, port, priority: 1, weight: 1, ...named });
  }
  // The longest list speaks for the answer; an empty one says only that there is no such family.
  const collected = lists.reduce((best, list) => (list.answers.size > best.answers.size ? list : best));
  if (addresses.length === 0) {
    throw unresolvedTargets.length > 0
      ? unresolvedNow(question, unresolvedTargets, collected.last)
      : notFound(question, types.join(' and '), collected.last);
  }
  const missing = families[failedAt];
  const unresolved = {
    ...(unresolvedTargets.length > 0 && { targets: unresolvedTargets }),
    ...(missing !== undefined && { family: missing }),
  };
  return {
    addresses,
    ttl,
    collected,
    unresolved: Object.keys(unresolved).length > 0 ? unresolved : undefined,
  };
}

function firstAlias(records: Iterable<DnsRecord>): string | undefined {
  for (const record of records) if (record.type === 'CNAME') return record.target;
  return undefined;
}

function fits(host: string, family: Family): boolean {
  return family === 'any' || isIP(host) === family;
}
