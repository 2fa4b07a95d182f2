/**
 * CONTRACT: a balancer chooses one endpoint of a list.
 *
 * One balancer belongs to one service, so cursors are never shared. It never tests health: what may not be chosen is not in
 * the list it gets. `update` is called once before the first pick and after each change, off the hot path, and may
 * allocate. `pick` is called for every request: synchronous, O(1), allocates nothing, reads no clock, awaits nothing.
 * After `close()` nothing of it is called again and no timer or socket of it is left.
 *
 * To add one: a new file beside this one and a line in index.ts (CONTRIBUTING.md). Balancers import types only.
 */
import type { Clock } from '../clock.ts';
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
  readonly error?: unknown;
}

export interface Balancer {
  /** Takes over a list. Endpoints that stay are the same objects as before; the list is sorted by `host:port`. */
  update(snapshot: Snapshot): void;
  /**
   * Chooses. `undefined` only when the list is empty or all of it is excluded.
   * `key`: what the request belongs to, for strategies that stick. With `exclude`, O(|exclude| + log n) is allowed.
   */
  pick(key?: string, exclude?: Excluded): Endpoint | undefined;
  /** A request to `endpoint` begins. Called only for leases, `run()` and adapters, exactly once per request. */
  started?(endpoint: Endpoint): void;
  /** The request ended. The endpoint may have left the list since. */
  finished?(endpoint: Endpoint, outcome: Outcome): void;
  /** The service is unused (true) or used again (false): background work of the balancer stops and resumes. */
  idle?(idle: boolean): void;
  close?(): void;
}

/** What a balancer may use of the world, so that tests can own it. */
export interface BalancerContext {
  readonly clock: Clock;
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
