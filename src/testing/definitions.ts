/** What can be put into the double's Consul. */

export type Status = 'passing' | 'warning' | 'critical';

/** DNS weights, 0…65535; which of the two is sent depends on the status. */
export interface Weights {
  passing: number;
  warning: number;
}

/** Further addresses: `lan_*` for clients of the own datacenter, `wan*` for others, with `translateWan` (F2.11, F7.5). */
export type AddressTag = 'lan_ipv4' | 'lan_ipv6' | 'wan' | 'wan_ipv4' | 'wan_ipv6';

export interface NodeDefinition {
  /** May contain dots. */
  name: string;
  /** IPv4, IPv6 or a host name. */
  address: string;
  /** Node metadata, sent as TXT records; default: what an agent of this version publishes, `{}` for none. */
  meta?: Record<string, string>;
  /** Default: the double's own. */
  datacenter?: string;
  /** Name of the peered cluster this node was imported from; default: none. */
  peer?: string;
  taggedAddresses?: Partial<Record<AddressTag, string>>;
  /** Whether a Consul server runs there, named by NS and by `consul.service.consul`; default false. */
  server?: boolean;
}

/** One of several ports of an instance, as Consul knows them from 1.22 on. */
export interface NamedPort {
  /** Lower case, or no question can name it (F12.11). */
  name: string;
  port: number;
  /** The port where a question names none; true for exactly one of an instance's ports. */
  default?: boolean;
}

export interface ServiceDefinition {
  name: string;
  /** Unique per node: another instance with the same id replaces this one. Default: name and a number. */
  id?: string;
  /** IPv4, IPv6 or a host name; without one the node's address. */
  address?: string;
  /** 0…65535, default 0. */
  port?: number;
  /** Several ports instead of `port`: needs version '1.22.7'. */
  ports?: readonly NamedPort[];
  tags?: readonly string[];
  /** Default 1 and 1. */
  weights?: Weights;
  /** Seen over HTTP only. */
  meta?: Readonly<Record<string, string>>;
  /** Seen over HTTP only; default false. */
  enableTagOverride?: boolean;
  /** Default: the double's own node. Any other is to be added first. */
  node?: string;
  datacenter?: string;
  /** Imported from this peer: found as `name.service.<peer>.peer` only (F1.13). */
  peer?: string;
  /** Default 'passing'. */
  status?: Status;
  taggedAddresses?: Partial<Record<AddressTag, { address: string; port?: number }>>;
  /** A sidecar proxy of that service: found as `<service>.connect`, too (F1.12). */
  sidecarFor?: string;
  /** Speaks the mesh's protocol itself: found as `name.connect`, too. */
  native?: boolean;
  /** An ingress gateway of these services: found as `<service>.ingress`, too. */
  ingressFor?: readonly string[];
}

export interface QueryDefinition {
  name: string;
  service: string;
  tag?: string;
  /** ms, sent in whole seconds; default: the double's `serviceTtl`. */
  ttl?: number;
  /** Where it is defined; default: the double's own. Only questions to that datacenter find it (F1.9). */
  datacenter?: string;
  /** Node names from near to far, as `Near` sorts them; nodes without a place come last. Default: shuffled (F1.10). */
  near?: readonly string[];
  /** Asked one after the other where the own datacenter has no usable instance; the first that has one gives all (F7.3). */
  failover?: readonly string[];
  /** Whether warning instances are left out; default false. */
  onlyPassing?: boolean;
}

/** A registered instance, to be changed while clients watch. */
export interface RegisteredService {
  readonly id: string;
  setStatus(status: Status): void;
  setTags(tags: readonly string[]): void;
  setWeights(weights: Weights): void;
  deregister(): void;
}
