import { createRequire } from 'node:module';
import type { Contender, Fleet } from './contender.ts';

interface Peer {
  readonly id: string;
  readonly weight: number;
  readonly port: number;
}

const Peers = createRequire(import.meta.url)('weighted-round-robin') as new () => {
  add(peer: Peer): void;
  get(): Peer | null;
};

/** weighted-round-robin: nginx's smooth scheme, one pass over all peers per pick. */
export class WeightedRoundRobinPeers implements Contender {
  readonly #peers = new Peers();

  constructor({ endpoints, weights }: Fleet) {
    for (const [i, { address, port }] of endpoints.entries()) {
      this.#peers.add({ id: address, weight: weights[i]!, port });
    }
  }

  pick(): Peer | undefined {
    return this.#peers.get() ?? undefined;
  }
}
