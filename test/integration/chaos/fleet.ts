import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../consul-agent.ts';
import { Backend } from './backend.ts';

interface HealthEntry {
  readonly Service: { readonly ID: string };
}

const passingWithin = 30_000;
/** What an answer takes, so that there are always some under way when something happens. */
const usualDelay = 20;

const name = 'web';

/** The instances of one service: processes of their own, registered in Consul with the HTTP check that a user would write. */
export class Fleet {
  /** Those that run, oldest first. */
  readonly backends: Backend[] = [];
  readonly #agent: Agent;
  readonly #delay: number;
  #started = 0;

  /** @param delay milliseconds before each answer. */
  constructor(agent: Agent, delay = usualDelay) {
    this.#agent = agent;
    this.#delay = delay;
  }

  /** Starts and registers `count` more, each at a port of its own; waits until Consul lists them. */
  async add(count: number): Promise<Backend[]> {
    const added = await Promise.all(
      Array.from({ length: count }, () => this.#start(`${name}-${++this.#started}`)),
    );
    this.backends.push(...added);
    await this.register(added);
    return added;
  }

  /** Again at the port it had, as a supervisor would; it is registered as it was. */
  async again(crashed: Backend): Promise<Backend> {
    const backend = await this.#start(crashed.id, crashed.port);
    this.backends.splice(this.backends.indexOf(crashed), 1, backend);
    return backend;
  }

  async register(backends: readonly Backend[]): Promise<void> {
    for (const { id, port, address } of backends) {
      await this.#agent.http('PUT', '/v1/agent/service/register', {
        Name: name,
        ID: id,
        Address: '127.0.0.1',
        Port: port,
        // The shortest interval that Consul takes.
        Check: { HTTP: `http://${address}/health`, Interval: '1s', Timeout: '1s' },
      });
    }
    await this.untilListed(backends);
  }

  async untilListed(backends: readonly Backend[]): Promise<void> {
    const until = performance.now() + passingWithin;
    for (;;) {
      const listed = new Set(await this.#passing());
      if (backends.every(({ id }) => listed.has(id))) return;
      if (performance.now() > until) throw new Error(`not passing after ${passingWithin} ms`);
      await sleep(50);
    }
  }

  /**
   * Takes an instance out as a deployment does: out of Consul, a while for clients to notice, then SIGTERM.
   *
   * @param drain milliseconds between the two.
   */
  async retire(backend: Backend, drain: number): Promise<void> {
    await this.#agent.http('PUT', `/v1/agent/service/deregister/${backend.id}`);
    await sleep(drain);
    await backend.leave();
    this.backends.splice(this.backends.indexOf(backend), 1);
  }

  async stop(): Promise<void> {
    await Promise.all(this.backends.splice(0).map((backend) => backend.crash()));
  }

  async #start(id: string, port?: number): Promise<Backend> {
    const backend = await Backend.start(id, port);
    backend.behave({ delay: this.#delay });
    return backend;
  }

  async #passing(): Promise<string[]> {
    const entries = await this.#agent.http<HealthEntry[]>('GET', `/v1/health/service/${name}?passing`);
    return entries.map(({ Service }) => Service.ID);
  }
}
