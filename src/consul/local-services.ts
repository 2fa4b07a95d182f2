import { signal as aSignal, fields, text } from '../checks.ts';
import type { ConsulHttp } from './http.ts';
import {
  type CheckStatus,
  checkOf,
  type Instance,
  type InstanceCheck,
  portsOf,
  type RawCheck,
  type RawHealthEntry,
  weightsOf,
  worstOf,
} from './instance.ts';

export interface LocalServicesOptions {
  /** Consul's filter expressions: `Service == "web"`. */
  readonly filter?: string;
  readonly signal?: AbortSignal;
}

/** A service of the agent that is asked, as the agent itself knows it: the catalogue follows a moment later. */
export interface LocalService
  extends Pick<Instance, 'id' | 'name' | 'port' | 'ports' | 'tags' | 'meta' | 'weights' | 'kind'> {
  /** `''` where it has none of its own: then it is at the agent's address. */
  readonly address: string;
  /** The worst of its checks; those of the node are not among them. */
  readonly status: CheckStatus;
  readonly checks: readonly InstanceCheck[];
}

type RawService = RawHealthEntry['Service'];
type RawAgentCheck = RawCheck & { readonly ServiceID: string };

const checkOptions = fields({ filter: text, signal: aSignal });

/** The services that are registered at the agent that is asked, sorted by id. */
export async function localServices(
  http: ConsulHttp,
  options: LocalServicesOptions = {},
): Promise<readonly LocalService[]> {
  const { filter, signal } = checkOptions(options, 'localServices');
  const [services, checks] = await Promise.all([
    http.request<Record<string, RawService>>('GET', '/v1/agent/services', { query: { filter }, signal }),
    http.request<Record<string, RawAgentCheck>>('GET', '/v1/agent/checks', { signal }),
  ]);
  return Object.values(services.body)
    .map((service) => {
      const own = Object.values(checks.body).filter(({ ServiceID }) => ServiceID === service.ID);
      return localService(service, own.map(checkOf));
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

function localService(service: RawService, checks: readonly InstanceCheck[]): LocalService {
  const { ID, Service, Kind, Address, Port, Ports, Tags, Meta, Weights } = service;
  return {
    id: ID,
    name: Service,
    address: Address,
    port: Port ?? 0,
    ports: portsOf(Ports),
    tags: Tags ?? [],
    meta: Meta ?? {},
    weights: weightsOf(Weights),
    kind: Kind ?? '',
    status: worstOf(checks),
    checks,
  };
}
