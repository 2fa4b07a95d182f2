import { InvalidNameError } from '../errors.ts';
import { checkIp } from './addr-name.ts';
import { dotted, label, quote } from './label.ts';
import { type Kind, kinds, type ServiceName } from './name-kinds.ts';
import { checkPlace } from './name-place.ts';

/** What can be said of each kind, beside its subject. */
const keysOf: Readonly<Record<Kind, readonly string[]>> = {
  service: ['tag', 'datacenter', 'peer', 'port', 'namespace', 'partition'],
  query: ['datacenter', 'ordered'],
  connect: ['datacenter', 'namespace', 'partition'],
  ingress: ['datacenter', 'namespace', 'partition'],
  node: ['datacenter', 'peer', 'partition'],
  virtual: ['peer', 'namespace', 'partition'],
  addr: [],
};

const localOnly =
  'Consul ignores the peer of such a name and answers with instances of its own cluster. Ask for { service, peer }.';
const withoutTags = 'Consul ignores tags in such a name and answers with all instances.';

/** What Consul would not refuse but leave out of account, so that something else than what was meant is found. */
const ignored: Partial<Record<Kind, Readonly<Record<string, string>>>> = {
  query: { tag: 'A prepared query chooses its own tags.' },
  connect: { peer: localOnly, tag: withoutTags },
  ingress: { peer: localOnly, tag: withoutTags },
  virtual: {
    tag: withoutTags,
    datacenter:
      'Virtual addresses hold in one datacenter: Consul ignores another and answers with an address of its own.',
  },
};

/**
 * A typed name from outside → the same with every part checked, and nothing else in it.
 *
 * @throws InvalidNameError
 */
export function checkName(input: unknown): ServiceName {
  if (typeof input !== 'object' || input === null) {
    throw new InvalidNameError(
      `A service is named by a string or an object like { service: 'web' }, not by ${input === null ? 'null' : typeof input}.`,
    );
  }
  // Read once: what was checked is what is used.
  const given: Record<string, unknown> = { ...input };
  const said = Object.keys(given).filter((key) => given[key] !== undefined);
  const [kind, ...further] = kinds.filter((one) => said.includes(one));
  if (kind === undefined || further.length > 0) {
    throw new InvalidNameError(
      `A name says exactly one of { ${kinds.join(' | ')} }; this one says ${kind === undefined ? 'none' : [kind, ...further].join(' and ')}.`,
    );
  }
  refuseUnknown(kind, said);
  const place = checkPlace(given);
  switch (kind) {
    case 'service': {
      const service = serviceLabel(given['service']);
      return given['tag'] === undefined
        ? { service, ...place }
        : { service, tag: dotted('tag', given['tag']), ...place };
    }
    case 'query': {
      const query = dotted('prepared query', given['query']);
      return isOrdered(given['ordered']) ? { query, ...place, ordered: true } : { query, ...place };
    }
    case 'connect':
      return { connect: serviceLabel(given['connect']), ...place };
    case 'ingress':
      return { ingress: serviceLabel(given['ingress']), ...place };
    case 'virtual':
      return { virtual: serviceLabel(given['virtual']), ...place };
    case 'node':
      return { node: dotted('node', given['node']), ...place };
    case 'addr':
      return { addr: checkIp(given['addr']) };
  }
}

/** Why a dot cannot be part of a service's name, and what was probably meant. */
export function whyNoDots(text: string): string {
  const dot = text.lastIndexOf('.');
  return `A dot separates a tag from a service in DNS, so Consul would look for the service ${quote(text.slice(dot + 1))} with the tag ${quote(text.slice(0, dot))}; a service registered with a dot in its name cannot be reached by DNS. Mean a tag? Write { service: ${quote(text.slice(dot + 1))}, tag: ${quote(text.slice(0, dot))} }.`;
}

export function serviceLabel(value: unknown): string {
  if (typeof value === 'string' && value.includes('.')) {
    throw new InvalidNameError(`${quote(value)} cannot be a service name. ${whyNoDots(value)}`);
  }
  return label('service', value);
}

function refuseUnknown(kind: Kind, said: readonly string[]): void {
  const known = [kind as string, ...keysOf[kind]];
  const unknown = said.filter((key) => !known.includes(key));
  const [first] = unknown;
  if (first === undefined) return;
  const reason = ignored[kind]?.[first];
  if (reason !== undefined) {
    throw new InvalidNameError(`A { ${kind} } name cannot have ${quote(first)}. ${reason}`);
  }
  const optional = keysOf[kind].map((key) => `, ${key}?`).join('');
  throw new InvalidNameError(
    `Unknown key ${unknown.map(quote).join(', ')} in a service name; expected { ${kind}${optional} }.`,
  );
}

function isOrdered(value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true;
  throw new InvalidNameError(`\`ordered\` of a prepared query must be true or false, not ${typeof value}.`);
}
