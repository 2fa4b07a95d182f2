import { systemClock } from '../clock.ts';
import { createDiscovery, type Discovery } from '../discovery.ts';
import type { DiscoveryOptions } from '../options.ts';
import { ConsulHttp, type ConsulResponse, type RequestOptions } from './http.ts';
import { Kv, type KvEntry } from './kv.ts';
import { type LiveConfig, type LiveConfigOptions, liveConfig } from './live-config.ts';
import { type Lock, type LockOptions, lock } from './lock.ts';
import { type ConsulOptions, completeConsul } from './options.ts';

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
  readonly kv: Kv;
  /** Configuration in one key, always the last valid one. */
  liveConfig<T>(
    key: string,
    parse: (text: string, entry: KvEntry) => T,
    options?: LiveConfigOptions<T>,
  ): LiveConfig<T>;
  /** Waits until the key is ours, and keeps it until `release()`. */
  lock(key: string, options?: LockOptions): Promise<Lock>;
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
  const close = async () => http.close();
  return {
    address: http.address,
    request: (method, path, given) => http.request(method, path, given),
    kv: new Kv(http),
    liveConfig: (key, parse, given) => liveConfig(http, key, parse, given),
    lock: (key, given) => lock(http, key, given),
    discovery: (given = {}) => {
      const servers = settings.dnsAddress === undefined ? {} : { servers: [settings.dnsAddress] };
      return createDiscovery({ ...servers, ...given });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
