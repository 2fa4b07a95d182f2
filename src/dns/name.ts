/**
 * Names: what a user says ⇄ the DNS name that is asked.
 *
 * Everything that becomes part of a question passes `label()` below: letters, digits and `-_/=` (the characters that Consul was
 * seen to answer), at most 63 bytes. A name that passes cannot smuggle a further label, another datacenter or another
 * lookup kind into the question.
 */
import { InvalidNameError } from '../errors.ts';

/** A service by its parts; nothing in it needs quoting or knowing about DNS. */
export interface ServiceByName {
  readonly service: string;
  /** One tag that instances must have. Dots are allowed (`v1.2.3`). DNS cannot ask for two tags. */
  readonly tag?: string;
  /** Default: the datacenter of the agent that is asked. */
  readonly datacenter?: string;
}

/** A prepared query, by name or id. */
export interface QueryByName {
  readonly query: string;
  readonly datacenter?: string;
}

export type ServiceName = ServiceByName | QueryByName;

/** The kinds of lookup Consul knows, by the label that stands for them. It takes the rightmost one in a name. */
const lookupLabels = new Set(['service', 'connect', 'ingress', 'node', 'query', 'addr', 'virtual']);

/**
 * Understands `web`, `web.service.consul`, `v1.web.service.dc2.consul`, `_web._tcp.service.consul` (RFC 2782),
 * `nearest.query.consul`, each with or without a final dot, and the typed forms.
 *
 * @param domain Consul's DNS domain, `consul` by default.
 * @throws InvalidNameError which says what is wrong and how to write it.
 */
export function parseServiceName(input: string | ServiceName, domain = 'consul'): ServiceName {
  const name = typeof input === 'string' ? fromText(input, domain) : fromObject(input);
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
  const suffix = name.datacenter === undefined ? domain : `${name.datacenter}.${domain}`;
  if ('query' in name) return `${name.query}.query.${suffix}`;
  if (name.tag === undefined) return `${name.service}.service.${suffix}`;
  // Two parts that both start with an underscore are read as RFC 2782, which strips one underscore from each.
  const looksLikeRfc2782 =
    name.service.startsWith('_') && name.tag.startsWith('_') && !name.tag.includes('.');
  if (looksLikeRfc2782) return `_${name.tag}`.length > 63 ? refuseUnderscores(name) : rfc2782(name, suffix);
  return `${name.tag}.${name.service}.service.${suffix}`;
}

/** One string per thing asked for, however it was written: names are the same to Consul in any case. */
export function canonicalName(name: ServiceName, domain = 'consul'): string {
  return dnsName(name, domain).toLowerCase();
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

function rfc2782(name: ServiceByName, suffix: string): string {
  return `_${name.service}._${name.tag}.service.${suffix}`;
}

function refuseUnderscores(name: ServiceByName): never {
  throw new InvalidNameError(
    `No DNS name can ask for the service ${quote(name.service)} with the tag ${quote(name.tag ?? '')}: both start with an underscore and the tag is too long for the RFC 2782 form (62 characters).`,
  );
}

function fromObject(input: unknown): ServiceName {
  if (typeof input !== 'object' || input === null) {
    throw new InvalidNameError(
      `A service is named by a string or an object like { service: 'web' }, not by ${input === null ? 'null' : typeof input}.`,
    );
  }
  const given = input as Record<string, unknown>;
  const known = 'query' in given ? ['query', 'datacenter'] : ['service', 'tag', 'datacenter'];
  const unknown = Object.keys(given).filter((key) => given[key] !== undefined && !known.includes(key));
  if (unknown.length > 0) {
    throw new InvalidNameError(
      `Unknown key ${unknown.map(quote).join(', ')} in a service name; expected { service, tag?, datacenter? } or { query, datacenter? }.`,
    );
  }
  const datacenter =
    given['datacenter'] === undefined ? {} : { datacenter: datacenterLabel(given['datacenter']) };
  if ('query' in given) return { query: dotted('prepared query', given['query']), ...datacenter };
  const service = serviceLabel(given['service']);
  if (given['tag'] === undefined) return { service, ...datacenter };
  return { service, tag: dotted('tag', given['tag']), ...datacenter };
}

function fromText(input: string, domain: string): ServiceName {
  const text = input.replace(/\.$/, '');
  if (!text.includes('.')) return { service: serviceLabel(text) };
  if (!text.toLowerCase().endsWith(`.${domain.toLowerCase()}`)) {
    throw new InvalidNameError(
      `${quote(input)} is neither a bare service name nor a full name that ends in .${domain}. ${whyNoDots(text)}`,
    );
  }
  const labels = text.slice(0, -domain.length - 1).split('.');
  const at = labels.findLastIndex((part) => lookupLabels.has(part.toLowerCase()));
  const kind = labels[at]?.toLowerCase();
  if (at === -1) return fromShortRfc2782(input, labels);
  const parts = labels.slice(0, at);
  const datacenter = datacenterOf(input, labels.slice(at + 1));
  if (parts.length === 0) throw new InvalidNameError(`${quote(input)} names nothing in front of .${kind}.`);
  if (kind === 'query') return fromObject({ query: withoutRfc2782(parts).join('.'), ...datacenter });
  if (kind !== 'service') {
    throw new InvalidNameError(
      `${quote(input)} is a ".${kind}" name, not a service: expected …service[.datacenter].${domain} or …query[.datacenter].${domain}.`,
    );
  }
  if (isRfc2782(parts)) return fromRfc2782(parts, datacenter);
  const tag = parts.slice(0, -1).join('.');
  return fromObject({ service: parts.at(-1), ...(parts.length > 1 && { tag }), ...datacenter });
}

/** `_web._tcp[.dc]`: RFC 2782 names may leave the label `service` out. */
function fromShortRfc2782(input: string, labels: readonly string[]): ServiceName {
  const parts = labels.slice(0, 2);
  if (!isRfc2782(parts)) {
    throw new InvalidNameError(
      `${quote(input)} does not say what it names: write ${labels.join('.')}.service.… for a service or ….query.… for a prepared query.`,
    );
  }
  return fromRfc2782(parts, datacenterOf(input, labels.slice(2)));
}

function isRfc2782(parts: readonly string[]): boolean {
  return parts.length === 2 && parts.every((part) => part.startsWith('_'));
}

/** The second part is a tag, whatever RFC 2782 calls it; only `_tcp` means "no tag" to Consul. */
function fromRfc2782(parts: readonly string[], datacenter: { datacenter?: string }): ServiceName {
  const [service, tag] = parts.map((part) => part.slice(1));
  return fromObject({ service, ...(tag?.toLowerCase() !== 'tcp' && { tag }), ...datacenter });
}

function withoutRfc2782(parts: readonly string[]): readonly string[] {
  const wrapped = parts.length > 1 && parts[0]?.startsWith('_') && parts.at(-1)?.startsWith('_');
  return wrapped ? [parts[0]!.slice(1), ...parts.slice(1, -1)] : parts;
}

function datacenterOf(input: string, suffix: readonly string[]): { datacenter?: string } {
  if (suffix.length === 0) return {};
  const pair = suffix.length === 2 && suffix[1]?.toLowerCase() === 'dc';
  if (suffix.length === 1 || pair) return { datacenter: datacenterLabel(suffix[0]) };
  throw new InvalidNameError(
    `${quote(input)} has ${quote(suffix.join('.'))} where only a datacenter can stand: ….service.dc2.consul or ….service.dc2.dc.consul.`,
  );
}

function serviceLabel(value: unknown): string {
  if (typeof value === 'string' && value.includes('.')) {
    throw new InvalidNameError(`${quote(value)} cannot be a service name. ${whyNoDots(value)}`);
  }
  return label('service', value);
}

function whyNoDots(text: string): string {
  const dot = text.lastIndexOf('.');
  return `A dot separates a tag from a service in DNS, so Consul would look for the service ${quote(text.slice(dot + 1))} with the tag ${quote(text.slice(0, dot))}; a service registered with a dot in its name cannot be reached by DNS. Mean a tag? Write { service: ${quote(text.slice(dot + 1))}, tag: ${quote(text.slice(0, dot))} }.`;
}

function datacenterLabel(value: unknown): string {
  const name = label('datacenter', value);
  if (lookupLabels.has(name.toLowerCase())) {
    throw new InvalidNameError(
      `${quote(name)} cannot be a datacenter here: Consul would take it for a kind of lookup.`,
    );
  }
  return name;
}

/** Tags and prepared queries may contain dots; each piece between them is a label. */
function dotted(what: string, value: unknown): string {
  if (typeof value !== 'string') return label(what, value);
  return value
    .split('.')
    .map((part) => label(what, part))
    .join('.');
}

function label(what: string, value: unknown): string {
  if (typeof value !== 'string') {
    throw new InvalidNameError(
      `A ${what} name must be a string, not ${value === null ? 'null' : typeof value}.`,
    );
  }
  if (value === '') throw new InvalidNameError(`A ${what} name (or a part of it between dots) is empty.`);
  if (!/^[A-Za-z0-9_/=-]+$/.test(value)) {
    throw new InvalidNameError(
      `The ${what} name ${quote(value)} has a character that Consul's DNS does not answer; letters, digits and - _ / = are safe.`,
    );
  }
  if (value.length > 63) {
    throw new InvalidNameError(
      `The ${what} name ${quote(value)} has ${value.length} bytes; a DNS label holds 63, so no question can ask for it.`,
    );
  }
  return value;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text);
}
