/**
 * gRPC's service config: the policy that a channel balances with, retries and timeouts per method. The channel's own
 * (`grpc.service_config`) comes before that of the registration; neither says a policy: round_robin.
 */
import { entriesOf } from '../../checks.ts';
import { InvalidOptionError, PeerError } from '../../errors.ts';
import type { ChannelOptions, GrpcModule } from './peer.ts';

/** As people write it in JSON: github.com/grpc/grpc/blob/master/doc/service_config.md */
export type ServiceConfigJson = Readonly<Record<string, unknown>>;

/** As grpc-js wants it from a resolver. */
export interface ServiceConfig {
  readonly loadBalancingConfig: readonly object[];
  readonly methodConfig: readonly object[];
  readonly retryThrottling?: object;
}

/** grpc-js falls back to pick_first, where all calls of a channel go to one instance. */
const roundRobin: readonly object[] = [{ round_robin: {} }];

/** The config of one channel. Its own JSON was checked by grpc-js, which throws at the making of the channel. */
export function configOf(options: ChannelOptions, registered: ServiceConfigJson): ServiceConfig {
  const text = options['grpc.service_config'];
  const own = typeof text === 'string' ? (JSON.parse(text) as ServiceConfigJson) : undefined;
  if (options['grpc.service_config_disable_resolution'] === 1) return complete(own ?? {}, []);
  return complete(own ?? registered, roundRobin);
}

/** The same for a list without endpoints: see outlet.ts. */
export function emptied(config: ServiceConfig): ServiceConfig {
  return { ...config, loadBalancingConfig: roundRobin };
}

function complete(json: ServiceConfigJson, policy: readonly object[]): ServiceConfig {
  const { loadBalancingConfig, methodConfig = [], retryThrottling } = json as Partial<ServiceConfig>;
  return {
    loadBalancingConfig: loadBalancingConfig?.length ? loadBalancingConfig : policy,
    methodConfig: methodConfig.map((one) => ({ ...one, ...timeoutOf(one) })),
    ...(retryThrottling && { retryThrottling }),
  };
}

/** The one thing that JSON says otherwise: `'1.5s'`. */
function timeoutOf({ timeout }: { timeout?: unknown }): object {
  if (typeof timeout !== 'string') return {};
  const [seconds, fraction = ''] = timeout.slice(0, -1).split('.');
  return { timeout: { seconds: Number(seconds), nanos: Number(fraction.padEnd(9, '0').slice(0, 9)) } };
}

/**
 * Also tries out whether this grpc-js can be worked with: the scheme must be registered.
 *
 * @throws InvalidOptionError for what grpc-js would refuse, or pass over in silence: policies it does not know; PeerError.
 */
export function checkServiceConfig(given: unknown, path: string, grpc: GrpcModule): ServiceConfigJson {
  entriesOf(given, path);
  const refused = (cause: unknown) =>
    new InvalidOptionError(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  try {
    const text = JSON.stringify(given);
    const options = { 'grpc.service_config': text, 'grpc.enable_http_proxy': 0, 'grpc.enable_channelz': 0 };
    // The only way to the check of grpc-js itself. A channel that nobody asks for anything opens nothing.
    new grpc.Channel(
      'consul:///registration',
      grpc.credentials.createInsecure() as never,
      options as never,
    ).close();
    const json = JSON.parse(text) as ServiceConfigJson;
    mustKnowOneOf((json['loadBalancingConfig'] as object[] | undefined) ?? [], grpc);
    return json;
  } catch (cause) {
    throw cause instanceof PeerError ? cause : refused(cause);
  }
}

/** The first that grpc-js knows is used, where it knows none pick_first: not what somebody had in mind who named one. */
function mustKnowOneOf(policies: readonly object[], grpc: GrpcModule): void {
  let reason: unknown;
  for (const policy of policies) {
    try {
      grpc.experimental.parseLoadBalancingConfig(policy as never);
      return;
    } catch (cause) {
      reason ??= cause;
    }
  }
  if (policies.length > 0) throw reason;
}
