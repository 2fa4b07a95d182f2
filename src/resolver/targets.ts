import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { orAbort } from '../abort.ts';
import type { DnsClient, LookupOptions } from '../dns/client.ts';
import { askableHost } from '../dns/name.ts';
import type { DnsRecord, SrvRecord } from '../dns/reply.ts';
import { DnsError } from '../errors.ts';
import { ipText } from '../ip.ts';
import { ConsulDomains } from './consul-domains.ts';
import { ipFromHexTarget } from './hex-target.ts';
import type { Address } from './resolver.ts';

export type Family = 'any' | 4 | 6;

/** Things an answer held that could not be used. */
export interface TargetCounters {
  /** SRV with port 0: registered without a port. */
  withoutPort: number;
  /** Targets for which nobody had an address. */
  withoutAddress: number;
}

/** The system's resolver, for names Consul does not resolve. Returns IP literals. */
export type HostLookup = (host: string) => Promise<readonly string[]>;

export const systemLookup: HostLookup = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

interface Found {
  readonly hosts: readonly string[];
  /** Seconds; Infinity where no record had one. */
  readonly ttl: number;
  /** Nobody could say just now, which is no "there is none". */
  readonly failed?: boolean;
}

const nothing: Found = { hosts: [], ttl: Number.POSITIVE_INFINITY };

export interface TargetResolverOptions {
  readonly client: DnsClient;
  readonly domain: string;
  readonly family: Family;
  readonly lookup: HostLookup;
  readonly counters: TargetCounters;
}

/**
 * Finds the addresses of SRV targets, by the name of each, never by position: cheapest first the address written in the
 * name (`0a000001.addr.dc1.consul`), then the additional section, then a question of its own.
 */
export class TargetResolver {
  readonly #options: TargetResolverOptions;
  readonly #domains: ConsulDomains;

  constructor(options: TargetResolverOptions) {
    this.#options = options;
    this.#domains = new ConsulDomains(options.domain);
  }

  /** Whether Consul made the name; others are real host names, of which it knows no more than everybody. */
  isConsuls(host: string): boolean {
    return this.#domains.of(host) !== undefined;
  }

  /** `unresolved`: targets for whose address nobody could be asked. `ttl` in seconds. */
  async addresses(
    answers: readonly SrvRecord[],
    additionals: readonly DnsRecord[],
    lookupOptions: LookupOptions,
  ): Promise<{ addresses: Address[]; ttl: number; unresolved: string[] }> {
    const { counters } = this.#options;
    const usable = answers.filter(({ port }) => port > 0);
    counters.withoutPort += answers.length - usable.length;
    const byName = indexByName(additionals);
    const found = new Map<string, Found>();
    const unknown: string[] = [];
    let ttl = Number.POSITIVE_INFINITY;
    for (const { target } of usable) {
      if (found.has(target)) continue;
      const told = this.#inName(target) ?? this.#inAdditional(target, byName);
      for (const host of told?.hosts ?? []) this.#domains.learn(target, host);
      // Consul asks its recursors for A only: that there is no other family behind a real host name is not said by that.
      const near =
        told?.hosts.some((host) => this.#wanted(host)) || this.isConsuls(target) ? told : undefined;
      found.set(target, near ?? nothing);
      if (near === undefined) unknown.push(target);
    }
    if (unknown.length > 0) {
      for (const [target, far] of await this.#askFor(unknown, lookupOptions)) found.set(target, far);
    }

    const addresses: Address[] = [];
    const unresolved = new Set<string>();
    for (const record of usable) {
      const { hosts, ttl: hostTtl, failed } = found.get(record.target)!;
      const kept = hosts.filter((host) => this.#wanted(host));
      if (hosts.length === 0) counters.withoutAddress++;
      if (failed) unresolved.add(record.target);
      ttl = Math.min(ttl, record.ttl, hostTtl);
      for (const host of kept) addresses.push(this.#address(record, host, kept.length));
    }
    return { addresses, ttl, unresolved: [...unresolved] };
  }

  /** The addresses of one host, of the family wanted: CNAMEs followed; then by the system's resolver, if the name is not Consul's. */
  async host(name: string, options: LookupOptions): Promise<Found> {
    const host = askableHost(name);
    if (host === undefined) return nothing;
    const foreign = !this.#domains.covers(host);
    const asked = await this.#askHost(host, foreign, options);
    if (asked.hosts.length > 0 || !foreign) return asked;
    try {
      const found = await orAbort(this.#options.lookup(host), options.signal);
      return { ...nothing, hosts: found.map(ipText).filter((one) => this.#wanted(one)) };
    } catch (error) {
      if (options.signal?.aborted) throw error;
      const isAnswer = ['ENOTFOUND', 'ENODATA'].includes((error as NodeJS.ErrnoException).code ?? '');
      // Consul's recursors may know names the system does not: while they fail, nobody has said that there is none.
      return { ...nothing, failed: !isAnswer || asked.failed === true };
    }
  }

  async #askHost(host: string, foreign: boolean, options: LookupOptions): Promise<Found> {
    const { client, family } = this.#options;
    const types = family === 'any' ? (['A', 'AAAA'] as const) : ([family === 4 ? 'A' : 'AAAA'] as const);
    // No second round for a name that the system's resolver is asked for next.
    const how = foreign ? { ...options, retries: 0 } : options;
    // Settled apart: one family failing must not cost the other.
    const results = await Promise.allSettled(types.map((type) => client.query(host, type, how)));
    const hosts = new Set<string>();
    let ttl = Number.POSITIVE_INFINITY;
    let failed = false;
    for (const result of results) {
      if (result.status === 'rejected') {
        if (!(result.reason instanceof DnsError)) throw result.reason;
        // So answers an agent without recursors, which is no failure.
        if (!foreign || result.reason.rcode !== 'REFUSED') failed = true;
        continue;
      }
      for (const record of result.value.reply.answers) {
        if (record.type !== 'A' && record.type !== 'AAAA') continue;
        if (!this.#wanted(record.host)) continue;
        hosts.add(record.host);
        ttl = Math.min(ttl, record.ttl);
      }
    }
    return { hosts: [...hosts], ttl, failed };
  }

  /** Many at once, but not all: each answer has to fit into the socket's buffer. */
  async #askFor(targets: readonly string[], options: LookupOptions): Promise<[string, Found][]> {
    const atOnce = 64;
    const all: [string, Found][] = [];
    for (let start = 0; start < targets.length; start += atOnce) {
      const batch = targets.slice(start, start + atOnce);
      all.push(
        ...(await Promise.all(
          batch.map(async (target): Promise<[string, Found]> => [target, await this.host(target, options)]),
        )),
      );
    }
    return all;
  }

  #inName(target: string): Found | undefined {
    const host = this.isConsuls(target) ? ipFromHexTarget(target) : undefined;
    return host === undefined ? undefined : { hosts: [host], ttl: Number.POSITIVE_INFINITY };
  }

  #inAdditional(target: string, byName: ReadonlyMap<string, DnsRecord[]>): Found | undefined {
    let owner = target;
    // A chain longer than this is a loop.
    for (let hop = 0; hop < 8; hop++) {
      const records = byName.get(owner) ?? [];
      const hosts = new Set<string>();
      let ttl = Number.POSITIVE_INFINITY;
      for (const record of records) {
        if (record.type !== 'A' && record.type !== 'AAAA') continue;
        hosts.add(record.host);
        ttl = Math.min(ttl, record.ttl);
      }
      if (hosts.size > 0) return { hosts: [...hosts], ttl };
      const alias = records.find((record) => record.type === 'CNAME');
      if (alias?.type !== 'CNAME') return undefined;
      owner = alias.target;
    }
    return undefined;
  }

  #address(record: SrvRecord, host: string, shares: number): Address {
    const { target, port, priority } = record;
    // One SRV with several addresses is several endpoints, which together weigh what the SRV weighs.
    const weight =
      record.weight === 0 || shares === 1 ? record.weight : Math.max(1, Math.round(record.weight / shares));
    const domain = this.#domains.of(target);
    if (domain === undefined) {
      return isIP(target) > 0
        ? { host, port, priority, weight, target }
        : { host, port, priority, weight, target, serverName: target };
    }
    const [, what, kind, place, placeKind] =
      consulTarget.exec(target.slice(0, target.length - domain.length)) ?? [];
    const where = place === undefined || placeKind === 'peer' ? {} : { datacenter: place };
    const named = kind === 'node' && what !== undefined ? { node: what } : {};
    return { host, port, priority, weight, target, ...named, ...where };
  }

  #wanted(host: string): boolean {
    const { family } = this.#options;
    return family === 'any' || isIP(host) === family;
  }
}

/** `<what>.<kind>[.<place>[.<kind of place>]]`, read from its end: a node's name may have dots. */
const consulTarget = /^(.+)\.(node|addr)(?:\.([^.]+?))?(?:\.(dc|peer))?$/;

function indexByName(records: readonly DnsRecord[]): Map<string, DnsRecord[]> {
  const byName = new Map<string, DnsRecord[]>();
  for (const record of records) {
    const list = byName.get(record.name);
    if (list === undefined) byName.set(record.name, [record]);
    else list.push(record);
  }
  return byName;
}
