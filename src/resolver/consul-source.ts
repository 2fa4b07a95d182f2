import type { DiscoveryWarning, WarningCode } from '../diagnostics.ts';
import { DnsClient, type DnsClientOptions } from '../dns/client.ts';
import type { DnsCounters } from '../dns/pending.ts';
import { AclHint } from './acl-hint.ts';
import { ConsulDnsResolver, type Shared } from './consul-dns.ts';
import { type Family, type HostLookup, systemLookup } from './host-addresses.ts';
import { OptRule } from './opt-rule.ts';
import type { Resolver } from './resolver.ts';
import type { TargetCounters } from './targets.ts';
import { WayMemory } from './ways.ts';

export interface ConsulSourceOptions extends DnsClientOptions {
  readonly domain: string;
  readonly records: 'SRV' | 'A';
  readonly transport: 'auto' | 'udp' | 'tcp';
  readonly warn: (warning: DiscoveryWarning) => void;
  readonly over?: (code: WarningCode, service: string) => void;
  /** Default: the system's resolver. */
  readonly lookup?: HostLookup;
}

/** One set of Consul servers: the sockets to them and what was learned of them, shared by all resolvers over it. */
export class ConsulSource {
  readonly #options: ConsulSourceOptions;
  readonly #shared: Shared;

  constructor(options: ConsulSourceOptions) {
    const { clock, domain, warn, over = () => {}, lookup = systemLookup } = options;
    const client = new DnsClient(options);
    this.#options = options;
    this.#shared = {
      client,
      clock,
      lookup,
      warn,
      over,
      counters: { withoutPort: 0, withoutAddress: 0 },
      optRule: new OptRule(clock),
      ways: new WayMemory(clock),
      hint: new AclHint(client, clock, domain),
    };
  }

  resolver(port: number | undefined, family: Family): Resolver {
    const { domain, records, transport } = this.#options;
    return new ConsulDnsResolver(this.#shared, { domain, records, port, family, transport });
  }

  get counters(): DnsCounters & TargetCounters {
    const { client, counters } = this.#shared;
    return { ...client.counters, ...counters };
  }

  close(): void {
    this.#shared.client.close();
  }
}
