import type { Balancer, BalancerContext, BalancerOption, Outcome } from '../../balancer/balancer.ts';
import { createBalancer } from '../../balancer/index.ts';
import { createCoarseClock } from '../../coarse-clock.ts';
import type { Endpoint } from '../../endpoint.ts';
import { IntervalProber } from '../../health/prober.ts';
import { createRandom, type Random } from '../../random.ts';
import type { Address } from '../../resolver/resolver.ts';
import { emptySnapshot, reconcile, rememberDeparted, type Snapshot } from '../../snapshot.ts';
import { createFakeClock, type FakeClock } from '../fake-clock.ts';

/** A balancer, and what a service does with it: gives it lists, begins requests and ends them. */
export interface BalancerWorld {
  readonly balancer: Balancer;
  readonly clock: FakeClock;
  /** The suite's own stream; the balancer has another. */
  readonly random: Random;
  /** The newest list. */
  readonly snapshot: Snapshot;
  /** Gives the balancer a list of `count` endpoints, numbered from `first`; those that stay are the same objects. */
  list(count: number, first?: number): Snapshot;
  /** Gives it a list of one endpoint a weight. */
  weigh(...weights: readonly number[]): Snapshot;
  /** Gives it these. */
  take(addresses: readonly Address[]): Snapshot;
  /** Begins a request, as a lease does. */
  begin(endpoint: Endpoint): void;
  /** Ends it. */
  end(endpoint: Endpoint, outcome: Outcome): void;
  /** Time for work in the background that an update began. */
  settle(): Promise<void>;
}

/** A balancer in a world of its own: time stands still, randomness is seeded, probes answer at once. */
export function openWorld(option: BalancerOption, seed = 1): BalancerWorld {
  const clock = createFakeClock();
  const random = createRandom(seed);
  const context: BalancerContext = {
    clock,
    coarse: createCoarseClock(clock),
    random: createRandom(random.next()),
    prober: (options) => new IntervalProber({ ...options, probe: async () => 1 }, clock, random),
  };
  const balancer = createBalancer(option, context);
  const departed = rememberDeparted(clock);
  let snapshot = emptySnapshot;
  const take = (addresses: readonly Address[]) => {
    snapshot = reconcile(snapshot, addresses, departed).snapshot;
    balancer.update(snapshot);
    return snapshot;
  };
  return {
    balancer,
    clock,
    random,
    get snapshot() {
      return snapshot;
    },
    take,
    list: (count, first = 0) => take(Array.from({ length: count }, (_, i) => numbered(first + i))),
    weigh: (...weights) => take(weights.map((weight, i) => numbered(i, weight))),
    begin(endpoint) {
      endpoint.inFlight++;
      balancer.started?.(endpoint);
    },
    end(endpoint, outcome) {
      endpoint.inFlight--;
      balancer.finished?.(endpoint, outcome);
    },
    settle: () => clock.advance(1_000),
  };
}

export function numbered(i: number, weight = 1): Address {
  return { host: `10.0.${i >> 8}.${i & 255}`, port: 8000 + i, priority: 1, weight };
}
