import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.ts';
import type { Warnings } from './diagnostics.ts';
import { InvalidOptionError } from './errors.ts';
import type { CompleteOptions, CompleteServiceOptions } from './options.ts';
import type { Random } from './random.ts';
import { cached } from './resolver/cached.ts';
import type { ConsulSource } from './resolver/consul-source.ts';
import { overDatacenters } from './resolver/datacenters.ts';
import { fixed, toAddress } from './resolver/fixed.ts';
import type { Resolver } from './resolver/resolver.ts';
import { drawnKey, subset } from './resolver/subset.ts';

/** In ms. A source of somebody's own that never answers would be the end of all refreshing. */
const sourceTimeout = 60_000;

/** The resolvers of a discovery: what the settings of a service mean, shared by services whose settings mean the same. */
export class Resolvers {
  readonly #options: CompleteOptions;
  readonly #consul: ConsulSource;
  readonly #warnings: Warnings;
  readonly #clock: Clock;
  readonly #random: Random;
  /** One cache per way of asking. */
  readonly #caches = new Map<string, Resolver>();
  /** What stands before a cache or in place of it: by what it is made from, since programs may make up settings without end. */
  readonly #derived: LRUCache<string, Resolver>;
  /** Whose subsets those of this process are, where no setting says it. */
  #subsetKey: string | undefined;

  constructor(
    options: CompleteOptions,
    consul: ConsulSource,
    warnings: Warnings,
    clock: Clock,
    random: Random,
  ) {
    this.#options = options;
    this.#consul = consul;
    this.#warnings = warnings;
    this.#clock = clock;
    this.#random = random;
    // See cached.ts on bounds by size.
    this.#derived = new LRUCache({ maxSize: options.maxServices, sizeCalculation: () => 1 });
  }

  /** @throws InvalidOptionError */
  for(settings: CompleteServiceOptions): Resolver {
    const full =
      settings.addresses === undefined ? this.#asking(settings) : this.#fixed(settings.addresses, settings);
    if (settings.subset === undefined) return full;
    this.#subsetKey ??= drawnKey(this.#random);
    return subset(full, { key: this.#subsetKey, ...settings.subset });
  }

  /** Closes all of them, the discovery's own source too. */
  async close(): Promise<void> {
    const { source } = this.#options;
    // Where nobody asked yet, the source has no cache that would close it.
    const unused = source !== undefined && this.#caches.size === 0 ? [source] : [];
    await Promise.all(Array.from([...this.#caches.values(), ...unused], async (one) => one.close?.()));
  }

  #fixed(addresses: readonly string[], { family }: CompleteServiceOptions): Resolver {
    return this.#derive(`${family} = ${addresses.join(' ')}`, () => {
      const wanted = addresses.filter(
        (one) => family === 'any' || isIP(toAddress(one, 'addresses').host) === family,
      );
      if (wanted.length === 0) {
        throw new InvalidOptionError(
          `addresses: none of ${addresses.join(', ')} is of the family ${family}.`,
        );
      }
      return fixed(wanted);
    });
  }

  #asking({ port, family, datacenters }: CompleteServiceOptions): Resolver {
    const { source } = this.#options;
    if (source !== undefined && family !== 'any') {
      throw new InvalidOptionError(
        `family: says how Consul's DNS is asked, and \`source\` replaces that. Wrap the source in filter() to take only some of its addresses.`,
      );
    }
    const way = source === undefined ? `${family} ${port ?? ''}` : 'source';
    const cache = this.#caches.get(way) ?? this.#cache(way, source ?? this.#consul.resolver(port, family));
    if (datacenters === undefined) return cache;
    // Questions to Consul are bounded by `timeout` and `retries` of the discovery.
    const bounded = source === undefined && { timeout: Number.POSITIVE_INFINITY };
    return this.#derive(`${way} over ${datacenters.join(' ')}`, () =>
      overDatacenters(cache, datacenters, {
        ...bounded,
        clock: this.#clock,
        hold: this.#options.hold,
        warnings: this.#warnings,
      }),
    );
  }

  #cache(way: string, inner: Resolver): Resolver {
    const { ttl, maxServices, source } = this.#options;
    const cache = cached(inner, {
      ttl,
      max: maxServices,
      clock: this.#clock,
      random: this.#random,
      ...(source !== undefined && { timeout: sourceTimeout }),
    });
    this.#caches.set(way, cache);
    return cache;
  }

  #derive(key: string, make: () => Resolver): Resolver {
    const known = this.#derived.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#derived.set(key, made);
    return made;
  }
}
