import type { Answer } from './answer.ts';
import { inDomain } from './domains.ts';
import type { Query } from './query.ts';
import { recurse } from './recursor.ts';
import { trimUdp } from './trim.ts';
import { type DnsRecord, TYPES } from './wire.ts';
import type { World } from './world.ts';

/** Names inside the domain that lead to further such names are followed this far (F2.8). */
export const LEVELS = 3;

export interface Host {
  records: DnsRecord[];
  /** ms */
  took: number;
}

/** What Consul puts behind a host name that stands in the place of an address: its own knowledge, or its recursor's. */
export function resolveHost(
  { settings }: World,
  query: Query,
  host: string,
  levels: number,
  answer: (inner: Query, levels: number) => Answer,
): Host {
  if (inDomain(settings, host) === undefined) {
    const zone = settings.recursor;
    if (zone === undefined) return { records: [], took: 0 };
    // Only A is ever asked for, also where an AAAA question is behind it (F2.10).
    const { answers, took } = recurse(zone, host, (type) => type === 'A');
    return { records: answers, took };
  }
  if (levels < 1) return { records: [], took: 0 };
  const inner = answer({ ...query, name: host, type: TYPES.ANY, edns: undefined }, levels - 1);
  return {
    records: settings.dialect.trimsInside ? asOverUdp(settings, host, inner) : inner.answers,
    took: inner.took,
  };
}

function asOverUdp(settings: World['settings'], name: string, inner: Answer): DnsRecord[] {
  if (!inner.trimmed && !settings.dialect.trimsEverything) return inner.answers;
  const { answers, authorities, additionals } = inner;
  const question = { name, type: TYPES.ANY, class: 1 };
  const message = { id: 0, flags: 0, question, answers, authorities, additionals };
  return [...trimUdp(message, { ...settings, edns: undefined }).message.answers];
}
