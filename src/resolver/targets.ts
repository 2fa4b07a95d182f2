import { isIP } from 'node:net';
import type { Clock } from '../clock.ts';
import type { DnsClient, LookupOptions } from '../dns/client.ts';
import type { DnsRecord, SrvRecord } from '../dns/reply.ts';
import { ConsulDomains } from './consul-domains.ts';
import { ipFromHexTarget } from './hex-target.ts';
import { type Family, type Found, HostAddresses, type HostLookup, nothing } from './host-addresses.ts';
import type { Address } from './resolver.ts';

/** Things an answer held that could not be used. */
export interface TargetCounters {
  /** SRV with port 0: registered without a port. */
  withoutPort: number;
  /** Targets for which nobody had an address. */
  withoutAddress: number;
}

export interface TargetResolverOptions {
  readonly client: DnsClient;
  readonly clock: Clock;
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
  readonly #hosts: HostAddresses;

  constructor(options: TargetResolverOptions) {
    this.#options = options;
    this.#domains = new ConsulDomains(options.domain);
    this.#hosts = new HostAddresses({ ...options, domains: this.#domains });
  }

  /** Whether Consul made the name; others are real host names, of which it knows no more than everybody. */
  isConsuls(host: string): boolean {
    return this.#domains.of(host) !== undefined;
  }

  /**
   * `unresolved`: targets for whose address nobody could be asked. `ttl` in seconds.
   *
   * @param whole whether nothing was trimmed from the additional section: what is left of it shows one address of each target.
   */
  async addresses(
    answers: readonly SrvRecord[],
    { additionals, whole }: { readonly additionals: readonly DnsRecord[]; readonly whole: boolean },
    lookupOptions: LookupOptions,
  ): Promise<{ addresses: Address[]; ttl: number; unresolved: string[] }> {
    const { counters } = this.#options;
    const usable = answers.filter(({ port }) => port > 0);
    counters.withoutPort += answers.length - usable.length;
    let index: ReadonlyMap<string, DnsRecord[]> | undefined;
    const byName = () => {
      index ??= indexByName(additionals);
      return index;
    };
    const found = new Map<string, Found>();
    const unknown: string[] = [];
    let ttl = Number.POSITIVE_INFINITY;
    for (const { target } of usable) {
      if (found.has(target)) continue;
      const inName = this.#inName(target);
      if (inName !== undefined) {
        this.#domains.learn(target, inName.hosts[0]!);
        found.set(target, inName);
        continue;
      }
      const told = this.#inAdditional(target, byName());
      for (const host of told?.hosts ?? []) this.#domains.learn(target, host);
      found.set(target, told ?? nothing);
      // Consul asks its recursors for A only: that there is no other family behind a real host name is not said by that.
      const isAll =
        this.#isOneHost(target) ||
        (whole && !this.isConsuls(target) && told?.hosts.some((host) => this.#wanted(host)));
      if (told === undefined || !isAll) unknown.push(target);
    }
    if (unknown.length > 0) {
      for (const [target, far] of await this.#askFor(unknown, lookupOptions, (target) =>
        byName().has(target),
      )) {
        const nobody = far.failed && far.hosts.length === 0;
        found.set(target, nobody ? { ...found.get(target)!, failed: true } : far);
      }
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

  /** The addresses of one host, of the family wanted. */
  host(name: string, options: LookupOptions): Promise<Found> {
    return this.#hosts.of(name, options);
  }

  /** Many at once, but not all: each answer has to fit into the socket's buffer. */
  async #askFor(
    targets: readonly string[],
    options: LookupOptions,
    known: (target: string) => boolean,
  ): Promise<[string, Found][]> {
    const atOnce = 64;
    const all: [string, Found][] = [];
    for (let start = 0; start < targets.length; start += atOnce) {
      const batch = targets.slice(start, start + atOnce);
      all.push(
        ...(await Promise.all(
          batch.map(async (target): Promise<[string, Found]> => {
            return [target, await this.#hosts.of(target, options, known(target))];
          }),
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
    const [, what, kind, place, placeKind] = parts(target, domain) ?? [];
    const where = place === undefined || placeKind === 'peer' ? {} : { datacenter: place };
    const named = kind === 'node' && what !== undefined ? { node: what } : {};
    return { host, port, priority, weight, target, ...named, ...where };
  }

  /**
   * Whether the name can have one address only, of a family. That of another service has many, of which Consul up to 1.19 puts three into
   * the additional section, drawn anew for each reply.
   */
  #isOneHost(target: string): boolean {
    const domain = this.#domains.of(target);
    return domain !== undefined && parts(target, domain) !== null;
  }

  #wanted(host: string): boolean {
    const { family } = this.#options;
    return family === 'any' || isIP(host) === family;
  }
}

/** `<what>.<kind>[.<place>[.<kind of place>]]`, read from its end: a node's name may have dots. */
const consulTarget = /^(.+)\.(node|addr)(?:\.([^.]+?))?(?:\.(dc|peer))?$/;

function parts(target: string, domain: string): RegExpExecArray | null {
  return consulTarget.exec(target.slice(0, target.length - domain.length));
}

function indexByName(records: readonly DnsRecord[]): Map<string, DnsRecord[]> {
  const byName = new Map<string, DnsRecord[]>();
  for (const record of records) {
    const list = byName.get(record.name);
    if (list === undefined) byName.set(record.name, [record]);
    else list.push(record);
  }
  return byName;
}
