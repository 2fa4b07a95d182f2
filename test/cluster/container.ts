import { GenericContainer, type PortWithBinding, type StartedTestContainer, Wait } from 'testcontainers';
import { findEngine } from './engine.ts';
import { labels } from './leftovers.ts';

/**
 * A container whose ports are published on 127.0.0.1 only. It is not waited for (an image of one binary has no shell to
 * look for open ports with), and removed by leftovers.ts.
 */
export class LoopbackContainer extends GenericContainer {
  #id: string | undefined;
  readonly #beforeStart: ((containerId: string) => Promise<void>) | undefined;

  /** @param beforeStart called when the container is there but does not run. */
  constructor(image: string, beforeStart?: (containerId: string) => Promise<void>) {
    super(image);
    this.#beforeStart = beforeStart;
    this.withAutoCleanup(false).withLabels(labels).withWaitStrategy(Wait.forAll([]));
  }

  /** The same number for UDP and TCP, which Docker by itself would not choose. */
  publish(...ports: readonly Required<PortWithBinding>[]): this {
    this.withExposedPorts(...ports);
    for (const { container, host, protocol } of ports) {
      this.hostConfig.PortBindings[`${container}/${protocol}`] = [
        { HostIp: '127.0.0.1', HostPort: String(host) },
      ];
    }
    return this;
  }

  override async start(): Promise<StartedTestContainer> {
    try {
      return await super.start();
    } catch (error) {
      // It is there all the same, e.g. where a port turned out to be taken.
      const engine = await findEngine();
      if (this.#id !== undefined) await engine?.getContainer(this.#id).remove({ force: true });
      throw error;
    }
  }

  protected override async containerCreated(containerId: string): Promise<void> {
    this.#id = containerId;
    await this.#beforeStart?.(containerId);
  }
}
