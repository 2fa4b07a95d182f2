/** An instance of a service as the catalogue shows it, in words of our own. */
export interface Instance {
  readonly id: string;
  readonly name: string;
  /** Its own, or that of its node where it has none; may be a host name. */
  readonly address: string;
  /** The default one where there are several; 0 where it was registered without. */
  readonly port: number;
  /** From Consul 1.22 on; before, and where it has one port only, empty. */
  readonly ports: readonly NamedPort[];
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weights: { readonly passing: number; readonly warning: number };
  /** `''` for an ordinary service; `'connect-proxy'`, `'ingress-gateway'` … */
  readonly kind: string;
  /** Further addresses by what they are for: `lan_ipv6`, `wan` … */
  readonly taggedAddresses: Readonly<Record<string, { readonly address: string; readonly port: number }>>;
  readonly node: string;
  /** `undefined` where no agent runs there. */
  readonly nodeId: string | undefined;
  readonly nodeAddress: string;
  readonly nodeMeta: Readonly<Record<string, string>>;
  readonly datacenter: string | undefined;
  /** The peered cluster it was imported from. */
  readonly peer: string | undefined;
  /** Consul Enterprise. */
  readonly namespace: string | undefined;
  /** Consul Enterprise. */
  readonly partition: string | undefined;
  /** The worst of its checks. */
  readonly status: CheckStatus;
  /** Of the instance and of its node. */
  readonly checks: readonly InstanceCheck[];
}

export interface NamedPort {
  readonly name: string;
  readonly port: number;
  readonly default: boolean;
}

/** `'maintenance'`: taken out by hand, which to Consul is a critical check. */
export type CheckStatus = 'passing' | 'warning' | 'critical' | 'maintenance';

export interface InstanceCheck {
  readonly id: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly output: string;
  readonly notes: string;
  /** `http`, `tcp`, `ttl`, `grpc` …; `undefined` where Consul does not say. */
  readonly type: string | undefined;
  /** True for a check of the node, which all its instances share. */
  readonly ofNode: boolean;
  /** As Consul writes it, `'10s'`; from Consul 1.9 on, of checks that an agent runs. */
  readonly interval: string | undefined;
  /** What is called, where the catalogue says so: for checks that were registered there, not for those of agents. */
  readonly definition: Readonly<CheckDefinition>;
}

export interface CheckDefinition {
  readonly http?: string;
  readonly method?: string;
  readonly header?: Readonly<Record<string, readonly string[]>>;
  readonly tcp?: string;
  readonly grpc?: string;
}

/** Of `/v1/health/service/:name`. */
export interface RawHealthEntry {
  readonly Node: {
    readonly ID?: string;
    readonly Node: string;
    readonly Address: string;
    readonly Datacenter?: string;
    readonly Partition?: string;
    readonly Meta?: Record<string, string> | null;
  };
  readonly Service: {
    readonly ID: string;
    readonly Service: string;
    readonly Kind?: string;
    readonly Address: string;
    readonly Port?: number;
    readonly Ports?: readonly RawPort[] | null;
    readonly Tags?: readonly string[] | null;
    readonly Meta?: Record<string, string> | null;
    readonly TaggedAddresses?: Record<string, { readonly Address: string; readonly Port: number }> | null;
    readonly Weights?: { readonly Passing: number; readonly Warning: number };
    readonly Namespace?: string;
    readonly Partition?: string;
    readonly PeerName?: string;
  };
  readonly Checks?: readonly RawCheck[] | null;
}

export interface RawPort {
  readonly Name: string;
  readonly Port: number;
  readonly Default?: boolean;
}

export interface RawCheck {
  readonly CheckID: string;
  readonly Name: string;
  readonly Status: string;
  readonly Output?: string;
  readonly Notes?: string;
  readonly ServiceID?: string;
  readonly Type?: string;
  readonly Interval?: string;
  readonly Definition?: {
    readonly HTTP?: string;
    readonly Method?: string;
    readonly Header?: Record<string, string[]> | null;
    readonly TCP?: string;
    readonly GRPC?: string;
  };
}

const badness: readonly CheckStatus[] = ['passing', 'warning', 'critical', 'maintenance'];

export function instanceOf({ Node, Service, Checks }: RawHealthEntry): Instance {
  const checks = (Checks ?? []).map(checkOf);
  return {
    id: Service.ID,
    name: Service.Service,
    address: Service.Address || Node.Address,
    port: Service.Port ?? 0,
    ports: portsOf(Service.Ports),
    tags: Service.Tags ?? [],
    meta: Service.Meta ?? {},
    weights: weightsOf(Service.Weights),
    kind: Service.Kind ?? '',
    taggedAddresses: Object.fromEntries(
      Object.entries(Service.TaggedAddresses ?? {}).map(([tag, { Address, Port }]) => [
        tag,
        { address: Address, port: Port },
      ]),
    ),
    node: Node.Node,
    nodeId: Node.ID || undefined,
    nodeAddress: Node.Address,
    nodeMeta: Node.Meta ?? {},
    datacenter: Node.Datacenter,
    peer: Service.PeerName || undefined,
    namespace: Service.Namespace || undefined,
    partition: Service.Partition || Node.Partition || undefined,
    status: worstOf(checks),
    checks,
  };
}

export function portsOf(ports: readonly RawPort[] | null | undefined): NamedPort[] {
  return (ports ?? []).map(({ Name, Port, Default = false }) => ({
    name: Name,
    port: Port,
    default: Default,
  }));
}

/** Consul's own default where nothing is said: as old catalogues and external nodes do. */
export function weightsOf(weights: RawHealthEntry['Service']['Weights']): Instance['weights'] {
  return { passing: weights?.Passing ?? 1, warning: weights?.Warning ?? 1 };
}

export function worstOf(checks: readonly InstanceCheck[]): CheckStatus {
  return badness[Math.max(0, ...checks.map(({ status }) => badness.indexOf(status)))]!;
}

export function checkOf({
  CheckID,
  Name,
  Status,
  Output = '',
  Notes = '',
  ServiceID = '',
  Type,
  Interval,
  Definition = {},
}: RawCheck): InstanceCheck {
  const { HTTP, Method, Header, TCP, GRPC } = Definition;
  // Both are critical while they are there, and there only while it lasts.
  const inMaintenance = CheckID === '_node_maintenance' || CheckID.startsWith('_service_maintenance');
  return {
    id: CheckID,
    name: Name,
    status: inMaintenance ? 'maintenance' : statusOf(Status),
    output: Output,
    notes: Notes,
    type: Type || undefined,
    ofNode: ServiceID === '',
    interval: Interval || undefined,
    definition: {
      ...(HTTP && { http: HTTP }),
      ...(Method && { method: Method }),
      ...(Header && { header: Header }),
      ...(TCP && { tcp: TCP }),
      ...(GRPC && { grpc: GRPC }),
    },
  };
}

/** What the catalogue's own API let in is not checked there: what is neither is not to be called healthy. */
function statusOf(status: string): CheckStatus {
  return status === 'passing' || status === 'warning' ? status : 'critical';
}
