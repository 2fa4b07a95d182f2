import type { DnsAnswer, DnsClient } from '../dns/client.ts';
import type { DnsRecord, DnsReply } from '../dns/reply.ts';
import { DnsError } from '../errors.ts';
import { Evidence, provesItself } from './completeness.ts';
import { mergeOrder } from './merge-order.ts';
import { cutToNothing, notFound } from './nothing-found.ts';
import { ambiguousTargets, metadataTooLong, silentOnSrv } from './notices.ts';
import type { OptRule } from './opt-rule.ts';
import { tellApart } from './own-name-targets.ts';
import { byIdentity, drawnFrom } from './record-identity.ts';
import { breakSilence, isSilentByTcp, type Sound } from './silence.ts';
import { type WayMemory, Ways } from './ways.ts';

/** A list under collection: the newest proven reply alone, or all that unproven ones showed. */
export interface Collected {
  readonly evidence: Evidence;
  readonly answers: ReadonlyMap<string, DnsRecord>;
  readonly additionals: readonly DnsRecord[];
  /** Nothing was trimmed from them. */
  readonly whole: boolean;
  readonly last: DnsAnswer;
  /** Consul said NXDOMAIN although there are instances: some lack the port that is asked for by name. */
  readonly portMissing: boolean;
}

export interface CollectorSettings {
  readonly client: DnsClient;
  readonly transport: 'auto' | 'udp' | 'tcp';
  /** What is known of the servers and of the names, shared by all resolvers over one client. */
  readonly optRule: OptRule;
  readonly ways: WayMemory;
  /** Whether Consul made a name. */
  readonly isConsuls: (name: string) => boolean;
}

/** Tells an operator of something that Consul's answers show. */
export type Notice = (code: 'METADATA_TOO_LONG' | 'AMBIGUOUS_TARGETS', message: string) => void;

export interface CollectOptions {
  /** When to stop asking a question whose replies agree but prove nothing. */
  readonly mostAsks: number;
  /** The order of the answers means something. */
  readonly ordered?: boolean;
  /** A reply of NXDOMAIN may carry part of the list: `….port` names. */
  readonly nxdomainMayAnswer?: boolean;
  /** See ResolveOptions. */
  readonly continued?: boolean | undefined;
  readonly notice: Notice;
  readonly signal: AbortSignal | undefined;
}

/** Replies whose instances cannot be told apart are given up after so many. */
const mostUnusable = 4;

/** Consul does not answer for SRV at all, but does for addresses. */
export class SilentOnSrv extends DnsError {}

/** Asks one question, in one way after the other, until the evidence is enough (completeness.ts). */
export class Collector {
  readonly #settings: CollectorSettings;

  constructor(settings: CollectorSettings) {
    this.#settings = settings;
  }

  /**
   * The first failure fails the collection; a later one leaves what has been seen.
   * @throws ServiceNotFoundError; DnsError; SilentOnSrv; the signal's reason
   */
  async collect(question: string, type: 'SRV' | 'A' | 'AAAA', options: CollectOptions): Promise<Collected> {
    const { mostAsks, ordered = false, nxdomainMayAnswer = false, continued, notice, signal } = options;
    const { client, optRule, ways: memory, transport, isConsuls } = this.#settings;
    const key = `${question} ${type}`;
    const ways = new Ways(transport, memory.get(key));
    const evidence = new Evidence(mostAsks, type === 'SRV', continued);
    const replies: { last: DnsAnswer; own: Map<string, DnsRecord> }[] = [];
    const additionals: DnsRecord[] = [];
    let portMissing = false;
    let unusable = 0;
    let last: DnsAnswer | undefined;
    const end = (answers: ReadonlyMap<string, DnsRecord>, whole?: DnsReply): Collected => {
      this.#remember(key, replies);
      if (answers.size === 0 && isCutToNothing(last!.reply, type)) throw cutToNothing(question, last!);
      const more = whole?.additionals ?? additionals;
      return { evidence, answers, additionals: more, whole: whole !== undefined, last: last!, portMissing };
    };
    const union = () => {
      const lists = replies.map(({ own }) => own);
      return ordered ? mergeOrder(lists) : new Map(lists.flatMap((list) => [...list]));
    };
    for (;;) {
      try {
        last = await client.query(question, type, { ...ways.next(last), signal });
      } catch (error) {
        if (!(error instanceof DnsError)) throw error;
        if (ways.dropPreference()) {
          memory.forget(key);
          continue;
        }
        if (last !== undefined) {
          if (type === 'SRV' && (await this.#foundSilent(question, ways, last, error, options))) continue;
          if (ways.failed()) continue;
          // What came so far was of no use.
          if (replies.length === 0) throw error;
          return end(union());
        }
        last = type === 'SRV' ? await this.#listen(question, ways, error, options) : undefined;
        if (last === undefined) throw error;
      }
      const told = tellApart(last.reply, question, isConsuls);
      if (told.ambiguous !== undefined) {
        const message = ambiguousTargets(question, told.ambiguous);
        notice('AMBIGUOUS_TARGETS', message);
        if (told.unusable && ++unusable < mostUnusable) continue;
        if (told.unusable) {
          if (replies.length > 0) return end(union());
          throw new DnsError('ERR_DNS_RESPONSE', message, []);
        }
      }
      last = { ...last, reply: told.reply };
      const { reply } = last;
      if (reply.rcode === 'NXDOMAIN') {
        if (!nxdomainMayAnswer) throw notFound(question, type, last);
        portMissing = true;
      }
      optRule.learn(last);
      const own = byIdentity(reply.answers);
      const proven = reply.rcode === 'NOERROR' && provesItself(last, optRule);
      evidence.add(last, drawnFrom(own, question), proven);
      replies.push({ last, own });
      if (proven) return end(own, reply);
      additionals.push(...reply.additionals);
      // No answers and nothing beside them is a true "none of this type", not a reply that was cut to nothing.
      const none = own.size === 0 && reply.additionalCount === 0 && !reply.truncated && !portMissing;
      if (evidence.enough || none) {
        const answers = union();
        for (const { last: one, own: few } of replies) {
          // Lists by address, and with NXDOMAIN all, end early for another reason.
          const trimmed = type === 'SRV' && one.reply.rcode === 'NOERROR';
          if (trimmed && few.size < answers.size) optRule.distrust(one);
        }
        return end(answers);
      }
    }
  }

  /** @returns an answer that came another way, and has `ways` go on in it. */
  async #listen(
    question: string,
    ways: Ways,
    error: DnsError,
    { notice, signal }: CollectOptions,
  ): Promise<DnsAnswer | undefined> {
    const { client, transport, ways: memory } = this.#settings;
    if (error.code !== 'ERR_DNS_TIMEOUT') return undefined;
    let sound: Sound = memory.givesAddressesOnly(question) ? 'addresses only' : undefined;
    if (memory.mayListen(question)) {
      sound = await breakSilence(client, question, transport, signal);
      if (sound === 'addresses only') memory.noteAddressesOnly(question);
    }
    if (sound === undefined) return undefined;
    if (sound === 'addresses only') {
      throw new SilentOnSrv('ERR_DNS_TIMEOUT', silentOnSrv(error), error.attempts, {
        cause: error,
      });
    }
    memory.heard(question);
    const { answer, way, tcpSilent } = sound;
    if (tcpSilent) notice('METADATA_TOO_LONG', metadataTooLong(question));
    ways.switchTo(way);
    memory.prefer(`${question} SRV`, way);
    return answer;
  }

  /** TCP failed where UDP had answered: has `ways` go on without it where it will stay so. @returns whether it does. */
  async #foundSilent(
    question: string,
    ways: Ways,
    last: DnsAnswer,
    error: DnsError,
    { notice, signal }: CollectOptions,
  ): Promise<boolean> {
    const { client, transport, ways: memory } = this.#settings;
    if (transport !== 'auto' || last.transport !== 'udp') return false;
    if (error.code !== 'ERR_DNS_TIMEOUT') return false;
    if (!memory.mayListen(question) || !(await isSilentByTcp(client, question, signal))) return false;
    memory.heard(question);
    notice('METADATA_TOO_LONG', metadataTooLong(question));
    const way = { transport: 'udp', edns: last.limit } as const;
    ways.switchTo(way);
    memory.prefer(`${question} SRV`, way);
    return true;
  }

  /** Begins with TCP next time, where that showed what UDP did not. */
  #remember(key: string, replies: readonly { last: DnsAnswer; own: ReadonlyMap<string, DnsRecord> }[]): void {
    const most = (transport: 'udp' | 'tcp') =>
      replies.reduce((n, { last, own }) => (last.transport === transport ? Math.max(n, own.size) : n), 0);
    const byTcp = most('tcp');
    if (byTcp > most('udp') && this.#settings.transport === 'auto') {
      this.#settings.ways.prefer(key, { transport: 'tcp' });
    }
  }
}

/** Something is there and none of it was sent: that is no "there is nothing". */
function isCutToNothing(
  { rcode, truncated, additionalCount }: DnsReply,
  type: 'SRV' | 'A' | 'AAAA',
): boolean {
  // Beside an empty answer for addresses there may be those of the other family, or metadata.
  return rcode === 'NOERROR' && (truncated || (type === 'SRV' && additionalCount > 0));
}
