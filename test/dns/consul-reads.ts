/**
 * How Consul reads a name, written after its own source (agent/dns.go, `dispatch` and `parseLocality`) and after nothing of ours: a model
 * to hold our names against.
 */
export interface Reading {
  kind: string;
  /** What is looked up: the bare name, or the digits of an address. */
  subject: string;
  tag?: string;
  datacenter?: string;
  peer?: string;
  port?: string;
  namespace?: string;
  partition?: string;
}

export interface Dialect {
  /** As 1.8.7, or as 1.22.7 with what its Enterprise edition adds (`.ns`, `.ap`; from its documentation). */
  version: '1.8.7' | '1.22.7';
  /** In SRV questions RFC 2782 names may leave the label `service` out. */
  type: 'SRV' | 'A';
}

const words: Record<string, keyof Reading> = {
  dc: 'datacenter',
  peer: 'peer',
  port: 'port',
  ns: 'namespace',
  ap: 'partition',
};

/** `undefined`: Consul says that there is no such name, whatever is registered. */
export function consulReads(question: string, domain: string, dialect: Dialect): Reading | undefined {
  const newest = dialect.version === '1.22.7';
  const name = question.toLowerCase().replace(/\.$/, '');
  if (!name.endsWith(`.${domain}`)) return undefined;
  const labels = name.slice(0, -domain.length - 1).split('.');
  const kinds = ['service', 'connect', 'ingress', 'node', 'query', 'addr', ...(newest ? ['virtual'] : [])];
  for (let at = labels.length - 1; at >= 0; at--) {
    const label = labels[at]!;
    if (kinds.includes(label)) return read(label, labels.slice(0, at), labels.slice(at + 1), newest);
    if (dialect.type === 'SRV' && label.startsWith('_')) {
      return read('service', labels.slice(0, at + 1), labels.slice(at + 1), newest);
    }
  }
  return undefined;
}

function read(kind: string, parts: string[], right: string[], newest: boolean): Reading | undefined {
  const last = parts.at(-1);
  if (last === undefined) return undefined;
  if (kind === 'addr') return parts.length === 1 ? { kind, subject: last } : undefined;
  const place = readPlace(kind, right, newest);
  if (place === undefined) return undefined;
  switch (kind) {
    case 'query': {
      const rfc2782 = newest && parts.length > 1 && parts[0]!.startsWith('_') && last.startsWith('_');
      return {
        kind,
        subject: rfc2782 ? parts.slice(0, -1).join('.').slice(1) : parts.join('.'),
        ...place,
      };
    }
    case 'node':
      return { kind, subject: parts.join('.'), ...place };
    case 'service': {
      if (parts.length === 2 && parts.every((part) => part.startsWith('_'))) {
        const tag = last.slice(1);
        return { kind, subject: parts[0]!.slice(1), ...(tag !== 'tcp' && { tag }), ...place };
      }
      const tag = parts.slice(0, -1).join('.');
      return { kind, subject: last, ...(parts.length > 1 && { tag }), ...place };
    }
    default: {
      // Seen live: what stands before the service, peers and ports are left out of account; so is the datacenter of .virtual.
      const { peer, port, datacenter, ...rest } = place;
      if (kind === 'virtual') return { kind, subject: last, ...(peer !== undefined && { peer }), ...rest };
      return { kind, subject: last, ...(datacenter !== undefined && { datacenter }), ...rest };
    }
  }
}

function readPlace(kind: string, right: string[], newest: boolean): Partial<Reading> | undefined {
  const [only] = right;
  if (only === undefined) return {};
  if (right.length === 1) return kind === 'virtual' ? { peer: only } : { datacenter: only };
  // Prepared queries take one label or none.
  if (!newest || kind === 'query' || right.length % 2 === 1) return undefined;
  const place: Record<string, string> = {};
  for (let at = 0; at < right.length; at += 2) {
    const key = words[right[at + 1]!];
    if (key === undefined) return undefined;
    place[key] = right[at]!;
  }
  return place['datacenter'] !== undefined && place['peer'] !== undefined ? undefined : place;
}
