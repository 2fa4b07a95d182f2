/**
 * Options: what a user may give, what holds where nothing is given, and the one place where both meet.
 *
 * Durations are milliseconds. Unknown keys are refused. Everything is checked before a packet is sent.
 */
import { checkOutlier, type Outlier, type OutlierOptions } from './availability/outlier-options.ts';
import { checkSlowStart, type SlowStart, type SlowStartOptions } from './availability/slow-start.ts';
import { checkPriorities, type Priorities, type PrioritiesOptions } from './availability/tiers.ts';
import type { BalancerOption } from './balancer/balancer.ts';
import { checkBalancer } from './balancer/index.ts';
import { type Check, callable, entriesOf, fields, having, number, oneOf, refuse, text } from './checks.ts';
import type { DiscoveryWarning } from './diagnostics.ts';
import { parseServiceName } from './dns/name.ts';
import { parseServerAddress, type ServerAddress } from './dns/server-address.ts';
import { InvalidOptionError } from './errors.ts';
import { checkHold, type Hold, type HoldOptions } from './hold.ts';
import { checkTtl } from './resolver/cached.ts';
import { toAddress } from './resolver/fixed.ts';
import type { Resolver } from './resolver/resolver.ts';
import { checkSubset, type SubsetOptions } from './resolver/subset.ts';
import { checkRetryBudget, type RetryBudgetOptions } from './retry-budget.ts';

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
   * defaults. Default `false`.
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
  outlier: Outlier | false;
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

const forever = Number.POSITIVE_INFINITY;

/** What is left without meaning by a `source` of one's own. */
const dnsOptions = [
  'servers',
  'records',
  'transport',
  'edns',
  'timeout',
  'retries',
  'port',
  'family',
] as const;

const lastGoodFields = fields({ file: text, maxAge: number(1_000, forever) });

const serviceChecks = {
  balancer: checkBalancer,
  tag: text,
  datacenter: text,
  datacenters: checkDatacenters,
  addresses: checkAddresses,
  subset: checkSubset,
  priorities: orOff(checkPriorities),
  outlier: orOff(checkOutlier),
  slowStart: orOff(checkSlowStart),
  maxInFlight: checkMaxInFlight,
  retryBudget: checkRetryBudget,
  leakSampling: number(0, 1),
  port: number(1, 65_535, { whole: true }),
  family: oneOf<'any' | 4 | 6>('any', 4, 6),
};

const checkServiceFields = fields(serviceChecks) as Check<CheckedServiceOptions>;

const checkService: Check<CheckedServiceOptions> = (value, path) => {
  const options = checkServiceFields(value, path);
  refuseTwoPlaces(options, path);
  return options;
};

const checkDiscovery = fields({
  ...serviceChecks,
  servers: checkServers,
  domain: checkDomain,
  records: oneOf('SRV', 'A'),
  transport: oneOf('auto', 'udp', 'tcp'),
  edns: number(512, 65_000, { whole: true }),
  timeout: number(1, 60_000),
  retries: number(0, 10, { whole: true }),
  ttl: checkTtl,
  hold: checkHold,
  idle: number(0, forever),
  refreshRate: number(1, forever),
  maxServices: number(1, 1_000_000, { whole: true }),
  onWarning: callable<(warning: DiscoveryWarning) => void>('a function'),
  lastGood: checkLastGood,
  services: checkServices,
  source: having<Resolver>('resolve'),
});

/** @throws InvalidOptionError */
export function completeOptions(given: unknown = {}, env: NodeJS.ProcessEnv = process.env): CompleteOptions {
  const options = checkDiscovery(given, 'createDiscovery');
  refuseTwoPlaces(options, 'createDiscovery');
  if (options.source !== undefined) {
    const useless = dnsOptions.find((key) => options[key] !== undefined);
    if (useless !== undefined) {
      throw new InvalidOptionError(
        `createDiscovery: ${useless} says how Consul's DNS is asked, and \`source\` replaces that.`,
      );
    }
  }
  if (options.source !== undefined && options.addresses !== undefined) {
    throw new InvalidOptionError(
      'createDiscovery: `addresses` and `source` both say where the instances are; give one of them.',
    );
  }
  const { balancer = { name: 'weighted-round-robin' }, tag, datacenter, port, family = 'any' } = options;
  const { datacenters, addresses, subset, priorities, outlier, slowStart } = options;
  const { maxInFlight = forever, retryBudget, leakSampling = 0 } = options;
  const defaults: CompleteServiceOptions = {
    balancer,
    family,
    priorities: priorities ?? serviceChecks.priorities(true, 'priorities'),
    outlier: outlier ?? false,
    slowStart: slowStart ?? false,
    maxInFlight,
    retryBudget: retryBudget ?? checkRetryBudget(true, 'retryBudget'),
    leakSampling,
    ...(tag !== undefined && { tag }),
    ...(datacenter !== undefined && { datacenter }),
    ...(datacenters !== undefined && { datacenters }),
    ...(addresses !== undefined && { addresses }),
    ...(subset !== undefined && { subset }),
    ...(port !== undefined && { port }),
  };
  return {
    servers: options.servers ?? (options.source === undefined ? serversFrom(env) : []),
    domain: options.domain ?? 'consul',
    records: options.records ?? 'SRV',
    transport: options.transport ?? 'auto',
    edns: options.edns,
    timeout: options.timeout ?? 1_000,
    retries: options.retries ?? 2,
    ttl: options.ttl ?? checkTtl({}, 'ttl'),
    hold: options.hold ?? checkHold({}, 'hold'),
    idle: options.idle ?? 600_000,
    refreshRate: options.refreshRate ?? 1_000,
    maxServices: options.maxServices ?? 1_000,
    onWarning: options.onWarning,
    source: options.source,
    lastGood: options.lastGood,
    defaults,
    services: options.services ?? new Map(),
  };
}

/** @throws InvalidOptionError */
export function completeServiceOptions(given: unknown, path: string): CheckedServiceOptions {
  return checkService(given, path);
}

function serversFrom(env: NodeJS.ProcessEnv): readonly ServerAddress[] {
  return [parseServerAddress(env['CONSUL_DNS_ADDR'] || '127.0.0.1:8600', 'CONSUL_DNS_ADDR')];
}

function checkServers(value: unknown, path: string): readonly ServerAddress[] {
  if (!Array.isArray(value) || value.length === 0)
    return refuse(path, "a list like ['127.0.0.1:8600']", value);
  return value.map((server, i) => parseServerAddress(server, `${path}[${i}]`));
}

function checkDomain(value: unknown, path: string): string {
  const domain = text(value, path)
    .replace(/^\.|\.$/g, '')
    .toLowerCase();
  const fits = domain.split('.').every((label) => /^[a-z0-9_-]{1,63}$/.test(label));
  return fits ? domain : refuse(path, "a DNS domain like 'consul'", value);
}

function checkDatacenters(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) return refuse(path, "a list like ['dc1', 'dc2']", value);
  const datacenters = value.map((given, i) => {
    const datacenter = text(given, `${path}[${i}]`).toLowerCase();
    try {
      parseServiceName({ service: 'any', datacenter });
    } catch (cause) {
      throw new InvalidOptionError(`${path}[${i}]: ${(cause as Error).message}`, { cause });
    }
    return datacenter;
  });
  if (new Set(datacenters).size < datacenters.length) return refuse(path, 'each datacenter once', value);
  // One list for one set, so that two ways of saying the same are equal.
  return datacenters.sort();
}

function checkAddresses(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0)
    return refuse(path, "a list like ['10.0.0.1:8080']", value);
  return value.map((given, i) => {
    const address = text(given, `${path}[${i}]`);
    toAddress(address, `${path}[${i}]`);
    return address;
  });
}

function checkLastGood(value: unknown, path: string): { file: string; maxAge: number } {
  const given = typeof value === 'string' ? { file: text(value, path) } : lastGoodFields(value, path);
  const { file, maxAge = 86_400_000 } = given as { file?: string; maxAge?: number };
  return file === undefined
    ? refuse(path, "a file, like { file: '/var/lib/app/consul.json' }", value)
    : { file, maxAge };
}

/** `false` is a setting like another: it overrules what the discovery says. */
function orOff<T>(check: Check<T | undefined>): Check<T | false> {
  return (value, path) => check(value, path) ?? false;
}

function checkMaxInFlight(value: unknown, path: string): number {
  return value === forever ? forever : number(1, 2 ** 31 - 1, { whole: true })(value, path);
}

/** Each says where the instances are. */
function refuseTwoPlaces(options: CheckedServiceOptions, path: string): void {
  for (const other of ['datacenter', 'addresses'] as const) {
    if (options.datacenters === undefined || options[other] === undefined) continue;
    throw new InvalidOptionError(
      `${path}: \`datacenters\` and \`${other}\` both say where the instances are; give one of them.`,
    );
  }
}

function checkServices(value: unknown, path: string): ReadonlyMap<string, CheckedServiceOptions> {
  const services = new Map<string, CheckedServiceOptions>();
  for (const [name, options] of entriesOf(value, path)) {
    const settings = checkService(options, `${path}.${name}`);
    const service = bareName(name, path).toLowerCase();
    if (services.has(service)) return refuse(path, 'each service once, in whatever letter case', name);
    services.set(service, settings);
  }
  return services;
}

/** The settings hold for a service under all its tags and in all datacenters, so it is named without. */
function bareName(name: string, path: string): string {
  if (name.includes('.')) return refuse(path, 'bare service names as keys', name);
  parseServiceName(name);
  return name;
}
