import { orAbort } from '../abort.ts';
import type { Clock } from '../clock.ts';
import type { DnsClient } from '../dns/client.ts';
import {
  canonicalName,
  dnsName,
  isHostName,
  isMesh,
  parseServiceName,
  type ServiceName,
} from '../dns/name.ts';
import { whyNotFound } from '../dns/name-hints.ts';
import type { SrvRecord } from '../dns/reply.ts';
import { keepAliveDuring } from '../keep-alive.ts';
import type { AclHint } from './acl-hint.ts';
import { type AddressList, byAddress } from './by-address.ts';
import { Collector, SilentOnSrv } from './collector.ts';
import { distinct } from './distinct.ts';
import type { Family, HostLookup } from './host-addresses.ts';
import { DeniedOrNothing, explained, notFound, unresolvedNow, withoutAddresses } from './nothing-found.ts';
import { addressesInstead, expectsMtls, portMissing } from './notices.ts';
import type { OptRule } from './opt-rule.ts';
import type { Resolution, ResolveOptions, Resolver } from './resolver.ts';
import { type Operator, Said } from './said.ts';
import { type TargetCounters, TargetResolver } from './targets.ts';
import type { WayMemory } from './ways.ts';

/** What all resolvers over one client know and count together. */
export interface Shared extends Operator {
  readonly client: DnsClient;
  readonly clock: Clock;
  readonly lookup: HostLookup;
  readonly counters: TargetCounters;
  readonly optRule: OptRule;
  readonly ways: WayMemory;
  readonly hint: AclHint;
}

export interface ConsulDnsSettings {
  /** Lower case, without dots at its ends. */
  readonly domain: string;
  readonly records: 'SRV' | 'A';
  /** The port of every address, where Consul is asked for addresses only. */
  readonly port: number | undefined;
  readonly family: Family;
  readonly transport: 'auto' | 'udp' | 'tcp';
}

/** Asked so often where replies agree and prove nothing. */
const asks = { srv: 6, addresses: 3, portNames: 12 };

/**
 * The resolver this package exists for: asks Consul's DNS for SRV (or for A and AAAA where the port is known, and for hosts), and asks
 * again, another way, until the list is proven complete or is very likely so (completeness.ts). Without a cache: see `cached`.
 */
export class ConsulDnsResolver implements Resolver {
  readonly #shared: Shared;
  readonly #settings: ConsulDnsSettings;
  readonly #targets: TargetResolver;
  readonly #collector: Collector;

  constructor(shared: Shared, settings: ConsulDnsSettings) {
    this.#shared = shared;
    this.#settings = settings;
    this.#targets = new TargetResolver({ ...shared, ...settings });
    this.#collector = new Collector({
      ...shared,
      transport: settings.transport,
      isConsuls: (name) => this.#targets.isConsuls(name),
    });
  }

  resolve(name: ServiceName, options: ResolveOptions = {}): Promise<Resolution> {
    const work = this.#resolve(name, options).catch((error) => this.#explain(error, name, options.signal));
    return options.background ? work : keepAliveDuring(work);
  }

  async #explain(error: unknown, name: ServiceName, signal: AbortSignal | undefined): Promise<never> {
    if (!(error instanceof DeniedOrNothing)) throw error;
    const meanings = whyNotFound(parseServiceName(name, this.#settings.domain));
    throw explained(error, meanings, await orAbort(this.#shared.hint.suspicious(), signal));
  }

  async #resolve(given: ServiceName, options: ResolveOptions): Promise<Resolution> {
    const { clock } = this.#shared;
    const { domain } = this.#settings;
    const started = clock.now();
    // Here is where a name becomes a question: whoever calls, an unchecked one gets no further.
    const name = parseServiceName(given, domain);
    const said = new Said(this.#shared, canonicalName(name, domain));
    const found = await this.#ask(name, dnsName(name, domain), said, options);
    const { evidence, last } = found.collected;
    const { unresolved } = found;
    const complete = (evidence.complete || isHostName(name)) && unresolved === undefined;
    // A node's address and a service address may be the same.
    const addresses = [...distinct(found.addresses).values()];
    const ordered = 'query' in name && name.ordered === true;
    return {
      addresses: ordered ? addresses.map((address, rank) => ({ ...address, rank })) : addresses,
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

  async #ask(name: ServiceName, question: string, said: Said, options: ResolveOptions): Promise<AddressList> {
    const { signal } = options;
    const { records, port } = this.#settings;
    const byAddresses = (mostAsks: number) =>
      byAddress(
        { ...this.#settings, collector: this.#collector, targets: this.#targets },
        { question, port: port ?? 0, mostAsks, notice: said.notice, signal },
      );
    if (isHostName(name)) return byAddresses(1);
    if (isMesh(name)) said.notice('CONNECT_EXPECTS_MTLS', expectsMtls(question));
    const srvIsSilent = port !== undefined && this.#shared.ways.givesAddressesOnly(question);
    if (records === 'A' || srvIsSilent) return byAddresses(asks.addresses);
    try {
      const list = await this.#bySrv(name, question, said, options);
      // A small size is used on where the usual one is silent: then that is not over.
      const small = this.#shared.ways.get(`${question} SRV`)?.transport === 'udp';
      said.endOthers(small ? ['METADATA_TOO_LONG'] : []);
      return list;
    } catch (error) {
      // The way out where Consul cannot send SRV (F12.5 of the facts: metadata too long).
      if (!(error instanceof SilentOnSrv) || port === undefined) throw error;
      said.notice('METADATA_TOO_LONG', addressesInstead(question, port));
      return await byAddresses(asks.addresses);
    }
  }

  async #bySrv(
    name: ServiceName,
    question: string,
    said: Said,
    { signal, continued }: ResolveOptions,
  ): Promise<AddressList> {
    const portName = 'service' in name ? name.port : undefined;
    const collected = await this.#collector.collect(question, 'SRV', {
      mostAsks: portName === undefined ? asks.srv : asks.portNames,
      ordered: 'query' in name && name.ordered === true,
      nxdomainMayAnswer: portName !== undefined,
      continued,
      notice: said.notice,
      signal,
    });
    const answers = [...collected.answers.values()].filter(
      (record): record is SrvRecord => record.type === 'SRV',
    );
    if (answers.length === 0) throw notFound(question, 'SRV', collected.last);
    if (collected.portMissing && portName !== undefined) {
      said.notice('PORT_MISSING', portMissing(question, portName, answers.length));
    }
    const { transport, family } = this.#settings;
    const found = await this.#targets.addresses(answers, collected, { transport, signal });
    const { addresses, ttl, unresolved } = found;
    if (addresses.length === 0) {
      throw unresolved.length > 0
        ? unresolvedNow(question, unresolved, collected.last)
        : withoutAddresses(question, answers, family, collected.last);
    }
    return {
      addresses,
      ttl,
      collected,
      unresolved: unresolved.length > 0 ? { targets: unresolved } : undefined,
    };
  }
}
