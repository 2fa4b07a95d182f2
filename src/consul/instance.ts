/** An instance of a service as the catalogue shows it, in words of our own. */
export interface Instance {
  readonly id: string;
  readonly name: string;
  /** Its own, or that of its node where it has none; may be a host name. */
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly node: string;
  readonly nodeAddress: string;
  readonly nodeMeta: Readonly<Record<string, string>>;
  readonly datacenter: string | undefined;
  /** The worst of its checks. */
  readonly status: CheckStatus;
  /** Of the instance and of its node. */
  readonly checks: readonly InstanceCheck[];
}

export type CheckStatus = 'passing' | 'warning' | 'critical' | 'maintenance';

export interface InstanceCheck {
  readonly id: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly output: string;
  readonly notes: string;
  readonly type: string | undefined;
  /** True for a check of the node, which all its instances share. */
  readonly ofNode: boolean;
  /** What Consul calls, where it says so: `http`, `method`, `tcp`, `grpc`, `interval` in ms. */
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
    readonly Node: string;
    readonly Address: string;
    readonly Datacenter?: string;
    readonly Meta?: Record<string, string> | null;
  };
  readonly Service: {
    readonly ID: string;
    readonly Service: string;
    readonly Address: string;
    readonly Port: number;
    readonly Tags?: readonly string[] | null;
    readonly Meta?: Record<string, string> | null;
    readonly Weights?: { readonly Passing: number; readonly Warning: number };
  };
  readonly Checks: readonly RawCheck[];
}

export interface RawCheck {
  readonly CheckID: string;
  readonly Name: string;
  readonly Status: string;
  readonly Output: string;
  readonly Notes: string;
  readonly ServiceID: string;
  readonly Type?: string;
  readonly Definition?: {
    readonly HTTP?: string;
    readonly Method?: string;
    readonly Header?: Record<string, string[]>;
    readonly TCP?: string;
    readonly GRPC?: string;
  };
}

const badness: readonly CheckStatus[] = ['passing', 'warning', 'critical', 'maintenance'];

export function instanceOf({ Node, Service, Checks }: RawHealthEntry): Instance {
  const checks = Checks.map(checkOf);
  const worst = Math.max(0, ...checks.map(({ status }) => badness.indexOf(status)));
  return {
    id: Service.ID,
    name: Service.Service,
    address: Service.Address || Node.Address,
    port: Service.Port,
    tags: Service.Tags ?? [],
    meta: Service.Meta ?? {},
    weights: { passing: Service.Weights?.Passing ?? 1, warning: Service.Weights?.Warning ?? 1 },
    node: Node.Node,
    nodeAddress: Node.Address,
    nodeMeta: Node.Meta ?? {},
    datacenter: Node.Datacenter,
    status: badness[worst]!,
    checks,
  };
}

function checkOf({
  CheckID,
  Name,
  Status,
  Output,
  Notes,
  ServiceID,
  Type,
  Definition = {},
}: RawCheck): InstanceCheck {
  const { HTTP, Method, Header, TCP, GRPC } = Definition;
  const inMaintenance = CheckID === '_node_maintenance' || CheckID.startsWith('_service_maintenance');
  return {
    id: CheckID,
    name: Name,
    status: inMaintenance ? 'maintenance' : (Status as CheckStatus),
    output: Output,
    notes: Notes,
    type: Type || undefined,
    ofNode: ServiceID === '',
    definition: {
      ...(HTTP && { http: HTTP }),
      ...(Method && { method: Method }),
      ...(Header && { header: Header }),
      ...(TCP && { tcp: TCP }),
      ...(GRPC && { grpc: GRPC }),
    },
  };
}
