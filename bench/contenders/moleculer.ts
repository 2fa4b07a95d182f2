import { Strategies } from 'moleculer';
import type { Contender, Fleet } from './contender.ts';

/** What moleculer's strategies read of an endpoint of an action. */
interface ActionEndpoint {
  readonly id: string;
  readonly port: number;
  readonly node: { readonly hostname: string; readonly cpu: number };
}

interface Strategy {
  select(list: readonly ActionEndpoint[], context?: { readonly params: string }): ActionEndpoint;
  /** Of the latency strategy: where its pings report. */
  updateLatency?(measured: { readonly hostname: string; readonly avgLatency: number }): void;
}

export type MoleculerName = 'RoundRobin' | 'Random' | 'CpuUsage' | 'Latency' | 'Shard';

/**
 * moleculer's strategies, without a broker: its registry calls `select()` with the list of endpoints. CPU loads are above its
 * `lowCpuUsage` (10 %) and latencies above its `lowLatency` (10 ms), below which it takes the first sample and compares nothing.
 */
export class Moleculer implements Contender {
  readonly #list: readonly ActionEndpoint[];
  readonly #strategy: Strategy;
  /** Of the shard strategy; used again for each call. */
  readonly #context = { params: '' };

  constructor(name: MoleculerName, { endpoints, loads }: Fleet) {
    const Class = Strategies[name] as unknown as new (...given: unknown[]) => Strategy;
    // "#" would look into the metadata of a call; a function is the cheapest way to its key.
    const shardKey = ({ params }: { readonly params: string }) => params;
    this.#strategy = new Class({}, { localBus: { on: () => {} } }, name === 'Shard' ? { shardKey } : {});
    this.#list = endpoints.map(({ address, port }, i) => ({
      id: address,
      port,
      node: { hostname: address, cpu: Math.round(20 + 60 * loads[i]!) },
    }));
    for (const [i, { id }] of this.#list.entries()) {
      this.#strategy.updateLatency?.({ hostname: id, avgLatency: 15 + 10 * loads[i]! });
    }
  }

  pick(key = ''): ActionEndpoint {
    this.#context.params = key;
    return this.#strategy.select(this.#list, this.#context);
  }
}
