/** CONTRACT: a Consul that the script can change and break. */
export interface SoakInstance {
  readonly service: string;
  readonly address: string;
  readonly port: number;
}

export interface World {
  /** Which Consul it is, or that it is the double. */
  readonly what: string;
  /** Of its DNS, UDP and TCP; the same for its whole life. */
  readonly port: number;
  /** Registers a passing instance. Resolves when the agent knows; the catalogue follows within moments. */
  register(instance: SoakInstance): Promise<void>;
  deregister(instance: SoakInstance): Promise<void>;
  setHealth(instance: SoakInstance, healthy: boolean): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Brings it back with what was registered. Resolves when it answers. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Unique per instance, and usable in a URL. */
export function idOf({ service, address, port }: SoakInstance): string {
  return `${service}-${address}-${port}`;
}
