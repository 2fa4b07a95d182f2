import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import type { BalancerContext } from './balancer/balancer.ts';
import { createBalancer } from './balancer/index.ts';
import { signal as aSignal, fields, flag, text } from './checks.ts';
import { type Clock, systemClock } from './clock.ts';
import { Warnings } from './diagnostics.ts';
import { Disappearances } from './disappearances.ts';
import type { ServiceName } from './dns/name.ts';
import type { DnsCounters } from './dns/pending.ts';
import { ClosedError, InvalidOptionError } from './errors.ts';
import { IntervalProber } from './health/prober.ts';
import { Names } from './names.ts';
import {
  type CompleteOptions,
  type CompleteServiceOptions,
  completeOptions,
  type DiscoveryOptions,
  type ServiceOptions,
} from './options.ts';
import { createRandom, type Random } from './random.ts';
import { cached } from './resolver/cached.ts';
import { ConsulSource } from './resolver/consul-source.ts';
import type { Resolution, ResolveOptions, Resolver } from './resolver/resolver.ts';
import type { TargetCounters } from './resolver/targets.ts';
import { Service } from './service.ts';
import type { ServiceStats } from './service-view.ts';

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

const checkAsked = fields({ signal: aSignal, fresh: flag, after: text });

interface Entry {
  readonly service: Service;
  readonly options: CompleteServiceOptions;
}

class ConsulDiscovery implements Discovery {
  readonly #options: CompleteOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #warnings: Warnings;
  readonly #disappearances: Disappearances;
  readonly #consul: ConsulSource;
  readonly #names: Names;
  readonly #services: LRUCache<string, Entry>;
  /** One cache per way of asking; services with the same settings share it. */
  readonly #resolvers = new Map<string, Resolver>();
  #closed = false;

  constructor(options: CompleteOptions, clock: Clock, random: Random) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#warnings = new Warnings(options.onWarning);
    this.#disappearances = new Disappearances(clock);
    this.#names = new Names(options);
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
    const { name, key, settings } = this.#names.understand(given, options);
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
    const { name, key, settings } = this.#names.understand(given, undefined);
    const { signal, fresh, after } = checkAsked(options, 'resolve');
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

  #create(name: ServiceName, key: string, settings: CompleteServiceOptions): Service {
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
      balancer: createBalancer(settings.balancer, context),
      clock: this.#clock,
      random: this.#random,
      hold,
      idle,
      interval: ttl.min,
      warnings: this.#warnings,
      disappearances: this.#disappearances,
      // A service in use is not the one to go, however long ago it was asked for by name.
      onUsed: () => this.#services.get(key),
      onClose: () => {
        if (this.#services.peek(key)?.service === service) this.#services.delete(key);
      },
    });
    return service;
  }

  #resolver({ port, family }: CompleteServiceOptions): Resolver {
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
