/**
 * Is every healthy instance in what Consul sent?
 *
 * Consul trims replies without a sign (TC stays 0 by default) and, at certain sizes, leaves out one random healthy instance of a
 * reply that would have fitted: where the whole reply, node metadata included, would take S bytes and the limit of the transport
 * is L, a reply with L − 8 < S ≤ L + 100 loses one answer and with it all metadata. With S > L + 100 the metadata goes and the
 * answers stay as far as they fit. (Seen on 1.8.7 and 1.22.7, over UDP and TCP.) So a reply proves presence, never absence,
 * unless one of these holds:
 *
 * 1. Metadata is in it. Every trim leaves at most one additional record per target, and per alias (CNAME) of a target; more than
 *    that, TXT among them, is a whole reply.
 * 2. An OPT is in it, it came by UDP, and the server is one whose trimmed replies lose theirs (opt-rule.ts).
 * 3. (SRV) Two replies under limits more than 120 bytes apart, both with room for one more instance. S lies in the hole of at most
 *    one of the limits, and with room left the other one shows everything: together they are complete.
 *
 * Where nothing proves it, independent asks make it likely, because the instance left out is drawn anew for each reply:
 * with N instances and k replies a given one is missing from all of them with probability (1/N)^k in the hole, and (1 − n/N)^k where
 * each reply carries n of N (beyond Consul's caps, 997…1024 SRV over TCP). That probability is the resolution's `omission`.
 */
import type { DnsAnswer } from '../dns/client.ts';
import type { OptRule } from './opt-rule.ts';

/** The largest SRV answer with its address: two names of 255 bytes, headers and data. */
export const roomForOne = 560;
const limitsApart = 120;
/** Consul's TCP replies stop at this many SRV without any other sign. */
const srvCap = 1024;
/** Asking stops when the chance that any instance at all is missing is below this. */
const acceptedOmission = 1e-5;

/** Rules 1 and 2. Only for SRV: `a_record_limit` cuts A and AAAA without any trace. */
export function provesItself(answer: DnsAnswer, optRule: OptRule): boolean {
  const { reply } = answer;
  if (reply.truncated || reply.answers.length === 0 || reply.answers.length >= srvCap) return false;
  const targets = new Set<string>();
  for (const record of reply.answers) if (record.type === 'SRV') targets.add(record.target);
  if (targets.size === 0) return false;
  for (const record of reply.additionals) if (record.type === 'CNAME') targets.add(record.target);
  if (reply.textCount > 0 && reply.additionalCount > targets.size) return true;
  return optRule.proves(answer);
}

/** What identifies the instances of a reply: a set, or the keys of a map. */
interface Ids {
  readonly size: number;
  keys(): Iterable<string>;
}

interface Seen {
  readonly ids: Ids;
  readonly limit: number;
  readonly roomy: boolean;
}

/** What the replies to one question, asked again and again, amount to. */
export class Evidence {
  readonly #mostAsks: number;
  readonly #mostSubsets: number;
  readonly #limitsProve: boolean;
  readonly #seen: Seen[] = [];
  readonly #union = new Set<string>();
  #proven = false;

  /**
   * @param mostAsks when to stop asking a question whose replies agree but prove nothing.
   * @param limitsProve whether rule 3 holds: for SRV, whose replies are cut by nothing but their size.
   * @param continued whether the asking goes on soon, with what was found remembered: then half of the random subsets are enough.
   */
  constructor(mostAsks: number, limitsProve: boolean, continued = false) {
    this.#mostAsks = mostAsks;
    this.#limitsProve = limitsProve;
    this.#mostSubsets = continued ? 8 : 16;
  }

  /**
   * @param ids what identifies each instance in this reply.
   * @param proven whether the reply proves itself.
   */
  add(answer: DnsAnswer, ids: Ids, proven: boolean): void {
    const { reply, limit } = answer;
    // A part of a list that comes with NXDOMAIN was cut by something else than its size.
    const cutBySizeOnly = reply.rcode === 'NOERROR' && !reply.truncated && ids.size < srvCap;
    const roomy = cutBySizeOnly && limit - reply.size >= roomForOne;
    for (const id of ids.keys()) this.#union.add(id);
    const secondLimit = this.#seen.some((other) => other.roomy && farApart(other.limit, limit));
    this.#proven ||= proven || (this.#limitsProve && roomy && secondLimit);
    this.#seen.push({ ids, limit, roomy });
  }

  get asks(): number {
    return this.#seen.length;
  }

  get complete(): boolean {
    return this.#proven;
  }

  /** True when asking again would not be worth it. */
  get enough(): boolean {
    if (this.#proven) return true;
    const { replies, agree, population } = this.#best();
    // Random subsets of a service beyond the caps need more asks, and repay each.
    const most = agree ? this.#mostAsks : this.#mostSubsets;
    return replies.length >= most || this.asks >= 2 * most || population * this.omission <= acceptedOmission;
  }

  get omission(): number {
    if (this.#proven) return 0;
    const { replies, agree, population } = this.#best();
    const count = replies.length;
    if (count === 0 || (count === 1 && !replies[0]!.roomy)) return 1;
    if (agree) return population ** -count;
    const mean = replies.reduce((sum, reply) => sum + reply.ids.size, 0) / count;
    return (1 - mean / population) ** count;
  }

  /**
   * The replies with the largest limit (smaller ones say nothing that these do not), whether they agree, and how many instances to
   * reckon with: one more than were seen where the replies are equal or, by the size of all of them, can lack one at most.
   */
  #best(): { replies: Seen[]; agree: boolean; population: number } {
    const limit = this.#seen.reduce((largest, reply) => Math.max(largest, reply.limit), 0);
    const replies = this.#seen.filter((reply) => reply.limit === limit);
    const union = this.#union.size;
    const equal = replies.every(({ ids }) => ids.size === union);
    const inTheHole = this.#limitsProve && replies.every(({ ids, roomy }) => roomy && ids.size >= union - 1);
    const agree = equal || inTheHole;
    return { replies, agree, population: agree ? union + 1 : estimatePopulation(replies, union) };
  }
}

/**
 * How many there are, when `replies` random subsets of them make `union` together: solves union = N·(1 − (1 − n/N)^k) for N
 * (the estimator of Schnabel, 1938, for equal catches). Never below union + 1.
 */
function estimatePopulation(replies: readonly Seen[], union: number): number {
  const count = replies.length;
  const mean = replies.reduce((sum, reply) => sum + reply.ids.size, 0) / count;
  let low = union;
  let high = union * 1_000;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    const expected = middle * (1 - (1 - mean / middle) ** count);
    if (expected < union) low = middle;
    else high = middle;
  }
  // Rather too many than too few: an estimate below the truth would state too small a chance.
  return Math.max(union + 1, low + Math.sqrt(low) / 2);
}

function farApart(a: number, b: number): boolean {
  return Math.abs(a - b) > limitsApart;
}
