import type { Origin } from './resolver/resolver.ts';
import type { Change, Snapshot } from './snapshot.ts';

/** A snapshot and what is known of it at the moment of asking. */
export interface ServiceSnapshot extends Snapshot {
  /** Milliseconds since the list was last confirmed; Infinity before the first. */
  readonly age: number;
  /** True when the newest question failed and the list is an older one, or when there is none yet. */
  readonly stale: boolean;
  /** True when the last answer was proven to lack no healthy instance. */
  readonly complete: boolean;
  readonly source: Origin | undefined;
}

/** What a service has done so far. */
export interface ServiceStats {
  /** Canonical DNS name. */
  readonly name: string;
  readonly endpoints: number;
  readonly version: number;
  /** Milliseconds; see ServiceSnapshot. */
  readonly age: number;
  readonly stale: boolean;
  readonly complete: boolean;
  /** Lists that came, and questions that brought none. */
  readonly refreshes: number;
  readonly failures: number;
  readonly lastError: string | undefined;
  /** Milliseconds until the next question; `undefined` while one is under way or the service is idle. */
  readonly nextRefresh: number | undefined;
  readonly idle: boolean;
  /** Endpoints that picks choose from now. */
  readonly available: number;
  /** Endpoints ejected now, and ejections so far. */
  readonly ejected: number;
  readonly ejections: number;
  /** Endpoints that carry `maxInFlight` requests, or a trial, and take no more now. */
  readonly full: number;
  /** True while too few are left for the ejections to be heeded. */
  readonly panic: boolean;
  /** Retries that the budget of the service allows now; Infinity without one. */
  readonly retriesLeft: number;
  /** Leases that are held now, over the endpoints listed. */
  readonly inFlight: number;
}

export type Listener = (snapshot: ServiceSnapshot, change: Change) => void;
