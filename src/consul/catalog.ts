import { signal as aSignal, fields, flag, oneOf, refuse, text } from '../checks.ts';
import type { ConsulHttp, RequestOptions } from './http.ts';
import { type CheckStatus, type Instance, instanceOf, type RawHealthEntry } from './instance.ts';
import { inPath } from './path.ts';

export interface ServicesOptions {
  readonly datacenter?: string;
  /** Only services some instance of which has this tag. */
  readonly tag?: string;
  /** Consul's filter expressions: `ServiceName matches "^web"`. */
  readonly filter?: string;
  /** Whether Consul's own service `consul` is listed. Default `false`. */
  readonly consul?: boolean;
  readonly signal?: AbortSignal;
}

export interface InstancesOptions {
  /** `true`: only those whose checks all pass. `'warning'` (default): as by DNS, those without a critical one. `false`: all. */
  readonly passing?: boolean | 'warning';
  /** One tag, or several that an instance must have all. */
  readonly tag?: string | readonly string[];
  readonly datacenter?: string;
  /** Asked together; `'all'`: those Consul knows. */
  readonly datacenters?: readonly string[] | 'all';
  /** Consul's filter expressions: `Service.Meta.version == "2"`. */
  readonly filter?: string;
  readonly signal?: AbortSignal;
}

export interface Instances {
  readonly instances: readonly Instance[];
  /** Datacenters that did not answer: what is in them is not in `instances`. */
  readonly failures: readonly { readonly datacenter: string; readonly error: unknown }[];
}

/** A service of the agent that is asked. */
export interface LocalService {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
}

const checkServices = fields({ datacenter: text, tag: text, filter: text, consul: flag, signal: aSignal });
const checkInstances = fields({
  passing: oneOfOr(flag, 'warning'),
  tag: tags,
  datacenter: text,
  datacenters: (value, path) => (value === 'all' ? value : names(value, path)),
  filter: text,
  signal: aSignal,
});
const allowed: Readonly<Record<'true' | 'false' | 'warning', readonly CheckStatus[]>> = {
  true: ['passing'],
  warning: ['passing', 'warning'],
  false: ['passing', 'warning', 'critical', 'maintenance'],
};

/** The names of all datacenters that Consul knows, the nearest first. */
export async function datacenters(http: ConsulHttp, signal?: AbortSignal): Promise<readonly string[]> {
  const { body } = await http.request<readonly string[]>('GET', '/v1/catalog/datacenters', { signal });
  return body;
}

/** All services with their tags, sorted by name. */
export async function services(
  http: ConsulHttp,
  options: ServicesOptions = {},
): Promise<readonly { readonly name: string; readonly tags: readonly string[] }[]> {
  const {
    datacenter,
    tag,
    filter,
    consul = false,
    signal,
  } = checkServices(options, 'services') as ServicesOptions;
  const query = { dc: datacenter, filter };
  const { body } = await http.request<Record<string, readonly string[]>>('GET', '/v1/catalog/services', {
    query,
    signal,
  });
  return Object.entries(body)
    .filter(([name, all]) => (consul || name !== 'consul') && (tag === undefined || all.includes(tag)))
    .map(([name, all]) => ({ name, tags: all }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The instances of a service with their checks, over one datacenter or several. Rejects only where no datacenter answers. */
export async function instances(
  http: ConsulHttp,
  name: string,
  options: InstancesOptions = {},
): Promise<Instances> {
  const given = checkInstances(options, 'instances') as InstancesOptions;
  const { datacenters: wanted, datacenter, signal } = given;
  if (wanted !== undefined && datacenter !== undefined)
    refuse('instances', 'datacenter or datacenters', 'both');
  const path = `/v1/health/service/${inPath(name, 'instances')}`;
  if (wanted === undefined) return { instances: await inOne(http, path, given, datacenter), failures: [] };
  const each = wanted === 'all' ? await datacenters(http, signal) : wanted;
  const answers = await Promise.allSettled(each.map((one) => inOne(http, path, given, one)));
  const failures = answers.flatMap((answer, i) =>
    answer.status === 'rejected' ? [{ datacenter: each[i]!, error: answer.reason as unknown }] : [],
  );
  if (failures.length === each.length) throw failures[0]?.error;
  return {
    instances: answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])),
    failures,
  };
}

/** The services that are registered at the agent that is asked. */
export async function localServices(
  http: ConsulHttp,
  options: { readonly filter?: string; readonly signal?: AbortSignal } = {},
): Promise<readonly LocalService[]> {
  const { filter, signal } = fields({ filter: text, signal: aSignal })(
    options,
    'localServices',
  ) as RequestOptions & { filter?: string };
  interface Raw {
    readonly ID: string;
    readonly Service: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags?: readonly string[] | null;
    readonly Meta?: Record<string, string> | null;
  }
  const { body } = await http.request<Record<string, Raw>>('GET', '/v1/agent/services', {
    query: { filter },
    signal,
  });
  return Object.values(body).map(({ ID, Service, Address, Port, Tags, Meta }) => ({
    id: ID,
    name: Service,
    address: Address,
    port: Port,
    tags: Tags ?? [],
    meta: Meta ?? {},
  }));
}

async function inOne(
  http: ConsulHttp,
  path: string,
  { passing = 'warning', tag, filter, signal }: InstancesOptions,
  dc: string | undefined,
): Promise<readonly Instance[]> {
  // Critical ones are left out here and not by `?passing`, which would leave out warnings as well.
  const query = { dc, tag, filter, passing: passing === true };
  const { body } = await http.request<readonly RawHealthEntry[]>('GET', path, { query, signal });
  const fit = allowed[`${passing}`];
  return body.map(instanceOf).filter(({ status }) => fit.includes(status));
}

function tags(value: unknown, path: string): string | readonly string[] {
  return typeof value === 'string' ? text(value, path) : names(value, path);
}

function names(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) return refuse(path, "a list like ['a', 'b']", value);
  return value.map((one, i) => text(one, `${path}[${i}]`));
}

function oneOfOr<T>(
  check: (value: unknown, path: string) => T,
  word: 'warning',
): (value: unknown, path: string) => T | 'warning' {
  return (value, path) => (value === word ? oneOf(word)(value, path) : check(value, path));
}
