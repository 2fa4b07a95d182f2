import { isIP } from 'node:net';
import type { DnsRecord } from '../dns/reply.ts';
import { DnsError, ServiceNotFoundError } from '../errors.ts';
import type { Collected, Collector, Notice } from './collector.ts';
import type { Family } from './host-addresses.ts';
import { notFound, unresolvedNow } from './nothing-found.ts';
import type { Address, Resolution } from './resolver.ts';
import type { TargetResolver } from './targets.ts';

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
  readonly notice: Notice;
  readonly signal: AbortSignal | undefined;
}

/** Lists from A and AAAA records: of services whose port is known, and of hosts, for which Consul has no SRV. */
export async function byAddress(
  { collector, targets, family, transport }: ByAddressSettings,
  { question, port, mostAsks, notice, signal }: AddressQuestion,
): Promise<AddressList> {
  const families = family === 'any' ? ([4, 6] as const) : ([family] as const);
  const types = families.map((one) => (one === 4 ? 'A' : 'AAAA'));
  const results = await Promise.allSettled(
    types.map((type) => collector.collect(question, type, { mostAsks, notice, signal })),
  );
  const lists = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
  const failedAt = results.findIndex((result) => result.status === 'rejected');
  const failure = results.find((result) => result.status === 'rejected')?.reason;
  const answered = lists.some((list) => list.answers.size > 0);
  // One family failing must not cost the other, as long as that one has something to show; nor must an NXDOMAIN for one,
  // as forwarders send it.
  const ofOneFamily = failure instanceof DnsError || failure instanceof ServiceNotFoundError;
  if (failedAt >= 0 && !(answered && ofOneFamily)) throw failure;
  const addresses: Address[] = [];
  const add = (host: string, alias: string | undefined) => {
    const named =
      alias !== undefined && !targets.isConsuls(alias) ? { target: alias, serverName: alias } : {};
    addresses.push({ host, port, priority: 1, weight: 1, ...named });
  };
  const answeredAliases = new Set<string>();
  const bare = new Set<string>();
  let ttl = Number.POSITIVE_INFINITY;
  for (const { answers } of lists) {
    const aliases = aliasesOf(question.toLowerCase(), answers.values());
    for (const { alias } of aliases) bare.add(alias);
    for (const record of answers.values()) {
      ttl = Math.min(ttl, record.ttl);
      // A question for one family may be answered with the other: 1.8 does for `….addr`, recursors do.
      if (!('host' in record) || !fits(record.host, family)) continue;
      const leading = aliases.filter(({ owners }) => owners.has(record.name));
      for (const { alias } of leading) answeredAliases.add(alias);
      add(record.host, leading[0]?.alias);
    }
  }
  // Consul answers with a bare CNAME where an instance is registered under a host name it does not resolve.
  const unresolvedTargets: string[] = [];
  const follow = async (alias: string) => {
    const far = await targets.host(alias, { transport, signal });
    if (far.failed) unresolvedTargets.push(alias);
    for (const host of far.hosts) add(host, alias);
  };
  await Promise.all([...bare].filter((alias) => !answeredAliases.has(alias)).map(follow));
  // The most doubtful list speaks for the answer; an empty one says only that there is no such family.
  const doubt = ({ answers, evidence }: Collected) => (answers.size > 0 ? evidence.omission : -1);
  const collected = lists.reduce((most, list) => (doubt(list) > doubt(most) ? list : most));
  if (addresses.length === 0) {
    throw unresolvedTargets.length > 0
      ? unresolvedNow(question, unresolvedTargets, collected.last)
      : notFound(question, types.join(' and '), collected.last);
  }
  const missing = failure instanceof DnsError ? families[failedAt] : undefined;
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

/**
 * The names that instances are registered under in place of an address, in a fixed order, each with the owners of records it leads to.
 * Each reply of Consul has one of them, drawn anew: a list made of several replies has several.
 */
function aliasesOf(
  question: string,
  records: Iterable<DnsRecord>,
): { readonly alias: string; readonly owners: ReadonlySet<string> }[] {
  const next = new Map<string, string>();
  const aliases: string[] = [];
  for (const record of records) {
    if (record.type !== 'CNAME') continue;
    if (record.name === question) aliases.push(record.target);
    else next.set(record.name, record.target);
  }
  return aliases.sort().map((alias) => {
    const owners = new Set<string>();
    for (let at: string | undefined = alias; at !== undefined && !owners.has(at); at = next.get(at)) {
      owners.add(at);
    }
    return { alias, owners };
  });
}

function fits(host: string, family: Family): boolean {
  return family === 'any' || isIP(host) === family;
}
