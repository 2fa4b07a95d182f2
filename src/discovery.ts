import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import type { BalancerContext } from './balancer/balancer.ts';
import { createBalancer } from './balancer/index.ts';
import { type Clock, systemClock } from './clock.ts';
import { Warnings } from './diagnostics.ts';
import { canonicalName, parseServiceName, type ServiceName } from './dns/name.ts';
import type { DnsCounters } from './dns/pending.ts';
import { ClosedError, InvalidNameError, InvalidOptionError } from './errors.ts';
import { IntervalProber } from './health/prober.ts';
import {
  type CompleteOptions,
  completeOptions,
  completeServiceOptions,
  type DiscoveryOptions,
  type ServiceOptions,
} from './options.ts';
import { createRandom, type Random } from './random.ts';
import { cached } from './resolver/cached.ts';
import { ConsulSource } from './resolver/consul-source.ts';
import type { Resolution, ResolveOptions, Resolver } from './resolver/resolver.ts';
import type { TargetCounters } from './resolver/targets.ts';
import { Service, type ServiceStats } from './service.ts';

export interface DiscoveryStats {
  /** All 0 with a `source` of one's own. */
  readonly dns: DnsCounters & TargetCounters;
  readonly services: readonly ServiceStats[];
}

/** Finds services and keeps what it found. */
export interface Discovery extends AsyncDisposable {
  /**
   * The service of that name: the same object for the same canonical name, made and asked for at the first call.
   *
   * @throws InvalidNameError; InvalidOptionError (also for other options than at first); ClosedError.
   */
  service(name: string | ServiceName, options?: ServiceOptions): Service;
  /**
   * Resolves once, through the cache, without background work.
   *
   * @throws InvalidNameError; ServiceNotFoundError; DnsError; ClosedError; `signal.reason` on abort.
   */
  resolve(name: string | ServiceName, options?: Omit<ResolveOptions, 'background'>): Promise<Resolution>;
  stats(): DiscoveryStats;
  /** Closes all services and sockets; nothing of it is left. Idempotent. */
  close(): Promise<void>;
}

/** What tests replace. */
export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Starts discovering. Sends nothing before the first name is asked for.
 *
 * @throws InvalidOptionError
 */
export function createDiscovery(options?: DiscoveryOptions): Discovery {
  return createDiscoveryIn({ clock: systemClock, random: createRandom(), env: process.env }, options);
}

/** @internal The same in a world of the caller's. */
export function createDiscoveryIn(environment: Partial<Environment>, options?: DiscoveryOptions): Discovery {
  const { clock = systemClock, random = createRandom(), env = process.env } = environment;
  return new ConsulDiscovery(completeOptions(options, env), clock, random);
}

interface Named {
  readonly name: ServiceName;
  /** Canonical DNS name. */
  readonly key: string;
  readonly settings: ServiceOptions;
}

interface Entry {
  readonly service: Service;
  readonly options: ServiceOptions;
}

class ConsulDiscovery implements Discovery {
  readonly #options: CompleteOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #warnings: Warnings;
  readonly #consul: ConsulSource;
  readonly #services: LRUCache<string, Entry>;
  /** One cache per way of asking; services with the same settings share it. */
  readonly #resolvers = new Map<string, Resolver>();
  /** What names in text mean; a program uses few, again and again. */
  readonly #understood = new Map<string, Named>();
  #closed = false;

  constructor(options: CompleteOptions, clock: Clock, random: Random) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#warnings = new Warnings(options.onWarning);
    this.#consul = new ConsulSource({ ...options, clock });
    this.#services = new LRUCache<string, Entry>({
      // See cached.ts on bounds by size.
      maxSize: options.maxServices,
      sizeCalculation: () => 1,
      disposeAfter: ({ service }, _key, reason) => {
        if (reason === 'evict') this.#evicted(service);
      },
    });
  }

  service(given: string | ServiceName, options?: ServiceOptions): Service {
    this.#mustBeOpen();
    const { name, key, settings } = this.#named(given, options);
    const present = this.#services.get(key);
    if (present !== undefined) {
      if (options !== undefined && !isDeepStrictEqual(settings, present.options)) {
        throw new InvalidOptionError(
          `${key}: this service exists with other options. Services are shared by name: give the options once, or close() it first.`,
        );
      }
      return present.service;
    }
    const service = this.#create(name, key, settings);
    this.#services.set(key, { service, options: settings });
    return service;
  }

  async resolve(
    given: string | ServiceName,
    options: Omit<ResolveOptions, 'background'> = {},
  ): Promise<Resolution> {
    this.#mustBeOpen();
    const { name, key, settings } = this.#named(given, undefined);
    const { signal, fresh, after } = options;
    const resolver = this.#resolver(this.#services.peek(key)?.options ?? settings);
    return resolver.resolve(name, { signal, fresh, after });
  }

  stats(): DiscoveryStats {
    return {
      dns: this.#consul.counters,
      services: Array.from(this.#services.values(), ({ service }) => service.stats()),
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const { service } of [...this.#services.values()]) service.closeWith('the discovery was closed.');
    this.#consul.close();
    await Promise.all(Array.from(this.#resolvers.values(), (resolver) => resolver.close?.()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A name with the settings that hold for it: the discovery's, over them those of `services`, over them the call's. */
  #named(given: string | ServiceName, options: ServiceOptions | undefined): Named {
    if (typeof given !== 'string' || options !== undefined) return this.#understand(given, options);
    const known = this.#understood.get(given);
    if (known !== undefined) return known;
    const named = this.#understand(given, undefined);
    // Names may come from URLs, so there is no end of them.
    if (this.#understood.size >= 1_000) this.#understood.clear();
    this.#understood.set(given, named);
    return named;
  }

  #understand(given: string | ServiceName, options: ServiceOptions | undefined): Named {
    const { domain, defaults, services } = this.#options;
    const parsed = parseServiceName(given, domain);
    const own = services.get('query' in parsed ? parsed.query : parsed.service);
    const called = options === undefined ? {} : completeServiceOptions(options, 'service');
    // Tag and datacenter are part of the name from here on.
    const { tag, datacenter, ...settings }: ServiceOptions = { ...defaults, ...own, ...called };
    const name = parseServiceName(withPlace(parsed, { tag, datacenter }, called), domain);
    const { records } = this.#options;
    if (records === 'A' && settings.port === undefined && this.#options.source === undefined) {
      throw new InvalidOptionError(
        `${canonicalName(name, domain)}: records: 'A' brings no ports; give one as \`port\`.`,
      );
    }
    return { name, key: canonicalName(name, domain), settings };
  }

  #create(name: ServiceName, key: string, settings: ServiceOptions): Service {
    const context: BalancerContext = {
      clock: this.#clock,
      random: createRandom(this.#random.next()),
      prober: (options) => new IntervalProber(options, this.#clock, this.#random),
    };
    const { hold, idle, ttl } = this.#options;
    const service: Service = new Service({
      name,
      key,
      resolver: this.#resolver(settings),
      balancer: createBalancer(settings.balancer ?? 'round-robin', context),
      clock: this.#clock,
      random: this.#random,
      hold,
      idle,
      interval: ttl.min,
      warnings: this.#warnings,
      // A service in use is not the one to go, however long ago it was asked for by name.
      onUsed: () => this.#services.get(key),
      onClose: () => {
        if (this.#services.peek(key)?.service === service) this.#services.delete(key);
      },
    });
    return service;
  }

  #resolver({ port, family = 'any' }: ServiceOptions): Resolver {
    const { source, records, ttl, maxServices } = this.#options;
    const way = source === undefined ? `${family} ${records === 'A' ? port : ''}` : 'source';
    const present = this.#resolvers.get(way);
    if (present !== undefined) return present;
    const inner = source ?? this.#consul.resolver(port, family);
    const resolver = cached(inner, { ttl, max: maxServices, clock: this.#clock, random: this.#random });
    this.#resolvers.set(way, resolver);
    return resolver;
  }

  #evicted(service: Service): void {
    service.closeWith(
      `closed to make room: more than maxServices (${this.#options.maxServices}) are in use. Raise maxServices, or ask discovery.service() again.`,
    );
    this.#warnings.once({
      code: 'SERVICE_EVICTED',
      service: service.name,
      message: `${service.name} was closed to make room: more than ${this.#options.maxServices} services (maxServices) are asked for.`,
    });
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new ClosedError('The discovery was closed.');
  }
}

interface Place {
  readonly tag?: string | undefined;
  readonly datacenter?: string | undefined;
}

/** Tag and datacenter may stand in the name or in the options; in both only if they agree. */
function withPlace(name: ServiceName, { tag, datacenter }: Place, called: Place): ServiceName {
  for (const key of ['tag', 'datacenter'] as const) {
    const inName = (name as Partial<Record<typeof key, string>>)[key];
    if (inName !== undefined && called[key] !== undefined && inName !== called[key]) {
      throw new InvalidNameError(
        `The ${key} is ${JSON.stringify(inName)} in the name and ${JSON.stringify(called[key])} in the options.`,
      );
    }
  }
  const place = datacenter === undefined ? name : { datacenter, ...name };
  return tag === undefined || 'query' in place ? place : { tag, ...place };
}
