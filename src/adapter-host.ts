import type { Clock } from './clock.ts';
import { InvalidOptionError } from './errors.ts';
import type { Random } from './random.ts';
import type { Service } from './service.ts';

/** What a discovery gives to its adapters, and to nobody else. */
export interface AdapterHost {
  readonly clock: Clock;
  readonly random: Random;
  /** Consul's DNS domain, in lower case. */
  readonly domain: string;
  /**
   * The service of that full name, with what is on by default for requests made through an adapter: outlier ejection.
   *
   * @param port of every endpoint, whatever Consul says: such a service is another one. Needed where DNS knows none.
   * @throws InvalidNameError; InvalidOptionError; ClosedError
   */
  service(name: string, port?: number): Service;
  /** `drain` is called when the discovery closes, which waits for it. Returns the way to take it back. */
  onClose(drain: () => Promise<void>): () => void;
}

/** A key and not a module's memory: two copies of this package may be loaded. */
export const adapterHost: unique symbol = Symbol.for('consul-dns-balancer.adapter-host') as never;

/** @throws InvalidOptionError for something else than what `createDiscovery()` returns. */
export function hostOf(discovery: unknown, path: string): AdapterHost {
  const host = (Object(discovery) as { [adapterHost]?: AdapterHost })[adapterHost];
  if (host !== undefined) return host;
  throw new InvalidOptionError(`${path}: expected the discovery that createDiscovery() returned.`);
}
