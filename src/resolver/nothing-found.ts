import type { DnsAnswer } from '../dns/client.ts';
import type { SrvRecord } from '../dns/reply.ts';
import { DnsError, ServiceNotFoundError } from '../errors.ts';
import type { Family } from './host-addresses.ts';

/** Consul said that there is nothing under the name: the one kind of "not found" that a missing permission can look like. */
export class DeniedOrNothing extends ServiceNotFoundError {}

/** Consul answered that there is nothing; with the things that can mean. */
export function notFound(question: string, type: string, { reply, server }: DnsAnswer): ServiceNotFoundError {
  const said = reply.rcode === 'NXDOMAIN' ? 'NXDOMAIN' : `no ${type} records`;
  return new DeniedOrNothing(
    `${question}: Consul at ${server.text} answered ${said}. That means one of: no such service, tag or datacenter; no healthy instance; the agent's DNS token may not read the service and its nodes (ACL). DNS cannot tell them apart.`,
  );
}

/** The same with what it can mean besides, for this form of name and for an agent that shows nothing at all. */
export function explained(
  error: DeniedOrNothing,
  meanings: readonly string[],
  showsNoServers: boolean,
): ServiceNotFoundError {
  const more = meanings.length > 0 ? ` For this kind of name also: ${meanings.join('; ')}.` : '';
  const acl = showsNoServers
    ? ' This agent shows no Consul servers either (NS of its domain is empty), which hints at the ACL: does its DNS token have service:read and node:read?'
    : '';
  return more === '' && acl === '' ? error : new ServiceNotFoundError(`${error.message}${more}${acl}`);
}

/** Instances are listed, and none can be called. */
export function withoutAddresses(
  question: string,
  answers: readonly SrvRecord[],
  family: Family,
  { server }: DnsAnswer,
): ServiceNotFoundError {
  const some = answers.slice(0, 3).map(({ target, port }) => `${target}:${port}`);
  const wanted = family === 'any' ? '' : ` of the family that is asked for (family: ${family})`;
  const hidden = family === 4 && answers.some(({ target }) => /^[0-9a-f]{32}\.addr\./.test(target));
  const dualStack = hidden
    ? " Of instances that have both families Consul's SRV records show IPv6 only: for their IPv4 use records: 'A' with a port."
    : '';
  return new ServiceNotFoundError(
    `${question}: Consul at ${server.text} listed ${answers.length} instance(s), none with a port and a usable address${wanted}: ${some.join(', ')}. Register them with a port, and with an address that Consul or this machine can resolve.${dualStack}`,
  );
}

/** Instances are there, and the reply shows none: a failure, not an answer. */
export function cutToNothing(question: string, { server, transport }: DnsAnswer): DnsError {
  const message = `${question}: the reply of Consul at ${server.text} by ${transport} was cut and holds no record of what was asked for. Is TCP let through to it?`;
  return new DnsError('ERR_DNS_RESPONSE', message, []);
}

/** Instances are listed under host names for which nobody could be asked: a failure, not an answer. */
export function unresolvedNow(question: string, targets: readonly string[], { server }: DnsAnswer): DnsError {
  const message = `${question}: Consul at ${server.text} listed instances whose addresses could not be resolved just now: ${targets.slice(0, 3).join(', ')}.`;
  return new DnsError('ERR_DNS_RESPONSE', message, []);
}
