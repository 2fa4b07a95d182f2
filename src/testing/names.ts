import { firstLabelEnd } from './wire.ts';

/**
 * What a name under the domain asks for, read right to left as Consul does (F1.1).
 *
 * Everything is lower case here; what must be given back as spelt is taken from the question.
 */
export type Asked =
  | {
      kind: 'service';
      service: string;
      tag: string;
      datacenter: string | undefined;
      port: string | undefined;
    }
  | { kind: 'query'; name: string; datacenter: string | undefined }
  | { kind: 'node'; name: string; datacenter: string | undefined }
  | { kind: 'addr'; hex: string }
  /** A mesh address: the double has none. */
  | { kind: 'virtual' }
  /** Inside the domain, but nothing there can have this name. */
  | { kind: 'nothing' };

const NOTHING: Asked = { kind: 'nothing' };
const KEYWORDS = new Set(['service', 'connect', 'ingress', 'node', 'query', 'addr']);

export interface Dialect {
  /** Whether names of the newest version are understood: `.dc`, `.port`, `virtual`, `_name._tcp.query`. */
  newest: boolean;
  /** The label `service` may be left out of an RFC 2782 name, in SRV questions only (F1.5). */
  srv: boolean;
}

/** `name`: what stands left of the domain, without the dot between. */
export function readServiceName(name: string, dialect: Dialect): Asked {
  const labels = splitLabels(name.toLowerCase());
  for (let at = labels.length - 1; at >= 0; at--) {
    const label = labels[at]!;
    if (KEYWORDS.has(label) || (dialect.newest && label === 'virtual')) {
      return readParts(label, labels.slice(0, at), labels.slice(at + 1), dialect.newest);
    }
    if (dialect.srv && label.startsWith('_')) {
      return readParts('service', labels.slice(0, at + 1), labels.slice(at + 1), dialect.newest);
    }
  }
  return NOTHING;
}

function splitLabels(name: string): string[] {
  const labels: string[] = [];
  for (let rest = name; rest !== ''; ) {
    const end = firstLabelEnd(rest);
    labels.push(rest.slice(0, end));
    rest = rest.slice(end + 1);
  }
  return labels;
}

function readParts(keyword: string, parts: string[], suffix: string[], newest: boolean): Asked {
  if (parts.length === 0) return NOTHING;
  if (keyword === 'virtual') return { kind: 'virtual' };
  if (keyword === 'addr') return parts.length === 1 ? { kind: 'addr', hex: parts[0]! } : NOTHING;
  if (keyword === 'query') {
    return suffix.length > 1
      ? NOTHING
      : { kind: 'query', name: queryName(parts, newest), datacenter: suffix[0] };
  }
  const place = readSuffix(suffix, newest);
  if (place === undefined) return NOTHING;
  if (keyword === 'node') return { kind: 'node', name: parts.join('.'), datacenter: place.datacenter };
  // No sidecars, no ingress gateways in the double.
  if (keyword !== 'service') return NOTHING;
  const [first = '', second = ''] = parts;
  if (parts.length === 2 && first.startsWith('_') && second.startsWith('_')) {
    // `_tcp` filters nothing, every other protocol is a tag (F1.4).
    const tag = second === '_tcp' ? '' : second.slice(1);
    return { kind: 'service', service: first.slice(1), tag, ...place };
  }
  return { kind: 'service', service: parts.at(-1)!, tag: parts.slice(0, -1).join('.'), ...place };
}

/** The parts are one name with dots; from 1.15 on also `_name._tcp`, whatever the protocol (F1.9). */
function queryName(parts: string[], newest: boolean): string {
  if (newest && parts.length > 1 && parts[0]!.startsWith('_') && parts.at(-1)!.startsWith('_')) {
    return parts.slice(0, -1).join('.').slice(1);
  }
  return parts.join('.');
}

/** Nothing, a datacenter, or on the newest version pairs of value and kind (F1.6); undefined for what cannot be. */
function readSuffix(
  suffix: string[],
  newest: boolean,
): { datacenter: string | undefined; port: string | undefined } | undefined {
  if (suffix.length <= 1) return { datacenter: suffix[0], port: undefined };
  if (!newest || suffix.length % 2 === 1 || suffix.length > 6) return undefined;
  const place: { datacenter: string | undefined; port: string | undefined } = {
    datacenter: undefined,
    port: undefined,
  };
  for (let at = 0; at < suffix.length; at += 2) {
    // `peer`: no cluster is peered with a double; `ns`, `ap` and `sg` are Enterprise.
    if (suffix[at + 1] === 'dc') place.datacenter = suffix[at];
    else if (suffix[at + 1] === 'port') place.port = suffix[at];
    else return undefined;
  }
  return place;
}
