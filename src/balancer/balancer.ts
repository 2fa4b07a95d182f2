/**
 * CONTRACT: a balancer chooses one endpoint of a list.
 *
 * One balancer belongs to one service, so cursors are never shared. It never tests health: what may not be chosen (ejected,
 * of a lower priority, full) is not in the list it gets, or excluded. `update` is called once before the first pick and after each
 * change, off the hot path, and may allocate. `pick` is called for every request: synchronous, O(1), allocates nothing, reads no
 * system clock, awaits nothing. After `close()` nothing of it is called again and no timer or socket of it is left.
 *
 * What has to outlive a refresh, a short absence or a change of strategy is kept on the endpoint (`inFlight`, `picks`, `latency`,
 * `response`), not in the balancer.
 *
 * To add one: a new file beside this one and a line in index.ts (CONTRIBUTING.md). Balancers import types, and values only from the
 * pieces they share in this folder (rotation.ts).
 */
import type { Clock } from '../clock.ts';
import type { CoarseClock } from '../coarse-clock.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Prober, ProberOptions } from '../health/probe.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';

/** Endpoints that must not be chosen now: those a retry has already tried. Every `Set<Endpoint>` is one. */
export interface Excluded {
  readonly size: number;
  has(endpoint: Endpoint): boolean;
}

/** How a request to an endpoint went. */
export interface Outcome {
  readonly ok: boolean;
  /** Milliseconds from start to end, where measured. */
  readonly elapsed?: number;
  /** Milliseconds from start to the first of the answer, where known: what follows may take its time for other reasons. */
  readonly firstByte?: number;
  readonly error?: unknown;
  /** The caller gave up: neither a success nor a failure of the endpoint. `ok` means nothing then. */
  readonly aborted?: boolean;
}

export interface Balancer {
  /** True for a strategy that needs `Outcome.elapsed`: leases read the clock for it, and for no other. Default false. */
  readonly timed?: boolean;
  /**
   * Takes over a list. Endpoints that stay are the same objects as before; the list is sorted by `host:port`. Strategies that obey
   * weights take them from `snapshot.addresses[i].weight`, 0…65535 and during a slow start a fraction: all 0 means equal.
   */
  update(snapshot: Snapshot): void;
  /**
   * Chooses. `undefined` only when the list is empty or all of it is excluded.
   * `key`: what the request belongs to, for strategies that stick. With `exclude`, O(|exclude| + log n) is allowed.
   */
  pick(key?: string, exclude?: Excluded): Endpoint | undefined;
  /**
   * A request to `endpoint` begins; `endpoint.inFlight` counts it already. Called for leases, `run()` and adapters only, exactly once
   * per request, also for an endpoint that is not in the list.
   */
  started?(endpoint: Endpoint): void;
  /** The request ended; `endpoint.inFlight` no longer counts it. The endpoint may have left the list since. */
  finished?(endpoint: Endpoint, outcome: Outcome): void;
  /** How a request went that was chosen by plain `pick()`: it was not `started` and was never in flight. */
  reported?(endpoint: Endpoint, outcome: Outcome): void;
  /** The service is unused (true) or used again (false): background work of the balancer stops and resumes. */
  idle?(idle: boolean): void;
  close?(): void;
}

/** What a balancer may use of the world, so that tests can own it. */
export interface BalancerContext {
  readonly clock: Clock;
  /** Time to the tenth of a second for the way of a pick: a number to read, no system call. */
  readonly coarse: CoarseClock;
  /** Seedable; the balancer's own stream. */
  readonly random: Random;
  /** Makes a background prober that measures endpoints; its owner updates, idles and closes it. */
  prober(options: ProberOptions): Prober;
}

/** A user's own strategy. Called once per service. */
export type BalancerFactory = (context: BalancerContext) => Balancer;

/** A strategy of this package by description: plain data, comparable by value, as it could stand in a JSON file. */
export interface BalancerDescription {
  readonly name: string;
  readonly [option: string]: unknown;
}

export type BalancerOption = string | BalancerDescription | BalancerFactory;
