import type { DnsRecord } from './wire.ts';

export const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

/** Everything of a reply that does not depend on how much fits. */
export interface Answer {
  rcode: number;
  /** AA: the name is inside the domain. */
  authoritative: boolean;
  answers: DnsRecord[];
  authorities: DnsRecord[];
  additionals: DnsRecord[];
  /** Whether the reply goes through the trimmer on every version. */
  trimmed: boolean;
  /** Passed on from a recursor as it came: no OPT, no trim. */
  recursed: boolean;
  /** ms that recursors took. */
  took: number;
}

/** A reply without records, unless `changes` bring some. */
export function empty(rcode: number, changes?: Partial<Answer>): Answer {
  const nothing = { answers: [], authorities: [], additionals: [], trimmed: false, recursed: false, took: 0 };
  return { rcode, authoritative: true, ...nothing, ...changes };
}
