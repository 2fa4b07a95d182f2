import { fields, number } from './checks.ts';
import { DnsError } from './errors.ts';

/**
 * How long a good list outlives each kind of failure, in ms, counted from when the list was last confirmed (`empty`: from the first
 * empty answer). The kinds are HAProxy's `hold` timers; the defaults are static stability: an outage of Consul
 * must not become one of its callers.
 */
export interface HoldOptions {
  /** Every kind of failure that has no time of its own below, and failures of a resolver of your own. Default Infinity. */
  error?: number;
  /** Nobody answered in time. Default: `error`. */
  timeout?: number;
  /** Nobody could be reached: connection refused, no route. Default: `error`. */
  network?: number;
  /** Consul answered SERVFAIL, or something else that is no answer. Default: `error`. */
  servfail?: number;
  /** The server refuses to answer at all (REFUSED). Default: `error`. */
  refused?: number;
  /** Consul says that there is nothing (NXDOMAIN, or no records). Default 30 000; Infinity: the last list is kept for good. */
  empty?: number;
}

export type Hold = Readonly<Required<HoldOptions>>;

const time = number(0, Number.POSITIVE_INFINITY);
const checkFields = fields({
  error: time,
  timeout: time,
  network: time,
  servfail: time,
  refused: time,
  empty: time,
});

/** @throws InvalidOptionError */
export function checkHold(value: unknown, path: string): Hold {
  const given = checkFields(value, path);
  const { error = Number.POSITIVE_INFINITY } = given;
  return { timeout: error, network: error, servfail: error, refused: error, empty: 30_000, ...given, error };
}

/** The time that holds for a failure. */
export function holdFor(hold: Hold, failure: unknown): number {
  if (!(failure instanceof DnsError)) return hold.error;
  if (failure.code === 'ERR_DNS_TIMEOUT') return hold.timeout;
  if (failure.code === 'ERR_UNREACHABLE') return hold.network;
  return failure.rcode === 'REFUSED' ? hold.refused : hold.servfail;
}
