import type { DnsRecord, DnsReply, SrvRecord } from '../dns/reply.ts';

/**
 * Consul 1.19.0 and 1.19.1 give instances whose service address is their node's address one and the same target, the service's own
 * name (`web.service.dc1.consul`), and one address record each, all under that name: by name they cannot be told apart.
 *
 * In a whole reply the records of both kinds stand in the same order and are as many (seen live on 1.19.0: 1 500 of
 * 1 500 pairs, by UDP and TCP). So where the numbers agree, and only there, the i-th belong together; each such SRV is given
 * the target that every other version would have sent, its address in hex digits. A trimmed reply has one address for all and is of no use:
 * its SRV are left out, and the list is asked for in another way.
 */
export function tellApart(reply: DnsReply, isConsuls: (name: string) => boolean): OwnNameReply {
  const shared = sharedTargets(reply.answers, isConsuls);
  if (shared.size === 0) return { reply, ambiguous: undefined, unusable: false };
  const addresses = new Map<string, string[]>();
  for (const record of reply.additionals) {
    if ((record.type !== 'A' && record.type !== 'AAAA') || !shared.has(record.name)) continue;
    const list = addresses.get(record.name);
    if (list === undefined) addresses.set(record.name, [record.host]);
    else list.push(record.host);
  }
  const together = new Set<string>();
  for (const [target, count] of shared)
    if (eachRepeated(addresses.get(target) ?? [], count)) together.add(target);
  let ambiguous: string | undefined;
  let unusable = false;
  const place = new Map<string, number>();
  const answers: DnsRecord[] = [];
  for (const record of reply.answers) {
    const count = record.type === 'SRV' ? shared.get(record.target) : undefined;
    if (record.type !== 'SRV' || count === undefined) {
      answers.push(record);
      continue;
    }
    const hosts = addresses.get(record.target) ?? [];
    if (together.has(record.target)) {
      // All instances are at all these addresses: registered under that very name, on any version.
      answers.push(record);
      continue;
    }
    ambiguous = record.target;
    if (hosts.length !== count) {
      unusable = true;
      continue;
    }
    const at = place.get(record.target) ?? 0;
    place.set(record.target, at + 1);
    answers.push({ ...record, target: asHexTarget(hosts[at]!, record.target) });
  }
  return { reply: ambiguous === undefined ? reply : { ...reply, answers }, ambiguous, unusable };
}

export interface OwnNameReply {
  readonly reply: DnsReply;
  /** The target that several instances share, where they do. */
  readonly ambiguous: string | undefined;
  /** True where the reply lacks instances that could not be told apart. */
  readonly unusable: boolean;
}

/** Targets like `web.service.dc1.consul` that more than one SRV has, and how many. */
function sharedTargets(
  answers: readonly DnsRecord[],
  isConsuls: (name: string) => boolean,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const record of answers) {
    if (record.type !== 'SRV' || !isServiceName(record)) continue;
    counts.set(record.target, (counts.get(record.target) ?? 0) + 1);
  }
  for (const [target, count] of counts) if (count < 2 || !isConsuls(target)) counts.delete(target);
  return counts;
}

/** Whether every host stands in the list `times` times. */
function eachRepeated(hosts: readonly string[], times: number): boolean {
  const distinct = new Set(hosts);
  if (hosts.length === 0 || hosts.length !== distinct.size * times) return false;
  const counts = new Map<string, number>();
  for (const host of hosts) counts.set(host, (counts.get(host) ?? 0) + 1);
  return [...counts.values()].every((count) => count === times);
}

function isServiceName({ target }: SrvRecord): boolean {
  return target.includes('.service.');
}

/** `10.0.0.1` under `web.service.dc1.consul` → `0a000001.addr.dc1.consul`. */
function asHexTarget(host: string, target: string): string {
  const rest = target.slice(target.indexOf('.service.') + '.service.'.length);
  return `${hexOf(host)}.addr.${rest}`;
}

function hexOf(host: string): string {
  if (!host.includes(':')) {
    return host
      .split('.')
      .map((part) => Number(part).toString(16).padStart(2, '0'))
      .join('');
  }
  const [head = '', tail] = host.split('::');
  const groups = (text: string | undefined) => (text ? text.split(':') : []);
  const before = groups(head);
  const after = groups(tail);
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join('');
}
