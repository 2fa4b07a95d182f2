import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { orAbort } from '../abort.ts';
import type { Clock } from '../clock.ts';
import type { DnsAnswer, DnsClient, LookupOptions } from '../dns/client.ts';
import { askableHost } from '../dns/name.ts';
import { DnsError } from '../errors.ts';
import { ipText } from '../ip.ts';
import type { ConsulDomains } from './consul-domains.ts';

export type Family = 'any' | 4 | 6;

/** The system's resolver, for names Consul does not resolve. Returns IP literals. */
export type HostLookup = (host: string) => Promise<readonly string[]>;

export const systemLookup: HostLookup = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/** The addresses of a host. */
export interface Found {
  readonly hosts: readonly string[];
  /** Seconds; Infinity where no record had one. */
  readonly ttl: number;
  /** Nobody could say just now, which is no "there is none". */
  readonly failed?: boolean;
}

export const nothing: Found = { hosts: [], ttl: Number.POSITIVE_INFINITY };

/** The largest address record: a name of 255 bytes, and its data. */
const roomForOne = 300;
const typesOf = { any: ['A', 'AAAA'], 4: ['A'], 6: ['AAAA'] } as const;

/** The system's resolver has no bound of its own; a host it hangs at is not to hold up the whole list. In ms. */
const lookupTimeout = 5_000;

export interface HostAddressesOptions {
  readonly client: DnsClient;
  readonly clock: Clock;
  readonly domains: ConsulDomains;
  readonly family: Family;
  readonly lookup: HostLookup;
}

/** Asks for the addresses of hosts: Consul first, and the system's resolver for names that are not Consul's. */
export class HostAddresses {
  readonly #options: HostAddressesOptions;

  constructor(options: HostAddressesOptions) {
    this.#options = options;
  }

  /**
   * The addresses of one host, of the family wanted: CNAMEs followed; then by the system's resolver, if the name is not Consul's.
   *
   * @param known Consul's recursors know the host, and a whole SRV reply would have shown its IPv4 addresses, where it has any: so does this.
   */
  async of(name: string, options: LookupOptions, known = false): Promise<Found> {
    const host = askableHost(name);
    if (host === undefined) return nothing;
    const foreign = !this.#options.domains.covers(host);
    if (known && foreign && this.#options.family === 'any') {
      const four = await this.#askHost(host, foreign, options, ['A']);
      if (four.hosts.length > 0) return four;
    }
    const asked = await this.#askHost(host, foreign, options);
    if (asked.hosts.length > 0 || !foreign) return asked;
    try {
      const found = await orAbort(this.#lookUp(host), options.signal);
      return { ...nothing, hosts: found.map(ipText).filter((one) => this.#wanted(one)) };
    } catch (error) {
      if (options.signal?.aborted) throw error;
      const isAnswer = ['ENOTFOUND', 'ENODATA'].includes((error as NodeJS.ErrnoException).code ?? '');
      // Consul's recursors may know names the system does not: while they fail, nobody has said that there is none.
      return { ...nothing, failed: !isAnswer || asked.failed === true };
    }
  }

  #lookUp(host: string): Promise<readonly string[]> {
    const { clock, lookup } = this.#options;
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`${host} was not resolved in ${lookupTimeout} ms`));
      const timer = clock.setTimeout(late, lookupTimeout);
      lookup(host)
        .then(resolve, reject)
        .finally(() => clock.clearTimeout(timer));
    });
  }

  async #askHost(
    host: string,
    foreign: boolean,
    options: LookupOptions,
    types: readonly ('A' | 'AAAA')[] = typesOf[this.#options.family],
  ): Promise<Found> {
    // No second round for a name that the system's resolver is asked for next.
    const how = foreign ? { ...options, retries: 0 } : options;
    // Settled apart: one family failing must not cost the other.
    const results = await Promise.allSettled(types.map((type) => this.#askWhole(host, type, how)));
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

  /** By TCP where Consul may have trimmed the reply to fit into a datagram, of which it gives no sign. */
  async #askWhole(host: string, type: 'A' | 'AAAA', options: LookupOptions): Promise<DnsAnswer> {
    const { client } = this.#options;
    const answer = await client.query(host, type, options);
    const { transport = 'auto' } = options;
    // Without EDNS it trims to three records, however short they are.
    const isWhole = answer.limit > 512 && answer.limit - answer.reply.size >= roomForOne;
    if (isWhole || answer.transport === 'tcp' || transport !== 'auto') return answer;
    try {
      return await client.query(host, type, { ...options, transport: 'tcp', retries: 0 });
    } catch (error) {
      if (error instanceof DnsError) return answer;
      throw error;
    }
  }

  #wanted(host: string): boolean {
    const { family } = this.#options;
    return family === 'any' || isIP(host) === family;
  }
}
