/**
 * CONTRACT: a resolver turns a service's name into the full set of its addresses.
 *
 * Called by `cached` (once per TTL and name, coalesced) and by a service's refresh loop; never on the way of a pick.
 * Always the full set, never a difference. Decorators (cached, failover, …) are resolvers that wrap a resolver.
 * A resolver holds no hidden state per caller. After `close()`, `resolve` rejects with ERR_CLOSED.
 *
 * To add one: a new file beside this one, and a line in `index.ts`.
 */
import type { ServiceName } from '../dns/name.ts';

/** Where one instance of a service listens. */
export interface Address {
  /** An IPv4 or IPv6 literal, without brackets. */
  readonly host: string;
  /** 1…65535; 0 only from `discovery.resolve()` of a name that has none (`x.node.consul`) where no `port` was given. */
  readonly port: number;
  /** SRV priority (RFC 2782), 0…65535; the lowest is preferred. Consul always sends 1. */
  readonly priority: number;
  /** SRV weight (RFC 2782), 0…65535. */
  readonly weight: number;
  /** Place in the answer, 0 first, where the order means something: `{ query, ordered: true }`. */
  readonly rank?: number;
  /** The SRV target as it was answered, lower-cased, without the trailing dot. */
  readonly target?: string;
  /** The host name to show to the instance (TLS, Host header), where its registered address was a real host name. */
  readonly serverName?: string;
  /** Consul node, where the target names it. */
  readonly node?: string;
  readonly datacenter?: string;
  readonly tags?: readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
  /** The URL at which Consul looks whether it is healthy (`http://`, `https://`, `tcp://`), where that is known. */
  readonly check?: string;
}

/** How an answer was obtained; for people and tools, never for decisions. */
export interface Origin {
  /** `host:port` of the server that answered, or a word for what else did. */
  readonly server: string;
  readonly transport?: 'udp' | 'tcp';
  /** Questions sent for the list itself, at least 1. More than 1: the first reply could not be proven complete. */
  readonly asks?: number;
  /** Milliseconds from the question to the complete list. */
  readonly elapsed?: number;
}

export interface Resolution {
  readonly addresses: readonly Address[];
  /** How long the set may be used, in ms. */
  readonly ttl: number;
  /** True when it is proven that no instance is missing from `addresses`. Presence is always certain, absence only then. */
  readonly complete: boolean;
  /**
   * Only where `complete` is false: the largest probability that one given healthy instance is missing from
   * `addresses`, 0…1. What a service makes of it: see membership.ts.
   */
  readonly omission?: number;
  /**
   * What could not be resolved just now: targets that are listed, in A lists a whole family, in lists over several datacenters
   * whole datacenters. The addresses known of them from earlier stay; `omission` speaks of all others.
   */
  readonly unresolved?: {
    readonly targets?: readonly string[];
    readonly family?: 4 | 6;
    readonly datacenters?: readonly string[];
  };
  /** Milliseconds since the source said so, where it comes from a cache. */
  readonly age?: number;
  /** Names this state of the set, to be handed back as `after`. */
  readonly token?: string;
  readonly origin?: Origin;
}

export interface ResolveOptions {
  /** Aborts this call only: others that wait for the same answer still get it. The promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Ask now, past any cache. */
  readonly fresh?: boolean | undefined;
  /** Token of an earlier resolution: a resolver that can wait answers when something has changed since. */
  readonly after?: string | undefined;
  /** Nobody awaits this call: it must not keep the process alive. */
  readonly background?: boolean | undefined;
  /**
   * The caller remembers earlier lists of this name and settles doubt over several calls (membership.ts): where no reply can hold
   * the whole list, fewer of them are gathered.
   */
  readonly continued?: boolean | undefined;
}

export interface Resolver {
  /**
   * @throws ServiceNotFoundError when the name has no instance; DnsError when nobody answered; `signal.reason` on abort.
   */
  resolve(name: ServiceName, options?: ResolveOptions): Promise<Resolution>;
  /** Releases sockets. Optional, idempotent. */
  close?(): void | Promise<void>;
}
