/**
 * CONTRACT: a probe measures one endpoint once.
 *
 * Called by the prober in the background, at most a few at once, never on the way of a pick. It resolves with the
 * milliseconds it took and rejects when the endpoint failed. It must end promptly when `signal` aborts, which
 * happens at the prober's timeout and at close, and must leave nothing behind.
 */
import type { Endpoint } from '../endpoint.ts';
import type { Address } from '../resolver/resolver.ts';

export type Probe = (address: Pick<Address, 'host' | 'port'>, signal: AbortSignal) => Promise<number>;

export interface ProberOptions {
  readonly probe: Probe;
  /** Milliseconds between two measurements of one endpoint; at least 1 000. */
  readonly interval: number;
  /** Milliseconds after which a probe has failed. */
  readonly timeout: number;
  /** Probes under way at once. */
  readonly concurrency: number;
  /** Share of the newest sample in the moving average, in (0, 1]. */
  readonly smoothing: number;
  /** Called after each result, when `endpoint.latency` holds the new average, or `undefined` after a failure. */
  readonly onMeasured: (endpoint: Endpoint) => void;
}

/** Measures endpoints in the background. Made by `BalancerContext.prober`. */
export interface Prober {
  /** The endpoints to measure from now on; new ones are measured at once. */
  update(endpoints: readonly Endpoint[]): void;
  idle(idle: boolean): void;
  close(): void;
}
