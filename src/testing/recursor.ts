import type { DnsRecord } from './wire.ts';

/** A record of a name outside Consul's domain. */
export interface RecursorRecord {
  type: 'A' | 'AAAA' | 'CNAME';
  /** An address, or the name a CNAME leads to. */
  data: string;
  /** In seconds, as it comes from the recursor; default 60. */
  ttl?: number;
}

/** 'timeout': the recursor stays silent, for which Consul waits 2 s. */
export type RecursorFailure = 'timeout' | 'SERVFAIL' | 'REFUSED';

/** What Consul's recursors answer, by name in lower case. A name that is not there is NXDOMAIN. */
export type RecursorZone = Record<string, readonly RecursorRecord[] | RecursorFailure>;

/** ms until Consul gives up on a recursor that is silent (F5.13). */
export const RECURSOR_TIMEOUT = 2_000;

export interface Recursed {
  rcode: number;
  answers: DnsRecord[];
  /** ms the recursor took. */
  took: number;
}

const NXDOMAIN = 3;
const SERVFAIL = 2;

/**
 * As a resolver answers: through CNAMEs to their end. A loop is gone round once and given back as a loop (F2.9).
 *
 * `keep` says which records, other than CNAMEs, answer the question.
 */
export function recurse(zone: RecursorZone, name: string, keep: (type: 'A' | 'AAAA') => boolean): Recursed {
  const answers: DnsRecord[] = [];
  const visited = new Set<string>();
  let at: string | undefined = name;
  while (at !== undefined && !visited.has(at.toLowerCase())) {
    visited.add(at.toLowerCase());
    const owner: string = at;
    const known = zone[owner.toLowerCase()];
    if (typeof known === 'string')
      return { rcode: SERVFAIL, answers: [], took: known === 'timeout' ? RECURSOR_TIMEOUT : 0 };
    if (known === undefined) return { rcode: answers.length === 0 ? NXDOMAIN : 0, answers, took: 0 };
    at = undefined;
    for (const { type, data, ttl = 60 } of known) {
      if (type === 'CNAME') {
        answers.push({ name: owner, ttl, type, target: data });
        at = data;
      } else if (keep(type)) {
        answers.push({ name: owner, ttl, type, address: data });
      }
    }
  }
  return { rcode: 0, answers, took: 0 };
}
