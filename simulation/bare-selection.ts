import type { Balancer, Excluded, Outcome } from '../src/balancer/balancer.ts';
import type { Endpoint } from '../src/endpoint.ts';
import { emptySnapshot, type Snapshot } from '../src/snapshot.ts';

/** What a client needs of src/selection.ts. */
export interface Selects {
  update(snapshot: Snapshot): void;
  pick(key?: string, exclude?: Excluded): Endpoint | undefined;
  lease(endpoint: Endpoint): { release(outcome: Outcome): void };
}

/** A strategy with leases and nothing before it: small enough for ten thousand clients. */
export function bareSelection(balancer: Balancer): Selects {
  // As a service does: what is drawn at random is drawn alike.
  balancer.update(emptySnapshot);
  return {
    update: (snapshot) => balancer.update(snapshot),
    pick: (key, exclude) => balancer.pick(key, exclude),
    lease: (endpoint) => {
      endpoint.inFlight++;
      balancer.started?.(endpoint);
      return {
        release: (outcome) => {
          endpoint.inFlight--;
          balancer.finished?.(endpoint, outcome);
        },
      };
    },
  };
}

/** The same for a program that calls plain `pick()` and reports how it went: nothing is ever in flight. */
export function reportingSelection(balancer: Balancer): Selects {
  return {
    ...bareSelection(balancer),
    lease: (endpoint) => ({ release: (outcome) => balancer.reported?.(endpoint, outcome) }),
  };
}
