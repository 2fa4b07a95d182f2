import { hexFromIp } from '../dns/addr-name.ts';
import type { DnsRecord, DnsReply, SrvRecord } from '../dns/reply.ts';

/**
 * Consul 1.19.0 and 1.19.1 give instances whose service address is their node's address one and the same target, the service's own
 * name (`web.service.dc1.consul`), and one address record each, all under that name: by name they cannot be told apart.
 *
 * In a whole reply the records of both kinds stand in the same order and are as many (seen live on 1.19.0: 1 500 of
 * 1 500 pairs, by UDP and TCP). So where the numbers agree, and only there, the i-th belong together; each such SRV is given
 * the target that every other version would have sent, its address in hex digits. A trimmed reply has one address for all and is of no use:
 * its SRV are left out, and the list is asked for in another way.
 *
 * On every version an instance may be registered under the name of another service: those are found by name, as ever.
 *
 * @param question the name that was asked for, in any case.
 */
export function tellApart(
  reply: DnsReply,
  question: string,
  isConsuls: (name: string) => boolean,
): OwnNameReply {
  const counts = ownNameTargets(reply.answers, askedService(question.toLowerCase()), isConsuls);
  if (counts.size === 0) return { reply, ambiguous: undefined, unusable: false };
  const addresses = new Map<string, string[]>();
  for (const record of reply.additionals) {
    if ((record.type !== 'A' && record.type !== 'AAAA') || !counts.has(record.name)) continue;
    const list = addresses.get(record.name);
    if (list === undefined) addresses.set(record.name, [record.host]);
    else list.push(record.host);
  }
  const ways = new Map<string, Way>();
  let ambiguous: string | undefined;
  let unusable = false;
  for (const [target, own] of counts) {
    const way = wayOf(addresses.get(target) ?? [], own);
    ways.set(target, way);
    if (way === 'by order' || way === 'not at all') ambiguous = target;
    unusable ||= way === 'not at all';
  }
  const place = new Map<string, number>();
  const answers: DnsRecord[] = [];
  for (const record of reply.answers) {
    const way = record.type === 'SRV' ? ways.get(record.target) : undefined;
    if (record.type !== 'SRV' || way === undefined || way === 'by name') {
      answers.push(record);
    } else if (way !== 'not at all') {
      const { target } = record;
      const at = place.get(target) ?? 0;
      place.set(target, at + 1);
      const hosts = addresses.get(target)!;
      answers.push({ ...record, target: asHexTarget(way === 'by order' ? hosts[at]! : hosts[0]!, target) });
    }
  }
  return { reply: { ...reply, answers }, ambiguous, unusable };
}

export interface OwnNameReply {
  readonly reply: DnsReply;
  /** The target that several instances share, where they do. */
  readonly ambiguous: string | undefined;
  /** True where the reply lacks instances that could not be told apart. */
  readonly unusable: boolean;
}

interface OwnName {
  /** How many SRV have it. */
  count: number;
  /** It is the name of the service that was asked for; of a prepared query that cannot be said. */
  readonly certain: boolean;
}

/** Targets like `web.service.dc1.consul`. */
function ownNameTargets(
  answers: readonly DnsRecord[],
  service: string | undefined,
  isConsuls: (name: string) => boolean,
): ReadonlyMap<string, OwnName> {
  const counts = new Map<string, OwnName>();
  for (const record of answers) {
    if (record.type !== 'SRV') continue;
    const known = counts.get(record.target);
    if (known !== undefined) known.count++;
    else if (mayBeOwnName(record, service) && isConsuls(record.target)) {
      counts.set(record.target, { count: 1, certain: service !== undefined });
    }
  }
  return counts;
}

/** The service of `v1.web.service.consul`, `_web._v1.service.consul`; `undefined` where the name is of another kind. */
function askedService(question: string): string | undefined {
  const end = question.lastIndexOf('.service.');
  if (end < 0) return undefined;
  const parts = question.slice(0, end).split('.');
  const rfc2782 = parts.length === 2 && parts.every((part) => part.startsWith('_'));
  return rfc2782 ? parts[0]!.slice(1) : parts.at(-1);
}

/** A prepared query does not show which service it stands for. */
function mayBeOwnName({ target }: SrvRecord, service: string | undefined): boolean {
  if (service !== undefined) return target.startsWith(`${service}.service.`);
  return target.includes('.service.') && !/\.(node|addr)\./.test(target);
}

/** How the instances under one target get their addresses. */
type Way = 'by name' | 'by order' | 'all alike' | 'not at all';

function wayOf(hosts: readonly string[], { count, certain }: OwnName): Way {
  const distinct = new Set(hosts).size;
  // 1.19.0 never sends such a target without an address.
  if (distinct === 0) return certain && count > 1 ? 'not at all' : 'by name';
  // One alone, or several at one address: with that in its identity it is told from those that another reply shows under the name.
  if (distinct === 1 && (count === 1 || hosts.length === count)) return 'all alike';
  // All instances are at all these addresses: registered under that very name.
  if (distinct > 1 && (count === 1 || eachRepeated(hosts, count))) return 'by name';
  return hosts.length === count ? 'by order' : 'not at all';
}

/** Whether every host stands in the list `times` times. */
function eachRepeated(hosts: readonly string[], times: number): boolean {
  const counts = new Map<string, number>();
  for (const host of hosts) counts.set(host, (counts.get(host) ?? 0) + 1);
  return [...counts.values()].every((count) => count === times);
}

/** `10.0.0.1` under `web.service.dc1.consul` → `0a000001.addr.dc1.consul`. */
function asHexTarget(host: string, target: string): string {
  const rest = target.slice(target.indexOf('.service.') + '.service.'.length);
  return `${hexFromIp(host)}.addr.${rest}`;
}
