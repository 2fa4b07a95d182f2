import type { Balancer, Outcome } from '../../../src/balancer/balancer.ts';
import { RoundRobin } from '../../../src/balancer/round-robin.ts';
import type { Endpoint } from '../../../src/endpoint.ts';
import { createRandom } from '../../../src/random.ts';

/** How a request to an endpoint went, as the balancer was told. */
export interface Told {
  readonly endpoint: Endpoint;
  readonly outcome: Outcome;
}

/** A strategy: in turn, beginning with the first. It writes down what it is told, of leases and beside them. */
export function recording(outcomes: Told[], reports: Told[] = []): Balancer {
  const turns = new RoundRobin({ random: { ...createRandom(1), below: () => 0 } });
  return {
    update: (snapshot) => turns.update(snapshot),
    pick: (key, exclude) => turns.pick(key, exclude),
    finished: (endpoint, outcome) => void outcomes.push({ endpoint, outcome }),
    reported: (endpoint, outcome) => void reports.push({ endpoint, outcome }),
  };
}
