import { DnsClient, type DnsClientOptions } from '../dns/client.ts';
import type { DnsCounters } from '../dns/pending.ts';
import { ConsulDnsResolver } from './consul-dns.ts';
import type { Resolver } from './resolver.ts';
import { type Family, systemLookup, type TargetCounters } from './targets.ts';

export interface ConsulSourceOptions extends DnsClientOptions {
  readonly domain: string;
  readonly records: 'SRV' | 'A';
  readonly transport: 'auto' | 'udp' | 'tcp';
}

/** One set of Consul servers: the sockets to them and what was learned of them, shared by all resolvers over it. */
export class ConsulSource {
  readonly #options: ConsulSourceOptions;
  readonly #client: DnsClient;
  readonly #counters: TargetCounters = { withoutPort: 0, withoutAddress: 0 };
  readonly #optDroppers = new Set<string>();

  constructor(options: ConsulSourceOptions) {
    this.#options = options;
    this.#client = new DnsClient(options);
  }

  resolver(port: number | undefined, family: Family): Resolver {
    const { clock, domain, records, transport } = this.#options;
    return new ConsulDnsResolver({
      client: this.#client,
      clock,
      domain,
      records,
      port,
      family,
      transport,
      lookup: systemLookup,
      counters: this.#counters,
      optDroppers: this.#optDroppers,
    });
  }

  get counters(): DnsCounters & TargetCounters {
    return { ...this.#client.counters, ...this.#counters };
  }

  close(): void {
    this.#client.close();
  }
}
