import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { fields, flag, refuse, text } from '../checks.ts';
import {
  canonicalName,
  kindOf,
  parseServiceName,
  type QueryByName,
  type ServiceByName,
  type ServiceName,
  subjectOf,
} from '../dns/name.ts';
import { InvalidNameError, ServiceNotFoundError } from '../errors.ts';
import type { Address, Resolution, ResolveOptions, Resolver } from '../resolver/resolver.ts';
import { changed, nextIndex } from './blocking.ts';
import type { ConsulHttp, QueryValue } from './http.ts';
import { type Instance, instanceOf, type RawHealthEntry } from './instance.ts';
import { inPath } from './path.ts';

export interface ConsulHttpOptions {
  /** Tags that an instance must all have, beside that of the name. DNS can ask for one only. */
  readonly tags?: readonly string[];
  /** Consul's filter expressions: `Service.Meta.version == "2"`. */
  readonly filter?: string;
  /** Only instances whose checks all pass. Default `false`: those that warn too, as by DNS. */
  readonly passing?: boolean;
}

const checkOptions = fields({
  tags: (value, path) =>
    Array.isArray(value)
      ? value.map((tag, i) => text(tag, `${path}[${i}]`))
      : refuse(path, 'a list of tags', value),
  filter: text,
  passing: flag,
});

/** How long a list may be used without a word of Consul: changes are told, so this is for the case that they are not. */
const lasting = 60_000;
const healthy = new Set(['passing', 'warning']);

/**
 * A resolver over Consul's HTTP API, in place of its DNS: `createDiscovery({ source: consulHttp(consul) })`.
 *
 * Every list is complete, and changes are pushed by blocking queries (`ResolveOptions.after`): one connection of the agent's
 * `http_max_conns_per_client` (200) for each service in use. Instances in maintenance and critical ones are left out here, so that those
 * that warn stay, with their weight of warning, as by DNS. Tags and meta of instances come along.
 *
 * @throws InvalidOptionError. Rejects with ServiceNotFoundError, ConsulError, DiscoveryError ERR_UNREACHABLE or ERR_TIMEOUT.
 */
export function httpResolver(http: ConsulHttp, options: ConsulHttpOptions = {}): Resolver {
  const { tags = [], filter, passing = false } = checkOptions(options, 'consulHttp') as ConsulHttpOptions;
  return {
    async resolve(
      given: ServiceName,
      { signal, after, background }: ResolveOptions = {},
    ): Promise<Resolution> {
      const name = typeof given === 'string' ? parseServiceName(given) : given;
      const { path, query } = questionFor(name, tags);
      const index = after === undefined ? undefined : Number(after);
      const began = http.clock.now();
      const response = await changed<
        readonly RawHealthEntry[] | { readonly Nodes: readonly RawHealthEntry[] }
      >(http, path, {
        index,
        query: { ...query, filter, passing },
        signal: signal ?? undefined,
        background,
      });
      const entries =
        'Nodes' in response.body ? response.body.Nodes : (response.body as readonly RawHealthEntry[]);
      const listed = entries.map(instanceOf).filter(({ status }) => healthy.has(status));
      const addresses = (await Promise.all(listed.map(addressesOf))).flat();
      const next = nextIndex(index, response.index);
      const token = next === undefined ? undefined : String(next);
      if (addresses.length === 0) {
        throw new ServiceNotFoundError(
          `${canonicalName(name)}: Consul at ${http.address} lists no healthy instance (${entries.length} in all). No such service, tag or datacenter; none healthy; or the token may not read it (ACL).`,
          { token },
        );
      }
      const origin = { server: http.address, elapsed: http.clock.now() - began };
      return { addresses, ttl: lasting, complete: true, origin, ...(token !== undefined && { token }) };
    },
  };
}

function questionFor(
  name: ServiceName,
  tags: readonly string[],
): { path: string; query: Record<string, QueryValue> } {
  const subject = inPath(subjectOf(name), 'name');
  const { datacenter, namespace, partition, peer } = name as Partial<ServiceByName>;
  const query = { dc: datacenter, ns: namespace, partition, peer };
  switch (kindOf(name)) {
    case 'service': {
      const { tag, port } = name as ServiceByName;
      if (port !== undefined)
        throw new InvalidNameError(`consulHttp: named ports (${port}) are asked for by DNS.`);
      return {
        path: `/v1/health/service/${subject}`,
        query: { ...query, tag: tag === undefined ? tags : [tag, ...tags] },
      };
    }
    case 'connect':
      return { path: `/v1/health/connect/${subject}`, query };
    case 'ingress':
      return { path: `/v1/health/ingress/${subject}`, query };
    case 'query':
      return { path: `/v1/query/${inPath((name as QueryByName).query, 'name')}/execute`, query };
    default:
      throw new InvalidNameError(
        `consulHttp: ${canonicalName(name)} names a machine and no service: only DNS answers for it.`,
      );
  }
}

/** As DNS shows them: by host name several, which share the weight. */
async function addressesOf({
  address,
  port,
  weights,
  status,
  node,
  datacenter,
  tags,
  meta,
}: Instance): Promise<Address[]> {
  const weight = status === 'warning' ? weights.warning : weights.passing;
  const shown = { port, priority: 1, node, tags, meta, ...(datacenter !== undefined && { datacenter }) };
  if (port < 1 || port > 65_535) return [];
  if (isIP(address) !== 0) return [{ ...shown, host: address, weight }];
  const found = await lookup(address, { all: true }).catch(() => []);
  return found.map(({ address: host }) => ({
    ...shown,
    host,
    weight: weight / found.length,
    serverName: address,
  }));
}
