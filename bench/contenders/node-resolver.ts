import { Resolver } from 'node:dns/promises';

/** Node's own resolver, as one uses it: SRV, then A of each target. */
export class NodeResolver {
  readonly #resolver = new Resolver();

  constructor(server: string) {
    this.#resolver.setServers([server]);
  }

  /** `host:port` of each. */
  async ask(name: string): Promise<string[]> {
    const records = await this.#resolver.resolveSrv(name);
    const hosts = await Promise.all(records.map((record) => this.#resolver.resolve4(record.name)));
    return records.flatMap((record, i) => hosts[i]!.map((host) => `${host}:${record.port}`));
  }
}
