/**
 * `consul-dns-balancer/grpc`: channels of \@grpc/grpc-js that find their servers by Consul's DNS, as `consul:///web`.
 */
import { isDeepStrictEqual } from 'node:util';
import { hostOf } from '../adapter-host.ts';
import { type Check, fields, refuse } from '../checks.ts';
import type { Discovery } from '../discovery.ts';
import { InvalidOptionError } from '../errors.ts';
import { type GrpcModule, peer } from './grpc/peer.ts';
import { registryOf } from './grpc/registry.ts';
import { resolverFor } from './grpc/resolver.ts';
import { checkServiceConfig, type ServiceConfigJson } from './grpc/service-config.ts';

export type { GrpcModule } from './grpc/peer.ts';
export type { ServiceConfigJson } from './grpc/service-config.ts';

export interface ConsulResolverOptions {
  /** Targets of the form `consul://NAME/web` go to this discovery: letters, digits, `.`, `_`, `-`. Default: those of the form `consul:///web`. */
  readonly name?: string;
  /** The module `@grpc/grpc-js` that makes the channels, 1.12 to 1.14. Default: the one that is installed beside this package. */
  readonly grpc?: GrpcModule;
  /**
   * gRPC's service config (policy, retries, timeouts per method) of channels that bring none of their own as `grpc.service_config`.
   * Where it names no policy: `round_robin`.
   */
  readonly serviceConfig?: ServiceConfigJson;
}

const checkName: Check<string> = (value, path) =>
  typeof value === 'string' && /^[\w.-]+$/.test(value)
    ? value
    : refuse(path, 'a name of letters, digits, ".", "_" and "-"', value);

const checkOptions = fields({
  name: checkName,
  grpc: (grpc) => grpc as GrpcModule,
  serviceConfig: (config) => config,
});

/**
 * Lets channels of \@grpc/grpc-js say `consul:` in their target: `consul:///web?tag=v1`. They follow the list of that service from
 * their first call on, until they are idle or closed. Calls under way are never touched.
 *
 * It lasts until the discovery is closed; then calls fail with UNAVAILABLE, and the name is free again. The same call twice is one.
 *
 * @throws InvalidOptionError, also where another discovery has that name; PeerError for a missing or unsuitable \@grpc/grpc-js; ClosedError.
 */
export function registerConsulResolver(discovery: Discovery, options: ConsulResolverOptions = {}): void {
  const path = 'registerConsulResolver';
  const host = hostOf(discovery, path);
  const { name = '', grpc: given, serviceConfig: wanted = {} } = checkOptions(options, path);
  const grpc = peer(given);
  const { registry, fresh } = registryOf(grpc);
  if (fresh) grpc.experimental.registerResolver('consul', resolverFor(grpc, registry) as never);
  const serviceConfig = checkServiceConfig(wanted, `${path}.serviceConfig`, grpc);
  const present = registry.get(name);
  if (present?.discovery === discovery && isDeepStrictEqual(present.serviceConfig, serviceConfig)) return;
  if (present !== undefined) {
    const other =
      present.discovery === discovery ? 'this discovery, with another serviceConfig' : 'another discovery';
    throw new InvalidOptionError(
      `${path}: ${other} is registered ${name === '' ? 'without a name' : `as "${name}"`} already. Close that one first, or give this one a name of its own: { name: 'dc2' } is for targets like consul://dc2/web.`,
    );
  }
  host.onClose(async () => {
    registry.delete(name);
    // Until the channels know it.
    await new Promise((resolve) => setImmediate(resolve));
  });
  registry.set(name, {
    discovery,
    domain: host.domain,
    clock: host.clock,
    serviceConfig,
    // Without a port as everybody asks for it: channels report no outcomes, so nothing is to be ejected for their sake.
    open: (service, port) => (port === undefined ? discovery.service(service) : host.service(service, port)),
  });
}
