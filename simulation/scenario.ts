import type { AvailabilityOptions } from '../src/availability/availability.ts';
import type { BalancerOption } from '../src/balancer/balancer.ts';
import type { Distribution } from './distributions.ts';
import type { ServerPlan } from './server.ts';

/** Who chooses: a strategy of the package, with what surrounds it, or the baseline that knows everything. */
export interface Contestant {
  readonly name: string;
  readonly balancer: BalancerOption | 'omniscient';
  readonly availability?: AvailabilityOptions;
  /** Plain `pick()` and `report()` instead of leases. Without availability. */
  readonly reports?: boolean;
  /** Attempts after the first, within the retry budget. Default 0. */
  readonly retries?: number;
}

/** What happens, apart from who chooses. */
export interface Case {
  readonly name: string;
  /** Programs, each with its own view of the servers; a request comes to any of them with equal probability. */
  readonly clients: number;
  readonly servers: readonly ServerPlan[];
  /** Time a request takes at speed 1. */
  readonly work: Distribution;
  /** Arrivals as a share of what the servers listed at the begin can do together; they come at random (Poisson). */
  readonly load: number;
  readonly requests: number;
  /** Share of the requests that are not counted, while queues fill and strategies learn. Default 0.2. */
  readonly unmeasured?: number;
  /** Every `period` ms the load is `times` as high for `length` ms. The other time it is lower: the mean stays. */
  readonly bursts?: { readonly period: number; readonly length: number; readonly times: number };
  /** So many of the requests are long polls: they hold a connection for `length` ms but no slot, and are not counted in the figures. */
  readonly longPolls?: { readonly share: number; readonly length: number };
  /** A client hears of a new server up to so many ms late. Default 0. */
  readonly discovery?: number;
  /** Width of a window in which arrivals are counted, in ms. */
  readonly window: number;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly cases: readonly Case[];
  readonly contestants: readonly Contestant[];
}
