/**
 * The options of a discovery, checked and with every default filled in: before a packet is sent.
 */
import { callable, entriesOf, fields, having, number, oneOf, refuse, text } from './checks.ts';
import type { DiscoveryWarning } from './diagnostics.ts';
import { parseServiceName } from './dns/name.ts';
import { parseServerAddress, type ServerAddress } from './dns/server-address.ts';
import { InvalidOptionError } from './errors.ts';
import { checkHold } from './hold.ts';
import type { CheckedServiceOptions, CompleteOptions, CompleteServiceOptions } from './options.ts';
import { checkTtl } from './resolver/cached.ts';
import type { Resolver } from './resolver/resolver.ts';
import { checkRetryBudget } from './retry-budget.ts';
import { checkService, refuseTwoPlaces, serviceChecks } from './service-options.ts';

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
    outlier,
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

function checkLastGood(value: unknown, path: string): { file: string; maxAge: number } {
  const given = typeof value === 'string' ? { file: text(value, path) } : lastGoodFields(value, path);
  const { file, maxAge = 86_400_000 } = given as { file?: string; maxAge?: number };
  return file === undefined
    ? refuse(path, "a file, like { file: '/var/lib/app/consul.json' }", value)
    : { file, maxAge };
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
