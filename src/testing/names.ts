import type { Dialect } from './versions.ts';
import { firstLabelEnd } from './wire.ts';

/**
 * What a name under the domain asks for, read right to left as Consul does (F1.1).
 *
 * Everything is lower case here; what must be given back as spelt is taken from the question.
 */
export type Asked =
  | { kind: 'service' | 'connect' | 'ingress'; service: string; tag: string; place: Place }
  | { kind: 'virtual'; service: string; peer: string | undefined }
  | { kind: 'query'; name: string; datacenter: string | undefined }
  | { kind: 'node'; name: string; place: Place }
  | { kind: 'addr'; hex: string }
  /** Inside the domain, but nothing there can have this name. */
  | { kind: 'nothing' }
  /** What this version cannot do, and says so with SERVFAIL. */
  | { kind: 'failing' };

export interface Place {
  datacenter?: string;
  peer?: string;
  /** Name of one of several ports; SRV alone minds it (F1.8). */
  port?: string;
}

const NOTHING: Asked = { kind: 'nothing' };
const KEYWORDS = new Set(['service', 'connect', 'ingress', 'node', 'query', 'addr']);

export interface Syntax {
  dialect: Dialect;
  /** The label `service` may be left out of an RFC 2782 name, in SRV questions only (F1.5). */
  srv: boolean;
}

/** `name`: what stands left of the domain, without the dot between. */
export function readServiceName(name: string, { dialect, srv }: Syntax): Asked {
  const labels = splitLabels(name.toLowerCase());
  for (let at = labels.length - 1; at >= 0; at--) {
    const label = labels[at]!;
    if (KEYWORDS.has(label) || (dialect.newNames && label === 'virtual')) {
      return readParts(label, labels.slice(0, at), labels.slice(at + 1), dialect);
    }
    if (srv && label.startsWith('_')) {
      return readParts('service', labels.slice(0, at + 1), labels.slice(at + 1), dialect);
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

function readParts(keyword: string, parts: string[], suffix: string[], dialect: Dialect): Asked {
  const last = parts.at(-1);
  if (last === undefined) return NOTHING;
  if (keyword === 'addr') return parts.length === 1 ? { kind: 'addr', hex: last } : NOTHING;
  if (keyword === 'query' && suffix.length > 1 && !dialect.v2dns) return NOTHING;
  // Sameness groups are Enterprise; v2dns tries all the same.
  if (dialect.v2dns && suffix.includes('sg', 1)) return { kind: 'failing' };
  const place = readSuffix(suffix, dialect);
  if (place === undefined) return NOTHING;
  if (keyword === 'query')
    return { kind: 'query', name: queryName(parts, dialect), datacenter: place.datacenter };
  // v2dns takes what stands before the last dot for a tag, and forgets it.
  if (keyword === 'node') return { kind: 'node', name: dialect.v2dns ? last : parts.join('.'), place };
  // Mesh addresses are of the own datacenter only: a single label is a peer here (F1.13).
  if (keyword === 'virtual')
    return { kind: 'virtual', service: last, peer: suffix.length === 1 ? suffix[0] : place.peer };
  if (keyword === 'connect' || keyword === 'ingress') return { kind: keyword, service: last, tag: '', place };
  const [first = '', second = ''] = parts;
  if (parts.length === 2 && first.startsWith('_') && second.startsWith('_')) {
    // `_tcp` filters nothing, every other protocol is a tag (F1.4).
    const tag = second === '_tcp' ? '' : second.slice(1);
    return { kind: 'service', service: first.slice(1), tag, place };
  }
  if (dialect.v2dns && parts.length === 3 && second === 'port') return NOTHING;
  const tag = dialect.v2dns ? '' : parts.slice(0, -1).join('.');
  return { kind: 'service', service: last, tag, place };
}

/** The parts are one name with dots; from 1.15 on also `_name._tcp`, whatever the protocol (F1.9). */
function queryName(parts: string[], { newNames }: Dialect): string {
  if (newNames && parts.length > 1 && parts[0]!.startsWith('_') && parts.at(-1)!.startsWith('_')) {
    return parts.slice(0, -1).join('.').slice(1);
  }
  return parts.join('.');
}

/** Nothing, a datacenter, or on newer versions pairs of value and kind (F1.6); undefined for what cannot be. */
function readSuffix(suffix: string[], { newNames, namedPorts, v2dns }: Dialect): Place | undefined {
  const [only] = suffix;
  if (only === undefined) return {};
  if (suffix.length === 1) return { datacenter: only };
  if (!newNames || suffix.length % 2 === 1 || suffix.length > 6) return undefined;
  const place: Place = {};
  for (let at = 0; at < suffix.length; at += 2) {
    const [value, kind] = [suffix[at]!, suffix[at + 1]];
    if (kind === 'dc') place.datacenter = value;
    else if (kind === 'peer') place.peer = value;
    else if (kind === 'port' && namedPorts) place.port = value;
    // `ns`, `ap` and `sg` are Enterprise; v2dns knows of each kind the one that everybody has.
    else if (!(v2dns && value === 'default' && (kind === 'ns' || kind === 'ap'))) return undefined;
  }
  return place.datacenter !== undefined && place.peer !== undefined ? undefined : place;
}
