import { Availability, type AvailabilityOptions, type Outlier } from './availability/availability.ts';
import type {
  Balancer,
  BalancerDescription,
  BalancerFactory,
  Excluded,
  Outcome,
} from './balancer/balancer.ts';
import type { Clock } from './clock.ts';
import { connectionNeverMade } from './connection-failure.ts';
import type { Warnings } from './diagnostics.ts';
import type { Endpoint } from './endpoint.ts';
import { Lease, type Lessor } from './lease.ts';
import { LeaseLeaks } from './lease-leaks.ts';
import { succeeded } from './outcome.ts';
import type { Random } from './random.ts';
import { emptySnapshot, type Snapshot } from './snapshot.ts';

/** A strategy whose options were checked, or a factory of the user's. */
export type CheckedBalancer = BalancerDescription | BalancerFactory;

/** @internal */
export interface SelectionSetup {
  /** Canonical name of the service. */
  readonly key: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly warnings: Warnings;
  readonly availability: AvailabilityOptions;
  /** Share of the leases that are watched for leaks, 0…1. */
  readonly leakSampling: number;
  readonly balancer: CheckedBalancer;
  readonly createBalancer: (option: CheckedBalancer) => Balancer;
  /** No connection to an endpoint was made: the list may be out of date. */
  readonly onUnreachable?: () => void;
}

/** Chooses for one service: what is available, the balancer that picks from it, and the requests under way. */
export class Selection implements Lessor {
  readonly #setup: SelectionSetup;
  readonly #availability: Availability;
  readonly #leaks: LeaseLeaks | undefined;
  #balancer: Balancer;
  /** What the balancer chooses from. */
  #available: Snapshot = emptySnapshot;
  #timed: boolean;
  #told: ((balancer: Balancer | undefined) => void) | undefined;
  #closed = false;

  constructor(setup: SelectionSetup) {
    const { clock, random, availability, leakSampling } = setup;
    this.#setup = setup;
    this.#balancer = setup.createBalancer(setup.balancer);
    this.#timed = this.#balancer.timed === true;
    this.#availability = new Availability({
      clock,
      random,
      options: availability,
      apply: (snapshot) => this.#apply(snapshot),
      onExcluded: () => this.#tellFollower(),
    });
    if (leakSampling > 0) {
      this.#leaks = new LeaseLeaks(leakSampling, random, (endpoint, stack) => this.#leaked(endpoint, stack));
    }
    // What throws here is its maker's to see.
    this.#balancer.update(emptySnapshot);
  }

  /**
   * For who picks by himself, which saves half of what a pick costs: calls `told`, now and at every change, with the balancer that may be
   * asked as it is, or `undefined` while some are to be excluded. Where it knows nobody, `pick()` may.
   */
  follow(told: (balancer: Balancer | undefined) => void): void {
    this.#told = told;
    this.#tellFollower();
  }

  /**
   * O(1); O(those excluded) while some are full or `exclude` is given.
   *
   * @param exclude whom the caller does not want, as a retry those it was tried at.
   * @returns `undefined` where nobody may be chosen now.
   */
  pick(key?: string, exclude?: Excluded): Endpoint | undefined {
    const full = this.#availability.excluded;
    const all = full === undefined ? exclude : exclude === undefined ? full : eitherOf(exclude, full);
    const endpoint = this.#balancer.pick(key, all);
    // A strategy of somebody's own may not look at what it must not choose.
    if (endpoint && all?.has(endpoint) !== true) return endpoint;
    return this.#availability.spare(exclude);
  }

  lease(endpoint: Endpoint): Lease {
    const lease = new Lease(endpoint, this);
    endpoint.inFlight++;
    this.#availability.started(endpoint);
    if (this.#balancer.started !== undefined) this.#tell('started', endpoint);
    this.#leaks?.acquired(lease);
    return lease;
  }

  /** @internal See Lessor. */
  started(): number {
    return this.#timed ? this.#setup.clock.now() : untimed;
  }

  /** @internal See Lessor. */
  ended(lease: Lease, outcome: Outcome | undefined, started: number): void {
    this.#leaks?.released(lease);
    const known = outcome ?? succeeded;
    const measures = this.#timed && started !== untimed && known.elapsed === undefined;
    this.#end(lease.endpoint, measures ? measured(known, this.#setup.clock.now() - started) : known);
  }

  report(endpoint: Endpoint, outcome: Outcome): void {
    this.#availability.reported(endpoint, outcome);
    if (this.#balancer.reported !== undefined) this.#tell('reported', endpoint, outcome);
    if (!outcome.ok) this.#failed(endpoint, outcome);
  }

  /** What picks choose from now. */
  get available(): readonly Endpoint[] {
    return this.#available.endpoints;
  }

  get stats(): Availability['stats'] {
    return this.#availability.stats;
  }

  /** Ejects from now on, unless it does already. */
  eject(outlier: Outlier): void {
    this.#availability.eject(outlier);
  }

  update(snapshot: Snapshot): void {
    this.#availability.update(snapshot);
  }

  /** Another strategy from now on, over the same endpoints with all that is known of them. Where it cannot be made, the old one stays. */
  setBalancer(option: CheckedBalancer): void {
    const balancer = this.#setup.createBalancer(option);
    try {
      balancer.update(this.#available);
    } catch (error) {
      this.#guard('close', () => balancer.close?.());
      throw error;
    }
    // What it was made of may have closed the service.
    const replaced = this.#closed ? balancer : this.#balancer;
    this.#balancer = balancer;
    this.#timed = balancer.timed === true;
    this.#tellFollower();
    this.#guard('close', () => replaced.close?.());
  }

  idle(idle: boolean): void {
    this.#availability.idle(idle);
    this.#guard('idle', () => this.#balancer.idle?.(idle));
  }

  close(): void {
    this.#closed = true;
    this.#availability.close();
    this.#guard('close', () => this.#balancer.close?.());
  }

  /** Also where a strategy of somebody's own takes no notice of `exclude`. */
  #tellFollower(): void {
    this.#told?.(this.#availability.excluded === undefined ? this.#balancer : undefined);
  }

  #apply(snapshot: Snapshot): void {
    this.#available = snapshot;
    this.#guard('update', () => this.#balancer.update(snapshot));
  }

  #end(endpoint: Endpoint, outcome: Outcome): void {
    endpoint.inFlight--;
    if (this.#closed) return;
    if (this.#balancer.finished !== undefined) this.#tell('finished', endpoint, outcome);
    this.#availability.finished(endpoint, outcome);
    if (!outcome.ok) this.#failed(endpoint, outcome);
  }

  #failed(endpoint: Endpoint, { error, aborted }: Outcome): void {
    if (aborted !== true && connectionNeverMade(error, endpoint)) this.#setup.onUnreachable?.();
  }

  #leaked(endpoint: Endpoint, stack: string): void {
    this.#end(endpoint, { ok: true, aborted: true });
    const { key, warnings } = this.#setup;
    warnings.once({
      code: 'LEASE_LEAKED',
      service: key,
      message: `${key}: a lease of ${endpoint.address} was dropped without release(): it counted as in flight until now. It was acquired${stack.replace(/^[^\n]*/, '')}`,
    });
  }

  /** Without a closure, unlike #guard: this is on the way of every request. */
  #tell(method: 'started' | 'finished' | 'reported', endpoint: Endpoint, outcome?: Outcome): void {
    try {
      if (outcome === undefined) this.#balancer.started?.(endpoint);
      // By name: a look-up by a variable costs as much as the rest.
      else if (method === 'finished') this.#balancer.finished?.(endpoint, outcome);
      else this.#balancer.reported?.(endpoint, outcome);
    } catch (error) {
      this.#warn(method, error);
    }
  }

  /** A balancer of somebody's own may throw; refreshing and releasing must go on. */
  #guard(method: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#warn(method, error);
    }
  }

  #warn(method: string, cause: unknown): void {
    const { key, warnings } = this.#setup;
    const message = `${key}: the balancer's ${method}() threw: ${String(cause)}`;
    warnings.once({ code: 'BALANCER_FAILED', service: key, message, cause });
  }
}

/** A small integer no clock shows: a lease that nobody times needs no number on the heap. */
const untimed = -1;

/** By hand: a spread takes several times the room. */
function measured({ ok, error, aborted }: Outcome, elapsed: number): Outcome {
  if (error === undefined && aborted === undefined) return { ok, elapsed };
  return { ok, elapsed, error, aborted: aborted === true };
}

function eitherOf(some: Excluded, others: Excluded): Excluded {
  return { size: some.size + others.size, has: (endpoint) => some.has(endpoint) || others.has(endpoint) };
}
