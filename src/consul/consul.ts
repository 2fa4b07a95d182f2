import { systemClock } from '../clock.ts';
import { createDiscovery, type Discovery } from '../discovery.ts';
import { InvalidOptionError } from '../errors.ts';
import type { DiscoveryOptions } from '../options.ts';
import type { Resolver } from '../resolver/resolver.ts';
import {
  datacenters,
  type Instances,
  type InstancesOptions,
  instances,
  type ListedService,
  type ServicesOptions,
  services,
} from './catalog.ts';
import { ConsulHttp, type ConsulResponse, type RequestOptions } from './http.ts';
import { type ConsulHttpOptions, httpResolver } from './http-resolver.ts';
import { Kv, type KvEntry } from './kv.ts';
import { type Leadership, lead } from './leader.ts';
import { type LiveConfig, type LiveConfigOptions, liveConfig } from './live-config.ts';
import { type LocalService, type LocalServicesOptions, localServices } from './local-services.ts';
import { type Lock, type LockOptions, lock } from './lock.ts';
import { type ConsulOptions, completeConsul } from './options.ts';
import { ConsulRegistry } from './registration/consul-registry.ts';
import type { RegistrationDefinition } from './registration/definition.ts';
import type { RegisterOptions } from './registration/register-options.ts';
import type { Registration } from './registration/registration.ts';
import type { Registry } from './registration/registry.ts';

/** A key and not a module's memory: two copies of this package may be loaded. */
const consulHttpKey: unique symbol = Symbol.for('consul-dns-balancer.consul-http') as never;

/**
 * A resolver over the HTTP API of that Consul: `createDiscovery({ source: consulHttp(consul) })`. Closing the discovery leaves the client
 * open.
 *
 * @throws InvalidOptionError
 */
export function consulHttp(consul: Consul, options?: ConsulHttpOptions): Resolver {
  const http = (Object(consul) as { [consulHttpKey]?: ConsulHttp })[consulHttpKey];
  if (http === undefined) throw new InvalidOptionError('consulHttp: expected what createConsul() returned.');
  return httpResolver(http, options);
}

/** Consul's HTTP API, and where it is wanted its DNS half too. */
export interface Consul extends AsyncDisposable {
  /** `http://127.0.0.1:8500` */
  readonly address: string;
  /**
   * Any endpoint: `consul.request('GET', '/v1/agent/self')`.
   *
   * @throws ConsulError for a status outside 2xx; DiscoveryError ERR_UNREACHABLE, ERR_TIMEOUT; ClosedError; `signal.reason`.
   */
  request<T = unknown>(method: string, path: string, options?: RequestOptions): Promise<ConsulResponse<T>>;
  /** The names of all datacenters, the nearest first. */
  datacenters(options?: { readonly signal?: AbortSignal }): Promise<readonly string[]>;
  /** All services with their tags. */
  services(options?: ServicesOptions): Promise<readonly ListedService[]>;
  /** The instances of a service with their checks. */
  instances(name: string, options?: InstancesOptions): Promise<Instances>;
  /** What is registered at the agent that is asked. */
  localServices(options?: LocalServicesOptions): Promise<readonly LocalService[]>;
  /** Registers an instance of a service and keeps it registered until `deregister()`. */
  register(definition: RegistrationDefinition, options?: RegisterOptions): Promise<Registration>;
  /** The same behind the contract that other registries keep to. */
  readonly registry: Registry;
  readonly kv: Kv;
  /** Configuration in one key, always the last valid one. */
  liveConfig<T>(
    key: string,
    parse: (text: string, entry: KvEntry) => T,
    options?: LiveConfigOptions<T>,
  ): LiveConfig<T>;
  /** Waits until the key is ours, and keeps it until `release()`. */
  lock(key: string, options?: LockOptions): Promise<Lock>;
  /** Leader election: runs `work` while the key is ours, again after each loss, until it returns. */
  lead<T>(key: string, work: (leadership: Leadership) => T | Promise<T>, options?: LockOptions): Promise<T>;
  /** A discovery that asks the DNS half of the same Consul (`host`, `dnsPort`). */
  discovery(options?: DiscoveryOptions): Discovery;
  /** Ends what is under way and closes all connections. Registrations stay: take them back before. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens nothing before the first request.
 *
 * @throws InvalidOptionError
 */
export function createConsul(options: ConsulOptions = {}): Consul {
  const settings = completeConsul(options);
  const http = new ConsulHttp(settings, systemClock);
  const registry = new ConsulRegistry(http, settings.target);
  const close = async () => http.close();
  const consul = {
    [consulHttpKey]: http,
    address: http.address,
    request: (method, path, given) => http.request(method, path, given),
    datacenters: (given) => datacenters(http, given),
    services: (given) => services(http, given),
    instances: (name, given) => instances(http, name, given),
    localServices: (given) => localServices(http, given),
    register: (definition, given) => registry.register(definition, given),
    registry,
    kv: new Kv(http),
    liveConfig: (key, parse, given) => liveConfig(http, key, parse, given),
    lock: (key, given) => lock(http, key, given),
    lead: (key, work, given) => lead(http, key, work, given),
    discovery: (given = {}) => {
      const servers = settings.dnsAddress === undefined ? {} : { servers: [settings.dnsAddress] };
      return createDiscovery({ ...servers, ...given });
    },
    close,
    [Symbol.asyncDispose]: close,
  } satisfies Consul & { [consulHttpKey]: ConsulHttp };
  return consul;
}
