/**
 * CONTRACT: a probe measures one endpoint once.
 *
 * Called by the prober in the background, at most a few at once, never on the way of a pick. It resolves with the
 * milliseconds it took and rejects when the endpoint failed. It must end promptly when `signal` aborts, which
 * happens at the prober's timeout and at close, and must leave nothing behind.
 */
import { type Check, fields, oneOf, refuse } from '../checks.ts';
import type { Endpoint } from '../endpoint.ts';

/** What a probe is told. Every Endpoint and every Address is one. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  readonly serverName?: string | undefined;
  /** The URL at which Consul looks whether it is healthy, where that is known. */
  readonly check?: string | undefined;
}

export type Probe = (target: ProbeTarget, signal: AbortSignal) => Promise<number>;

/** A probe by description. */
export interface HttpProbeOptions {
  /** The path to ask for, starting with a slash. */
  readonly http: string;
  /** Default `'HEAD'`. */
  readonly method?: 'HEAD' | 'GET';
}

/**
 * `'tcp'`: the time to connect. `{ http: '/path' }`: the time to the status line; a status of 400 or more fails. `'check'`: the same of the
 * URL (or TCP port) at which Consul looks whether the instance is healthy; needs the source `consulHttp`, connects where there is none.
 */
export type ProbeOption = 'tcp' | 'check' | HttpProbeOptions | Probe;

const checkHttp = fields({
  http: (value, path) =>
    typeof value === 'string' && /^\/[\x21-\x7e]*$/.test(value)
      ? value
      : refuse(path, "a path like '/health'", value),
  method: oneOf('HEAD', 'GET'),
});

export const checkProbe: Check<ProbeOption> = (value, path) => {
  if (value === 'tcp' || value === 'check' || typeof value === 'function') return value as ProbeOption;
  const isHttp = typeof value === 'object' && value !== null && 'http' in value;
  return isHttp
    ? (checkHttp(value, path) as HttpProbeOptions)
    : refuse(path, "'tcp', 'check', { http: '/path' } or a function", value);
};

export interface ProberOptions {
  readonly probe: ProbeOption;
  /** Milliseconds between two measurements of one endpoint; at least 1 000. */
  readonly interval: number;
  /** Milliseconds after which a probe has failed. */
  readonly timeout: number;
  /** Probes under way at once. */
  readonly concurrency: number;
  /** Share of the newest sample in the moving average, in (0, 1]. */
  readonly smoothing: number;
  /** Called after each result, when `endpoint.latency` holds the new average, or Infinity after a failure. */
  readonly onMeasured: (endpoint: Endpoint) => void;
}

/** Measures endpoints in the background. Made by `BalancerContext.prober`. */
export interface Prober {
  /** The endpoints to measure from now on; new ones are measured at once. */
  update(endpoints: readonly Endpoint[]): void;
  idle(idle: boolean): void;
  close(): void;
}
