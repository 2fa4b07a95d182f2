import { type DnsAttempt, DnsError } from '../errors.ts';

/** What was tried for one lookup, in all its rounds. */
export class Trail {
  readonly attempts: DnsAttempt[] = [];
  /** Of the last reply that was an error. */
  rcode: string | undefined;
}

/** No server answered in this round. Says what kind of failure to report, the most telling first. */
export class RoundFailure extends Error {
  kind: 'response' | 'timeout' | 'unreachable' = 'unreachable';
  /** Every server rejected the question as such: asking again changes nothing. */
  final = true;

  note(kind: RoundFailure['kind'], final: boolean): void {
    const rank = ['unreachable', 'timeout', 'response'];
    if (rank.indexOf(kind) > rank.indexOf(this.kind)) this.kind = kind;
    this.final &&= final;
  }
}

/** The error a caller sees: what was asked, every try, and what to look at. */
export function lookupFailed(
  name: string,
  type: string,
  { attempts, rcode }: Trail,
  kind: RoundFailure['kind'],
): DnsError {
  const code = {
    response: 'ERR_DNS_RESPONSE',
    timeout: 'ERR_DNS_TIMEOUT',
    unreachable: 'ERR_UNREACHABLE',
  } as const;
  const tries = attempts
    .map(
      ({ server, transport, elapsed, outcome }) =>
        `${server} by ${transport} ${outcome} (after ${Math.round(elapsed)} ms)`,
    )
    .join('; ');
  const advice = {
    response: 'The server is there but could not answer: see its log.',
    timeout: 'Is this the DNS port of a Consul agent, and is UDP let through?',
    unreachable: 'Is a Consul agent running there, with its DNS port open?',
  };
  return new DnsError(code[kind], `No answer to ${type} ${name}: ${tries}. ${advice[kind]}`, attempts, {
    rcode,
  });
}
