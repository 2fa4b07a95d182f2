import { freePorts } from '../integration/free-ports.ts';
import { Registration } from '../integration/registration.ts';
import { LoopbackContainer } from './container.ts';
import type { Engine } from './engine.ts';
import { consulPath, dataDirectory } from './image.ts';
import type { Networks } from './networks.ts';

const loopback = '127.0.0.1';
const portAttempts = 5;
const graceSeconds = 10;

export interface NodeSetup {
  readonly engine: Engine;
  readonly image: string;
  readonly networks: Networks;
  readonly name: string;
  /** Its address in `networks.lan`. */
  readonly host: number;
  readonly flags: readonly string[];
}

/** One agent of a cluster, in a container of its own; its ports, its address and its data outlive a restart. */
export class ClusterNode {
  readonly name: string;
  readonly address: string;
  readonly dnsPort: number;
  readonly dnsAddress: string;
  readonly #setup: NodeSetup;
  readonly #registration: Registration;
  readonly #id: string;

  static async start(setup: NodeSetup): Promise<ClusterNode> {
    for (let attempt = 1; ; attempt++) {
      const [http = 0, dns = 0] = await freePorts(2);
      try {
        return new ClusterNode(setup, http, dns, await startContainer(setup, http, dns));
      } catch (error) {
        // Since freePorts() looked, anybody may have taken one of them.
        if (attempt === portAttempts || !/already allocated|already in use/.test(String(error))) throw error;
      }
    }
  }

  private constructor(setup: NodeSetup, http: number, dns: number, id: string) {
    this.name = setup.name;
    this.address = setup.networks.address(setup.host);
    this.dnsPort = dns;
    this.dnsAddress = `${loopback}:${dns}`;
    this.#setup = setup;
    this.#registration = new Registration(`http://${loopback}:${http}`);
    this.#id = id;
  }

  http<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    return this.#registration.http<T>(method, path, body);
  }

  /** As a crash of its machine would. */
  async kill(): Promise<void> {
    this.#registration.disconnect();
    await this.#container.kill();
  }

  async start(): Promise<void> {
    await this.#container.start();
  }

  /** With SIGTERM: an agent that is no server leaves the cluster then, by Consul's default. */
  async restart(): Promise<void> {
    this.#registration.disconnect();
    await this.#container.restart({ t: graceSeconds });
    this.#registration.disconnect();
  }

  /** It and everybody's connections to it stand still. */
  async pause(): Promise<void> {
    await this.#container.pause();
  }

  async resume(): Promise<void> {
    await this.#container.unpause();
  }

  /** Nobody in the cluster reaches it from here on, and it nobody; its published ports are open still. */
  async cut(): Promise<void> {
    await this.#lan.disconnect({ Container: this.#id });
  }

  async heal(): Promise<void> {
    await this.#lan.connect(attachment(this.#setup, this.#id));
  }

  disconnect(): void {
    this.#registration.disconnect();
  }

  async lastWords(): Promise<string> {
    const log = await this.#container.logs({ stdout: true, stderr: true, tail: 10 });
    return `${this.name}:\n${log.toString()}`;
  }

  get #container() {
    return this.#setup.engine.getContainer(this.#id);
  }

  get #lan() {
    return this.#setup.engine.getNetwork(this.#setup.networks.lan);
  }
}

async function startContainer(setup: NodeSetup, http: number, dns: number): Promise<string> {
  const { engine, image, networks, name, host, flags } = setup;
  const container = new LoopbackContainer(image, async (id) => {
    await engine.getNetwork(networks.lan).connect(attachment(setup, id));
  })
    .withNetworkMode(networks.access)
    .publish(
      { container: 8500, host: http, protocol: 'tcp' },
      { container: 8600, host: dns, protocol: 'tcp' },
      { container: 8600, host: dns, protocol: 'udp' },
    )
    // The official images have a script in front, which adds flags of its own.
    .withEntrypoint([consulPath])
    .withCommand([
      ...['agent', '-node', name, '-data-dir', dataDirectory, '-log-level', 'warn'],
      ...['-client', '0.0.0.0', '-bind', '0.0.0.0', '-advertise', networks.address(host)],
      ...['-hcl', 'disable_update_check = true'],
      ...flags,
    ]);
  return (await container.start()).getId();
}

function attachment({ networks, host }: NodeSetup, id: string) {
  return { Container: id, EndpointConfig: { IPAMConfig: { IPv4Address: networks.address(host) } } };
}
