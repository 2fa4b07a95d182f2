import type { Clock } from '../clock.ts';
import type { DnsAnswer, DnsClient } from '../dns/client.ts';
import { dnsName, parseServiceName, type ServiceName } from '../dns/name.ts';
import type { DnsRecord, SrvRecord } from '../dns/reply.ts';
import { DnsError } from '../errors.ts';
import { keepAliveDuring } from '../keep-alive.ts';
import { Evidence, learnFrom, type OptDroppers, provesItself } from './completeness.ts';
import { distinct } from './distinct.ts';
import { notFound, unresolvedNow, withoutAddresses } from './nothing-found.ts';
import type { Address, Resolution, ResolveOptions, Resolver } from './resolver.ts';
import { type Family, type HostLookup, type TargetCounters, TargetResolver } from './targets.ts';
import { Ways } from './ways.ts';

export interface ConsulDnsSettings {
  readonly client: DnsClient;
  readonly clock: Clock;
  /** Lower case, without dots at its ends. */
  readonly domain: string;
  readonly records: 'SRV' | 'A';
  /** The port of every address, for `records: 'A'`. */
  readonly port: number | undefined;
  readonly family: Family;
  readonly transport: 'auto' | 'udp' | 'tcp';
  readonly lookup: HostLookup;
  readonly counters: TargetCounters;
  /** What is known of the servers, shared by all resolvers over one client. */
  readonly optDroppers: OptDroppers;
}

interface Found {
  readonly addresses: Address[];
  /** Seconds. */
  readonly ttl: number;
  readonly collected: Collected;
  readonly unresolved: Resolution['unresolved'];
}

/** A list under collection: the newest proven reply alone, or all that unproven ones showed. */
interface Collected {
  readonly evidence: Evidence;
  readonly answers: ReadonlyMap<string, DnsRecord>;
  readonly additionals: readonly DnsRecord[];
  readonly last: DnsAnswer;
}

/**
 * The resolver this package exists for: asks Consul's DNS for SRV (or for A and AAAA where the port is known), and asks again,
 * another way, until the list is proven complete or is very likely so (completeness.ts). Without a cache: see `cached`.
 */
export class ConsulDnsResolver implements Resolver {
  readonly #settings: ConsulDnsSettings;
  readonly #targets: TargetResolver;

  constructor(settings: ConsulDnsSettings) {
    this.#settings = settings;
    this.#targets = new TargetResolver(settings);
  }

  resolve(name: ServiceName, options: ResolveOptions = {}): Promise<Resolution> {
    const work = this.#resolve(name, options);
    return options.background ? work : keepAliveDuring(work);
  }

  async #resolve(given: ServiceName, { signal }: ResolveOptions): Promise<Resolution> {
    const { clock, domain, records } = this.#settings;
    const started = clock.now();
    // Here is where a name becomes a question: whoever calls, an unchecked one gets no further.
    const question = dnsName(parseServiceName(given, domain), domain);
    const found =
      records === 'SRV' ? await this.#bySrv(question, signal) : await this.#byAddress(question, signal);
    const { evidence, last } = found.collected;
    const { unresolved } = found;
    const complete = evidence.complete && unresolved === undefined;
    return {
      // A node's address and a service address may be the same.
      addresses: [...distinct(found.addresses).values()],
      ttl: Number.isFinite(found.ttl) ? found.ttl * 1000 : 0,
      complete,
      ...(!complete && { omission: evidence.omission }),
      ...(unresolved !== undefined && { unresolved }),
      origin: {
        server: last.server.text,
        transport: last.transport,
        asks: evidence.asks,
        elapsed: clock.now() - started,
      },
    };
  }

  async #bySrv(question: string, signal: AbortSignal | undefined): Promise<Found> {
    const collected = await this.#collect(question, 'SRV', 6, signal);
    const answers = [...collected.answers.values()].filter(
      (record): record is SrvRecord => record.type === 'SRV',
    );
    if (answers.length === 0) throw notFound(question, 'SRV', collected.last);
    const { transport } = this.#settings;
    const found = await this.#targets.addresses(answers, collected.additionals, { transport, signal });
    const { addresses, ttl, unresolved } = found;
    if (addresses.length === 0) {
      throw unresolved.length > 0
        ? unresolvedNow(question, unresolved, collected.last)
        : withoutAddresses(question, answers, this.#settings.family, collected.last);
    }
    return {
      addresses,
      ttl,
      collected,
      unresolved: unresolved.length > 0 ? { targets: unresolved } : undefined,
    };
  }

  async #byAddress(question: string, signal: AbortSignal | undefined): Promise<Found> {
    const { family, transport, port = 0 } = this.#settings;
    const families = family === 'any' ? ([4, 6] as const) : ([family] as const);
    const types = families.map((one) => (one === 4 ? 'A' : 'AAAA'));
    const results = await Promise.allSettled(types.map((type) => this.#collect(question, type, 3, signal)));
    const lists = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
    const failedAt = results.findIndex((result) => result.status === 'rejected');
    const failure = results.find((result) => result.status === 'rejected')?.reason;
    const answered = lists.some((list) => list.answers.size > 0);
    // One family failing must not cost the other, as long as that one has something to show.
    if (failedAt >= 0 && (!answered || !(failure instanceof DnsError))) throw failure;
    const addresses: Address[] = [];
    const targets: string[] = [];
    let ttl = Number.POSITIVE_INFINITY;
    for (const { answers } of lists) {
      for (const record of answers.values()) {
        ttl = Math.min(ttl, record.ttl);
        if ('host' in record) addresses.push({ host: record.host, port, priority: 1, weight: 1 });
        // Consul answers with a bare CNAME where an instance is registered under a host name it does not resolve.
        if (record.type !== 'CNAME' || answers.size > 1) continue;
        const { target } = record;
        const { hosts, failed } = await this.#targets.host(target, { transport, signal });
        for (const host of hosts)
          addresses.push({ host, port, priority: 1, weight: 1, target, serverName: target });
        if (failed && !targets.includes(target)) targets.push(target);
      }
    }
    // The longest list speaks for the answer; an empty one says only that there is no such family.
    const collected = lists.reduce((best, list) => (list.answers.size > best.answers.size ? list : best));
    if (addresses.length === 0) {
      throw targets.length > 0
        ? unresolvedNow(question, targets, collected.last)
        : notFound(question, types.join(' and '), collected.last);
    }
    const missing = families[failedAt];
    const unresolved = {
      ...(targets.length > 0 && { targets }),
      ...(missing !== undefined && { family: missing }),
    };
    return {
      addresses,
      ttl,
      collected,
      unresolved: Object.keys(unresolved).length > 0 ? unresolved : undefined,
    };
  }

  /** Asks until the evidence is enough. The first failure fails the lookup; a later one leaves what has been seen. */
  async #collect(
    question: string,
    type: 'SRV' | 'A' | 'AAAA',
    mostAsks: number,
    signal: AbortSignal | undefined,
  ): Promise<Collected> {
    const { client, optDroppers } = this.#settings;
    const evidence = new Evidence(mostAsks, type === 'SRV');
    const answers = new Map<string, DnsRecord>();
    const additionals: DnsRecord[] = [];
    const ways = new Ways(this.#settings.transport);
    let last: DnsAnswer | undefined;
    for (;;) {
      try {
        last = await client.query(question, type, { ...ways.next(last), signal });
      } catch (error) {
        if (last === undefined || !(error instanceof DnsError)) throw error;
        if (ways.failed()) continue;
        return { evidence, answers, additionals, last };
      }
      const { reply } = last;
      if (reply.rcode === 'NXDOMAIN') throw notFound(question, type, last);
      learnFrom(last, optDroppers);
      const own = new Map<string, DnsRecord>();
      for (const record of reply.answers) {
        const id = identity(record);
        own.set(id, heavier(record, own.get(id)));
      }
      const proven = provesItself(last, optDroppers);
      evidence.add(last, own, proven);
      if (proven) return { evidence, answers: own, additionals: reply.additionals, last };
      for (const [id, record] of own) answers.set(id, record);
      additionals.push(...reply.additionals);
      // No answers and nothing beside them is a true "none of this type", not a reply that was cut to nothing.
      const none = own.size === 0 && reply.additionalCount === 0 && !reply.truncated;
      if (evidence.enough || none) return { evidence, answers, additionals, last };
    }
  }
}

/** Consul lists an instance once per node that has it; address and port are what makes it one. */
function identity(record: DnsRecord): string {
  if (record.type === 'SRV') return `${record.target}:${record.port}`;
  return record.type === 'CNAME' ? `=${record.target}` : record.host;
}

function heavier(record: DnsRecord, twin: DnsRecord | undefined): DnsRecord {
  return twin?.type === 'SRV' && record.type === 'SRV' && twin.weight > record.weight ? twin : record;
}
