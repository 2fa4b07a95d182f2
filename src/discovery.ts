import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import { type AdapterHost, adapterHost } from './adapter-host.ts';
import { checkOutlier } from './availability/availability.ts';
import type { BalancerContext } from './balancer/balancer.ts';
import { createBalancer } from './balancer/index.ts';
import { signal as aSignal, fields, flag, text } from './checks.ts';
import { type Clock, systemClock } from './clock.ts';
import { type CoarseClock, createCoarseClock } from './coarse-clock.ts';
import { completeOptions } from './complete-options.ts';
import { Warnings } from './diagnostics.ts';
import { Disappearances } from './disappearances.ts';
import type { ServiceName } from './dns/name.ts';
import type { DnsCounters } from './dns/pending.ts';
import { ClosedError, InvalidOptionError } from './errors.ts';
import { IntervalProber } from './health/prober.ts';
import { LastGood, listsFor } from './last-good.ts';
import { Names } from './names.ts';
import type { CompleteOptions, CompleteServiceOptions, DiscoveryOptions, ServiceOptions } from './options.ts';
import { createRandom, type Random } from './random.ts';
import { RefreshBudget } from './refresh-budget.ts';
import { atPort } from './resolver/at-port.ts';
import { ConsulSource } from './resolver/consul-source.ts';
import type { Resolution, ResolveOptions, Resolver } from './resolver/resolver.ts';
import type { TargetCounters } from './resolver/targets.ts';
import { Resolvers } from './resolvers.ts';
import { RetryBudget } from './retry-budget.ts';
import { type CheckedBalancer, Selection } from './selection.ts';
import { Service } from './service.ts';
import type { ServiceStats } from './service-view.ts';

export interface DiscoveryStats {
  /** All 0 with a `source` of one's own. */
  readonly dns: DnsCounters & TargetCounters;
  readonly services: readonly ServiceStats[];
  /**
   * Milliseconds by which background questions are late now: more than a moment where `refreshRate` does not suffice for so many
   * services, or where nobody answers.
   */
  readonly refreshLag: number;
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
  /** Closes all services and sockets, and waits for requests that adapters have under way; nothing of it is left. Idempotent. */
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
  /** As it was first asked for. */
  readonly options: CompleteServiceOptions;
  /** As it is since `setBalancer()`. */
  changed?: CompleteServiceOptions;
}

/** What adapters have on by default: see `ServiceOptions.outlier`. */
const ejection = checkOutlier(true, 'outlier');

class ConsulDiscovery implements Discovery {
  readonly #options: CompleteOptions;
  readonly #clock: Clock;
  readonly #coarse: CoarseClock;
  readonly #random: Random;
  readonly #warnings: Warnings;
  readonly #budget: RefreshBudget;
  readonly #disappearances: Disappearances;
  readonly #consul: ConsulSource;
  readonly #names: Names;
  readonly #services: LRUCache<string, Entry>;
  readonly #resolvers: Resolvers;
  readonly #lastGood: LastGood | undefined;
  readonly #drains = new Set<() => Promise<void>>();
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(options: CompleteOptions, clock: Clock, random: Random) {
    this.#options = options;
    this.#clock = clock;
    this.#coarse = createCoarseClock(clock);
    this.#random = random;
    this.#warnings = new Warnings(options.onWarning);
    this.#budget = new RefreshBudget(clock, options.refreshRate);
    this.#disappearances = new Disappearances(clock);
    this.#names = new Names(options);
    this.#consul = new ConsulSource({
      ...options,
      clock,
      warn: (warning) => this.#warnings.once(warning),
      over: (code, service) => this.#warnings.over(code, service),
    });
    this.#resolvers = new Resolvers(options, this.#consul, this.#warnings, clock, random);
    this.#lastGood =
      options.lastGood && new LastGood({ ...options.lastGood, clock, warnings: this.#warnings });
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
      const known = [present.options, present.changed];
      if (options !== undefined && !known.some((each) => isDeepStrictEqual(settings, each))) {
        throw new InvalidOptionError(
          `${key}: this service exists with other options. Services are shared by name: give the options once, or close() it first.`,
        );
      }
      return present.service;
    }
    return this.#begin(key, settings, this.#create(name, key, settings, this.#resolvers.for(settings)));
  }

  get [adapterHost](): AdapterHost {
    return {
      clock: this.#clock,
      random: this.#random,
      domain: this.#options.domain,
      service: (name, port) => this.#adapted(name, port),
      onClose: (drain) => {
        this.#mustBeOpen();
        this.#drains.add(drain);
        return () => void this.#drains.delete(drain);
      },
    };
  }

  #adapted(given: string, port: number | undefined): Service {
    const service = port === undefined ? this.service(given) : this.#atPort(given, port);
    service.adapt();
    return service;
  }

  /** A service of its own, beside that of the same name whose ports Consul says. */
  #atPort(given: string, port: number): Service {
    this.#mustBeOpen();
    const { name, key: plain, settings: said } = this.#names.understand(given, undefined, 'once');
    const key = `${plain}:${port}`;
    const present = this.#services.get(key);
    if (present !== undefined) return present.service;
    const settings = { ...said, port };
    const resolver = atPort(this.#resolvers.for(settings), port);
    return this.#begin(key, settings, this.#create(name, key, settings, resolver));
  }

  #begin(key: string, options: CompleteServiceOptions, service: Service): Service {
    this.#services.set(key, { service, options });
    service.start();
    return service;
  }

  async resolve(
    given: string | ServiceName,
    options: Omit<ResolveOptions, 'background'> = {},
  ): Promise<Resolution> {
    this.#mustBeOpen();
    const { name, key, settings } = this.#names.understand(given, undefined, 'once');
    const { signal, fresh, after } = checkAsked(options, 'resolve');
    const resolver = this.#resolvers.for(this.#services.peek(key)?.options ?? settings);
    return resolver.resolve(name, { signal, fresh, after });
  }

  stats(): DiscoveryStats {
    return {
      dns: this.#consul.counters,
      services: Array.from(this.#services.values(), ({ service }) => service.stats()),
      refreshLag: this.#budget.lag,
    };
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#closing = this.#closeAll();
    }
    await this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (const { service } of [...this.#services.values()]) service.closeWith('the discovery was closed.');
    this.#consul.close();
    const ends = [...this.#drains].map((drain) => drain());
    const saved = this.#lastGood?.close();
    try {
      await this.#resolvers.close();
    } finally {
      await saved;
      await Promise.all(ends);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #create(name: ServiceName, key: string, settings: CompleteServiceOptions, resolver: Resolver): Service {
    const context: BalancerContext = {
      clock: this.#clock,
      coarse: this.#coarse,
      random: createRandom(this.#random.next()),
      prober: (options) => new IntervalProber(options, this.#clock, this.#random),
    };
    const { balancer, maxInFlight, priorities, outlier, slowStart, leakSampling } = settings;
    const selection = new Selection({
      key,
      clock: this.#clock,
      random: createRandom(this.#random.next()),
      warnings: this.#warnings,
      availability: {
        priorities: priorities || undefined,
        outlier: outlier || undefined,
        slowStart: slowStart || undefined,
        maxInFlight: maxInFlight === Number.POSITIVE_INFINITY ? undefined : maxInFlight,
      },
      leakSampling,
      balancer: balancer as CheckedBalancer,
      createBalancer: (option) => createBalancer(option, context),
      onUnreachable: () => service.hint(),
    });
    const { hold, idle, ttl } = this.#options;
    const lists = this.#lastGood && listsFor(this.#lastGood, settings);
    const service: Service = new Service({
      name,
      key,
      resolver,
      selection,
      ejection: settings.outlier === undefined ? ejection : undefined,
      retryBudget: settings.retryBudget
        ? new RetryBudget(settings.retryBudget, () => this.#clock.now())
        : undefined,
      clock: this.#clock,
      random: this.#random,
      hold,
      idle,
      interval: ttl.min,
      budget: this.#budget,
      warnings: this.#warnings,
      disappearances: this.#disappearances,
      // What stands in the settings needs no memory.
      lastGood: settings.addresses === undefined ? lists : undefined,
      // A service in use is not the one to go, however long ago it was asked for by name.
      onUsed: () => this.#services.get(key),
      onBalancer: (changed) => {
        const entry = this.#services.peek(key);
        if (entry?.service === service) entry.changed = { ...entry.options, balancer: changed };
      },
      onClose: () => {
        if (this.#services.peek(key)?.service === service) this.#services.delete(key);
      },
    });
    return service;
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
