/** What can stand under a name, and what a user may say of each. */

/** A service by its parts; nothing in it needs quoting or knowing about DNS. */
export interface ServiceByName {
  readonly service: string;
  /** One tag that instances must have. Dots are allowed (`v1.2.3`). DNS cannot ask for two tags. */
  readonly tag?: string;
  /** Default: the datacenter of the agent that is asked. */
  readonly datacenter?: string;
  /** A peered cluster, in place of a datacenter (Consul ≥ 1.14.2). */
  readonly peer?: string;
  /**
   * The NAME of one of several ports (Consul ≥ 1.22), in lower case. Every instance must have it: while one lacks it, Consul says
   * that the name does not exist.
   */
  readonly port?: string;
  /** Consul Enterprise. */
  readonly namespace?: string;
  /** Consul Enterprise. */
  readonly partition?: string;
}

/** The mesh's way into a service: its sidecar proxies and native instances, which expect mutual TLS. */
export interface MeshByName {
  readonly connect: string;
  readonly datacenter?: string;
  /** Consul Enterprise. */
  readonly namespace?: string;
  /** Consul Enterprise. */
  readonly partition?: string;
}

/** The ingress gateways that expose a service. The port is the gateway's registered one, not that of a listener. */
export interface IngressByName {
  readonly ingress: string;
  readonly datacenter?: string;
  /** Consul Enterprise. */
  readonly namespace?: string;
  /** Consul Enterprise. */
  readonly partition?: string;
}

/** A prepared query, by name or id. */
export interface QueryByName {
  readonly query: string;
  /** Where the query is defined and run; default: the datacenter of the agent that is asked. */
  readonly datacenter?: string;
  /** Keeps the order of the answer, which means something only where the query has a `Near`. Default `false`. */
  readonly ordered?: boolean;
}

/** A machine of the cluster: an address without a port, whatever its health. Dots are allowed in its name. */
export interface NodeByName {
  readonly node: string;
  readonly datacenter?: string;
  /** A peered cluster, in place of a datacenter (Consul ≥ 1.14.2). */
  readonly peer?: string;
  /** Consul Enterprise. */
  readonly partition?: string;
}

/** The virtual address of a mesh service (Consul ≥ 1.11), in the datacenter of the agent that is asked. */
export interface VirtualByName {
  readonly virtual: string;
  /** A peered cluster that the service is imported from. */
  readonly peer?: string;
  /** Consul Enterprise. */
  readonly namespace?: string;
  /** Consul Enterprise. */
  readonly partition?: string;
}

/** An address written as a name (`7f000001.addr.consul`), as SRV targets are. */
export interface AddressByName {
  /** IPv4 or IPv6. */
  readonly addr: string;
}

export type ServiceName =
  | ServiceByName
  | MeshByName
  | IngressByName
  | QueryByName
  | NodeByName
  | VirtualByName
  | AddressByName;

/** Consul's words for the kinds of lookup: as a label of a name they say what its left side is. */
export const kinds = ['service', 'query', 'connect', 'ingress', 'node', 'virtual', 'addr'] as const;
export type Kind = (typeof kinds)[number];

export function isKind(label: string): label is Kind {
  return (kinds as readonly string[]).includes(label);
}

export function kindOf(name: ServiceName): Kind {
  const said = name as Partial<Record<Kind, string>>;
  for (const kind of kinds) if (said[kind] !== undefined) return kind;
  return 'service';
}

/** What stands left of the kind: the bare name of the service, query or node, or the IP address. */
export function subjectOf(name: ServiceName): string {
  return (name as unknown as Record<Kind, string>)[kindOf(name)];
}

/** True for what has addresses and no SRV records, so no ports: only A and AAAA can be asked for. */
export function isHostName(name: ServiceName): boolean {
  const kind = kindOf(name);
  return kind === 'node' || kind === 'virtual' || kind === 'addr';
}

/** True where what answers expects the mutual TLS of Consul's mesh. */
export function isMesh(name: ServiceName): boolean {
  return kindOf(name) === 'connect';
}
