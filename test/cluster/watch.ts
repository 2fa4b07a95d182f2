import { setTimeout as sleep } from 'node:timers/promises';
import type { DiscoveryWarning, Service } from '../../src/index.ts';
import { History } from './history.ts';
import type { ClusterNode } from './node.ts';
import { plainLookup } from './plain-lookup.ts';

const sampleEvery = 20;
const askEvery = 50;

/** A service handle, and the agents that it asks. */
export interface View {
  readonly title: string;
  readonly service: Service;
  readonly agents: readonly ClusterNode[];
}

export interface Sample {
  readonly endpoints: number;
  /** ms */
  readonly age: number;
  readonly stale: boolean;
  readonly complete: boolean;
}

export interface Watched extends View {
  /** What the handle handed out. */
  readonly handle: History;
  /** What each of its agents answered. */
  readonly consul: readonly History[];
}

/**
 * Looks at service handles all the time: at every list that they announce, and at what they hand out every 20 ms. Beside it
 * Consul is asked by a plain client every 50 ms, which tells what is Consul's time from what is ours.
 */
export class Watch {
  readonly watched: readonly Watched[];
  /** Handles that handed out nothing while they had a list, with what pick() threw. */
  readonly refusals = new Map<string, unknown>();
  readonly deregistered = new Set<string>();
  readonly warnings: DiscoveryWarning[];
  samples = 0;
  /** The longest time between two samples, in ms. */
  longestGap = 0;
  onSample: ((watched: Watched, sample: Sample) => void) | undefined;
  #lastSample = performance.now();
  #over = false;
  readonly #stop: (() => void)[] = [];
  readonly #asking: Promise<void>[] = [];

  /** The services have to be ready. */
  constructor(views: readonly View[], warnings: DiscoveryWarning[]) {
    this.warnings = warnings;
    const asked = new Map<string, History>();
    this.watched = views.map((view) => {
      const { service, agents } = view;
      for (const agent of agents) {
        const question = `${service.name} ${agent.name}`;
        if (!asked.has(question)) asked.set(question, this.#askConsul(service.name, agent));
      }
      const handle = new History();
      handle.add(new Set(service.endpoints.map(({ address }) => address)));
      const unsubscribe = service.subscribe(({ endpoints }) => {
        handle.add(new Set(endpoints.map(({ address }) => address)));
      });
      this.#stop.push(unsubscribe);
      return { ...view, handle, consul: agents.map(({ name }) => asked.get(`${service.name} ${name}`)!) };
    });
    const timer = setInterval(() => this.#sample(), sampleEvery);
    this.#stop.push(() => clearInterval(timer));
  }

  async close(): Promise<void> {
    this.#over = true;
    for (const stop of this.#stop) stop();
    await Promise.all(this.#asking);
  }

  #sample(): void {
    const now = performance.now();
    this.longestGap = Math.max(this.longestGap, now - this.#lastSample);
    this.#lastSample = now;
    this.samples++;
    for (const watched of this.watched) {
      const { service, title, handle } = watched;
      const { endpoints, age, stale, complete } = service.snapshot;
      handle.add(new Set(endpoints.map(({ address }) => address)));
      try {
        service.pick();
      } catch (error) {
        if (handle.now!.size > 0) this.refusals.set(title, error);
      }
      this.onSample?.(watched, { endpoints: endpoints.length, age, stale, complete });
    }
  }

  #askConsul(name: string, agent: ClusterNode): History {
    const history = new History();
    const loop = async () => {
      while (!this.#over) {
        const list = await plainLookup(agent.dnsPort, name);
        if (list !== undefined) history.add(list);
        await sleep(askEvery);
      }
    };
    this.#asking.push(loop());
    return history;
  }
}
