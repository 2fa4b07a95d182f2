import { signal as aSignal, type Check, fields, flag, number, refuse, text } from '../checks.ts';
import { ConsulError } from '../errors.ts';
import type { ConsulHttp } from './http.ts';
import { type CheckStatus, type Instance, instanceOf, type RawHealthEntry } from './instance.ts';
import { inPath } from './path.ts';

export interface ServicesOptions {
  readonly datacenter?: string;
  /** Only services some instance of which has this tag. */
  readonly tag?: string;
  /** Consul's filter expressions: `ServiceName matches "^web"`. A Consul too old to know them here (1.8) is a ConsulError. */
  readonly filter?: string;
  /** Whether Consul's own service `consul` is listed. Default `false`. */
  readonly consul?: boolean;
  readonly signal?: AbortSignal;
}

/** The name of a service and the tags that its instances have, each once. */
export interface ListedService {
  readonly name: string;
  readonly tags: readonly string[];
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
  /** Milliseconds that a datacenter may take to answer, 1…600 000. Default: the client's. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** A partial result says so. */
export interface Instances {
  readonly instances: readonly Instance[];
  /** Datacenters that did not answer: what is in them is not in `instances`. */
  readonly failures: readonly { readonly datacenter: string; readonly error: unknown }[];
}

type Passing = 'true' | 'warning' | 'false';

const passing: Check<Passing> = (value, path) =>
  value === true || value === false || value === 'warning'
    ? (String(value) as Passing)
    : refuse(path, "true, false or 'warning'", value);
const checkServices = fields({ datacenter: text, tag: text, filter: text, consul: flag, signal: aSignal });
const checkInstances = fields({
  passing,
  tag: (value, path) => (typeof value === 'string' ? [text(value, path)] : names(value, path)),
  datacenter: text,
  datacenters: (value, path) => (value === 'all' ? value : names(value, path)),
  filter: text,
  timeout: number(1, 600_000),
  signal: aSignal,
});
type CheckedInstances = ReturnType<typeof checkInstances>;

const allowed: Readonly<Record<Passing, readonly CheckStatus[]>> = {
  true: ['passing'],
  warning: ['passing', 'warning'],
  false: ['passing', 'warning', 'critical', 'maintenance'],
};

/** The names of all datacenters that Consul knows, the nearest first. */
export async function datacenters(
  http: ConsulHttp,
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly string[]> {
  const { signal } = fields({ signal: aSignal })(options, 'datacenters');
  const { body } = await http.request<readonly string[]>('GET', '/v1/catalog/datacenters', { signal });
  return body;
}

/** All services with their tags, sorted by name. */
export async function services(
  http: ConsulHttp,
  options: ServicesOptions = {},
): Promise<readonly ListedService[]> {
  const { datacenter, tag, filter, consul = false, signal } = checkServices(options, 'services');
  const ask = async (expression: string | undefined) => {
    const query = { dc: datacenter, filter: expression };
    return (await http.request<Tags>('GET', '/v1/catalog/services', { query, signal })).body;
  };
  const [found, none] = await Promise.all([ask(filter), filter === undefined ? {} : ask(nothing)]);
  if (Object.keys(none).length > 0) {
    throw new ConsulError(
      `services: Consul at ${http.address} does not heed filters here. Filter what services() gives without one, or by instances().`,
      { status: 200, body: '' },
    );
  }
  return Object.entries(found)
    .map(([name, tags]) => ({ name, tags: [...tags].sort() }))
    .filter(({ name, tags }) => (consul || name !== 'consul') && (tag === undefined || hasTag(tags, tag)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

type Tags = Readonly<Record<string, readonly string[]>>;

/** No service has such a name; and Consul's servers list themselves, so that without a filter there is always something. */
const nothing = 'ServiceName == ""';

/**
 * The instances of a service with their checks, over one datacenter or several, in the order of those. Rejects where no datacenter
 * answers.
 */
export async function instances(
  http: ConsulHttp,
  name: string,
  options: InstancesOptions = {},
): Promise<Instances> {
  const given = checkInstances(options, 'instances');
  const { datacenters: wanted, datacenter, signal } = given;
  if (wanted !== undefined && datacenter !== undefined)
    refuse('instances', 'datacenter or datacenters', 'both');
  const path = `/v1/health/service/${inPath(name, 'instances')}`;
  if (wanted === undefined) return { instances: await inOne(http, path, given, datacenter), failures: [] };
  const each = wanted === 'all' ? await datacenters(http, signal && { signal }) : wanted;
  const answers = await Promise.allSettled(each.map((one) => inOne(http, path, given, one)));
  // Given up by the caller it is no partial result.
  signal?.throwIfAborted();
  const failures = answers.flatMap((answer, i) =>
    answer.status === 'rejected' ? [{ datacenter: each[i]!, error: answer.reason as unknown }] : [],
  );
  if (failures.length === each.length) throw failures[0]?.error;
  return {
    instances: answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])),
    failures,
  };
}

async function inOne(
  http: ConsulHttp,
  path: string,
  { passing = 'warning', tag, filter, timeout, signal }: CheckedInstances,
  dc: string | undefined,
): Promise<readonly Instance[]> {
  // Those that warn would be left out by `?passing` too.
  const query = { dc, tag, filter, passing: passing === 'true' };
  const { body } = await http.request<readonly RawHealthEntry[]>('GET', path, {
    query,
    signal,
    ...(timeout !== undefined && { timeout }),
  });
  return body.map(instanceOf).filter(({ status }) => allowed[passing].includes(status));
}

/** In any case, as Consul compares them. */
function hasTag(tags: readonly string[], wanted: string): boolean {
  return tags.some((tag) => tag.toLowerCase() === wanted.toLowerCase());
}

function names(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) return refuse(path, "a list like ['a', 'b']", value);
  return [...new Set(value.map((one, i) => text(one, `${path}[${i}]`)))];
}
