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

/** A strategy with its endpoints. `shardKey`, of the shard strategy: a function is the cheapest way to the key of a call. */
function open(name: 'RoundRobin' | 'Random' | 'CpuUsage' | 'Latency' | 'Shard', { endpoints, loads }: Fleet) {
  const Class = Strategies[name] as unknown as new (...given: unknown[]) => Strategy;
  const shardKey = ({ params }: { readonly params: string }) => params;
  const options = name === 'Shard' ? { shardKey } : {};
  const strategy = new Class({}, { localBus: { on: () => {} } }, options);
  const list = endpoints.map(({ address, port }, i): ActionEndpoint => {
    strategy.updateLatency?.({ hostname: address, avgLatency: 15 + 10 * loads[i]! });
    return { id: address, port, node: { hostname: address, cpu: Math.round(20 + 60 * loads[i]!) } };
  });
  return { strategy, list };
}

/**
 * moleculer's strategies, without a broker: its registry calls `select()` with the list of endpoints. CPU loads are above its
 * `lowCpuUsage` (10 %) and latencies above its `lowLatency` (10 ms), below which it takes the first sample and compares nothing.
 */
export class Moleculer implements Contender {
  readonly #strategy: Strategy;
  readonly #list: readonly ActionEndpoint[];

  constructor(name: 'RoundRobin' | 'Random' | 'CpuUsage' | 'Latency', fleet: Fleet) {
    const { strategy, list } = open(name, fleet);
    this.#strategy = strategy;
    this.#list = list;
  }

  pick(): ActionEndpoint {
    return this.#strategy.select(this.#list);
  }
}

/** moleculer's consistent hash: 10 places per endpoint on a ring, what keys fell to kept in a cache of 1 000. */
export class MoleculerShard implements Contender {
  readonly #strategy: Strategy;
  readonly #list: readonly ActionEndpoint[];
  /** The context of a call; one for all. */
  readonly #context = { params: '' };

  constructor(fleet: Fleet) {
    const { strategy, list } = open('Shard', fleet);
    this.#strategy = strategy;
    this.#list = list;
  }

  pick(key = ''): ActionEndpoint {
    this.#context.params = key;
    return this.#strategy.select(this.#list, this.#context);
  }
}
