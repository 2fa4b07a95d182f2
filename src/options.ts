/**
 * Options: what a user may give, and what becomes of it (complete-options.ts).
 *
 * Durations are milliseconds. Unknown keys are refused. Everything is checked before a packet is sent.
 */
import type {
  Outlier,
  OutlierOptions,
  Priorities,
  PrioritiesOptions,
  SlowStart,
  SlowStartOptions,
} from './availability/availability.ts';
import type { BalancerOption } from './balancer/balancer.ts';
import type { DiscoveryWarning } from './diagnostics.ts';
import type { ServerAddress } from './dns/server-address.ts';
import type { Hold, HoldOptions } from './hold.ts';
import type { Resolver } from './resolver/resolver.ts';
import type { SubsetOptions } from './resolver/subset.ts';
import type { RetryBudgetOptions } from './retry-budget.ts';

/** Settings of one service; in `createDiscovery` they are the defaults of all services. */
export interface ServiceOptions {
  /** How to choose: a name, a description (`leastUsed()`) or a factory of your own. Default `'weighted-round-robin'`. */
  balancer?: BalancerOption;
  /** Only instances with this tag. */
  tag?: string;
  /** Default: that of the agent that is asked. */
  datacenter?: string;
  /** One list over several datacenters, each asked for at every refresh. While one fails its instances stay. */
  datacenters?: readonly string[];
  /** These instead of asking anybody, as `'IP:port'` (IPv6 in brackets): for development, tests and emergencies. */
  addresses?: readonly string[];
  /** So many of the instances, at most: see `subset()`. Default: all. */
  subset?: SubsetOptions;
  /**
   * Which endpoints come first: by SRV priority (RFC 2782), and among those as preferred here. The next are used when all before them
   * are gone or ejected. `false`: all alike. Default `true`.
   */
  priorities?: boolean | PrioritiesOptions;
  /**
   * Ejects endpoints whose requests fail, for a while: learned from leases, `run()`, adapters and `report()`. `true`: with the
   * defaults. Default: off, until an adapter (`/undici`, `/http`, …) uses the service; `false`: never.
   */
  outlier?: boolean | OutlierOptions;
  /** Newcomers get their share little by little, over so many ms: see SlowStartOptions. `true`: with the defaults. Default `false`. */
  slowStart?: boolean | number | SlowStartOptions;
  /** Leases one endpoint carries at a time, 1 or more; beyond it the next one is chosen. Default Infinity. */
  maxInFlight?: number;
  /** What `run()` may repeat: retries add a share to the requests. `false`: no bound. Default: 20 % and 10 per second. */
  retryBudget?: boolean | RetryBudgetOptions;
  /** Share of the leases that are watched, 0…1, to find those that are never released. Default 0. */
  leakSampling?: number;
  /**
   * The port of every instance, 1…65535, where Consul is asked for addresses only: needed with `records: 'A'` and for hosts
   * (`x.node.consul`); else used only where Consul cannot answer for SRV. Ignored otherwise.
   */
  port?: number;
  /** Which addresses to take. Default `'any'`. */
  family?: 'any' | 4 | 6;
}

export interface DiscoveryOptions extends ServiceOptions {
  /** DNS servers as `'host:port'` (IPv6 in brackets), in order of preference. Default: env CONSUL_DNS_ADDR, else `['127.0.0.1:8600']`. */
  servers?: readonly string[];
  /** Consul's DNS domain. Default `'consul'`. */
  domain?: string;
  /** `'SRV'` brings address, port and weight (default); `'A'` addresses only, for services whose `port` is known. */
  records?: 'SRV' | 'A';
  /** `'auto'` (default): UDP, and TCP where UDP leaves doubt. */
  transport?: 'auto' | 'udp' | 'tcp';
  /** UDP size to advertise, 512…65000. Default 65 000 to a loopback server, 1 232 elsewhere. */
  edns?: number;
  /** Of one DNS try, 1…60 000 ms. Default 1 000. */
  timeout?: number;
  /** Rounds of tries after the first, 0…10. Default 2. */
  retries?: number;
  /** Bounds for the time a list is used before it is asked for again (ms), and the share by which it varies (0…0.5). Default 5 000, 60 000, 0.1. */
  ttl?: { min?: number; max?: number; jitter?: number };
  /**
   * How long a good list outlives failures of Consul (`error`, default Infinity, or a time per kind of failure) and answers that
   * there is nothing (`empty`, default 30 000).
   */
  hold?: HoldOptions;
  /** A service nobody uses for so long stops asking, and resumes at the next use. Default 600 000. */
  idle?: number;
  /**
   * Lists asked for in the background, per second over all services, 1 or more; Infinity for no bound. Beyond it all refresh intervals
   * stretch alike (`stats().refreshLag`). What somebody waits for is asked at once. Default 1 000.
   */
  refreshRate?: number;
  /** Services kept; the least recently used one is closed beyond that. Default 1 000. */
  maxServices?: number;
  /** Where warnings go, each thing once. Default `process.emitWarning`. */
  onWarning?: (warning: DiscoveryWarning) => void;
  /**
   * A file that keeps the last lists, so that they outlive a restart of the program while Consul is down. Used only while nothing has
   * been resolved, and no longer than `maxAge` (default 86 400 000) after the list was confirmed. Default: none.
   */
  lastGood?: string | { file: string; maxAge?: number };
  /** Settings per service, by bare service name (or prepared query), in any letter case. */
  services?: Readonly<Record<string, ServiceOptions>>;
  /**
   * Another resolver instead of Consul's DNS; then the options that say how to ask that are refused. A question it does not answer
   * within 60 s counts as failed. Closed with the discovery.
   */
  source?: Resolver;
}

/** Settings of a service as they were checked: what is given is complete. */
export type CheckedServiceOptions = Omit<ServiceOptions, keyof Checked> & Partial<Checked>;

/** The same with every default filled in, so that two ways of saying the same are equal. */
export type CompleteServiceOptions = Omit<ServiceOptions, keyof Checked | 'balancer' | 'family'> &
  Checked &
  Required<Pick<ServiceOptions, 'balancer' | 'family'>>;

interface Checked {
  priorities: Priorities | false;
  /** `undefined`: nobody said, so that adapters may. */
  outlier: Outlier | false | undefined;
  slowStart: SlowStart | false;
  maxInFlight: number;
  retryBudget: Required<RetryBudgetOptions> | false;
  leakSampling: number;
}

export interface CompleteOptions {
  readonly servers: readonly ServerAddress[];
  readonly domain: string;
  readonly records: 'SRV' | 'A';
  readonly transport: 'auto' | 'udp' | 'tcp';
  readonly edns: number | undefined;
  readonly timeout: number;
  readonly retries: number;
  readonly ttl: { readonly min: number; readonly max: number; readonly jitter: number };
  readonly hold: Hold;
  readonly idle: number;
  readonly refreshRate: number;
  readonly maxServices: number;
  readonly onWarning: ((warning: DiscoveryWarning) => void) | undefined;
  readonly source: Resolver | undefined;
  readonly lastGood: { readonly file: string; readonly maxAge: number } | undefined;
  readonly defaults: CompleteServiceOptions;
  readonly services: ReadonlyMap<string, CheckedServiceOptions>;
}
