/**
 * Names: what a user says ⇄ the DNS name that is asked.
 *
 * Everything that becomes part of a question passes label.ts, and a name is written so that Consul, which reads it from its right
 * end, finds in it the kind, the parts and the place that were given and nothing else: no text from outside can lead a
 * question to another datacenter or another kind of lookup.
 */
import { InvalidNameError } from '../errors.ts';
import { hexFromIp } from './addr-name.ts';
import { checkName } from './check-name.ts';
import { quote } from './label.ts';
import { kindOf, type QueryByName, type ServiceByName, type ServiceName, subjectOf } from './name-kinds.ts';
import { placeSuffix } from './name-place.ts';
import { orderedMark, parseName, wrapped } from './parse-name.ts';

export {
  type AddressByName,
  type IngressByName,
  isHostName,
  isMesh,
  type Kind,
  kindOf,
  type MeshByName,
  type NodeByName,
  type QueryByName,
  type ServiceByName,
  type ServiceName,
  subjectOf,
  type VirtualByName,
} from './name-kinds.ts';

/**
 * Understands `web`, all of Consul's full names, each with or without a final dot, and the typed forms:
 *
 * - `[v1.]web.service.consul`, `_web._v1[.service].consul` (RFC 2782: what follows is a tag, except `_tcp`)
 * - `nearest.query.consul`, `_nearest._tcp.query.consul`
 * - `web.connect.consul`, `web.ingress.consul`, `web.virtual.consul`
 * - `x.node.consul`, `7f000001.addr.consul`
 *
 * and behind any of them where to look: `.dc2`, or pairs like `.dc2.dc`, `.p1.peer`, `.admin.port`, `.ns1.ns`, `.ap1.ap`.
 *
 * @param domain Consul's DNS domain, `consul` by default.
 * @throws InvalidNameError which says what is wrong and how to write it.
 */
export function parseServiceName(input: string | ServiceName, domain = 'consul'): ServiceName {
  const name = typeof input === 'string' ? parseName(input, domain) : checkName(input);
  const asked = dnsName(name, domain);
  if (asked.length > 253) {
    throw new InvalidNameError(
      `The name ${quote(asked)} has ${asked.length} characters; DNS allows 253. Use a shorter tag or name.`,
    );
  }
  return name;
}

/** The name to ask for. The plain form, except where only RFC 2782 can say it. */
export function dnsName(name: ServiceName, domain = 'consul'): string {
  const right = `${placeSuffix(name)}.${domain}`;
  const kind = kindOf(name);
  if (kind === 'service') return `${serviceParts(name as ServiceByName)}.service${right}`;
  if (kind === 'query') return `${queryParts(name as QueryByName)}.query${right}`;
  const subject = subjectOf(name);
  return `${kind === 'addr' ? hexFromIp(subject) : subject}.${kind}${right}`;
}

/**
 * One string per thing asked for, however it was written: names are the same to Consul in any case. It is the DNS name, followed by
 * `;ordered` for a prepared query whose order is kept: that is asked for by the same name but is another list.
 * `parseServiceName` understands it.
 */
export function canonicalName(name: ServiceName, domain = 'consul'): string {
  const asked = dnsName(name, domain).toLowerCase();
  return 'ordered' in name && name.ordered === true ? asked + orderedMark : asked;
}

/**
 * Checks a name that came from somewhere else (an SRV target) before it is asked for.
 * @returns the name in lower case without the final dot, or `undefined` where it is not fit to be asked.
 */
export function askableHost(host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, '');
  const fit = name.length <= 253 && name.split('.').every((part) => /^[a-z0-9_/=-]{1,63}$/.test(part));
  return fit ? name : undefined;
}

function serviceParts({ service, tag }: ServiceByName): string {
  if (tag === undefined) return service;
  // Two parts that both start with an underscore are read as RFC 2782, which strips one underscore from each.
  if (!service.startsWith('_') || !tag.startsWith('_') || tag.includes('.')) return `${tag}.${service}`;
  if (service.length < 63 && tag.length < 63) return `_${service}._${tag}`;
  throw new InvalidNameError(
    `No DNS name can ask for the service ${quote(service)} with the tag ${quote(tag)}: both start with an underscore and one is too long for the RFC 2782 form (62 characters).`,
  );
}

function queryParts({ query }: QueryByName): string {
  const parts = query.split('.');
  if (!wrapped(parts)) return query;
  if (parts[0]!.length < 63) return `_${query}._tcp`;
  throw new InvalidNameError(
    `No DNS name can ask for the prepared query ${quote(query)}: its first and last part start with an underscore and the first is too long for the RFC 2782 form (62 characters).`,
  );
}
