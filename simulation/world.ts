import type { Endpoint } from '../src/endpoint.ts';
import type { Address } from '../src/resolver/resolver.ts';
import { EventQueue } from './event-queue.ts';
import { Server, type ServerPlan } from './server.ts';

const firstPort = 10_000;

/** The servers, as they really are, and under which addresses they are found. */
export class World {
  readonly events = new EventQueue();
  readonly servers: readonly Server[];
  readonly #addresses: readonly Address[];

  constructor(plans: readonly ServerPlan[]) {
    this.servers = plans.map((plan) => new Server(plan, this.events));
    this.#addresses = plans.map(({ weight = 1 }, i) => ({
      host: '10.0.0.1',
      port: firstPort + i,
      priority: 1,
      weight,
    }));
  }

  /** Those that are listed at a time; the same objects for all who ask. */
  listedAt(time: number): readonly Address[] {
    return this.#addresses.filter((_, i) => (this.servers[i]!.plan.joins ?? 0) <= time);
  }

  indexOf({ port }: { readonly port: number }): number {
    return port - firstPort;
  }

  serverOf(endpoint: Endpoint): Server {
    return this.servers[this.indexOf(endpoint)]!;
  }
}
