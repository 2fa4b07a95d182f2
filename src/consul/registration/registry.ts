/**
 * CONTRACT: where instances of services are put so that others find them. Consul's is `createConsul().registry`; the double has one, and one
 * of your own is three methods. `registryContract()` of `consul-dns-balancer/testing` says whether it keeps to it.
 */
export interface Registry {
  /** Resolves when it is registered. What is left out is found or has a default; an id that is given must not be in use. */
  register(instance: RegistryEntry): Promise<Registered>;
  /** Resolves when it is taken back; also where nobody knows it. */
  deregister(id: string): Promise<void>;
  /** Those that are registered, whatever their health, in any order; empty where there are none. */
  instances(name: string): Promise<readonly RegistryInstance[]>;
}

/** What every registry understands. */
export interface RegistryEntry {
  readonly name: string;
  readonly port: number;
  readonly address?: string;
  /** Default: one that no other instance has. */
  readonly id?: string;
  readonly tags?: readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
}

export interface Registered {
  readonly id: string;
  /** Idempotent; never takes back another that came under the same id later. */
  deregister(): Promise<void>;
}

export interface RegistryInstance {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
}
