/**
 * CONTRACT: availability decides, before the balancer sees a list, who may be chosen from it.
 *
 * One availability belongs to one service. It gets the whole list (`update`) and the outcome of requests, and hands on by `apply` what
 * the balancer chooses from: the preferred tier, without the ejected, with the weights of a slow start. Where there is nothing to
 * leave out and nothing to change that is the very same snapshot, so that a pick costs what the bare strategy costs. Who is full is
 * not left out but named by `excluded`, which the service hands to every pick: that changes with each request, a list must not.
 *
 * It acts at outcomes and by one timer, never at a pick. `apply` may be called from inside any method but never from inside itself, and
 * never after `close()`. A derived snapshot has the version of the list it comes from.
 *
 * To add a reason not to be chosen: a file beside the others, and its place in `#select` below.
 */
import type { Excluded, Outcome } from '../balancer/balancer.ts';
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';
import { Alarm } from './alarm.ts';
import { Capacity } from './capacity.ts';
import { OutlierDetection } from './outlier-detection.ts';
import type { Outlier, Panic } from './outlier-options.ts';
import { type SlowStart, SlowStartRamp } from './slow-start.ts';
import { Spare } from './spare.ts';
import { available, availableInPanic, sameSnapshot } from './standings.ts';
import { type Priorities, tiersOf } from './tiers.ts';

export { checkOutlier, type Outlier, type OutlierOptions, type PanicOptions } from './outlier-options.ts';
export { checkSlowStart, type SlowStart, type SlowStartOptions } from './slow-start.ts';
export { checkPriorities, type Priorities, type PrioritiesOptions } from './tiers.ts';

/** Complete; `undefined` is off. */
export interface AvailabilityOptions {
  readonly priorities: Priorities | undefined;
  readonly outlier: Outlier | undefined;
  readonly slowStart: SlowStart | undefined;
  /** Requests in flight per endpoint. */
  readonly maxInFlight: number | undefined;
}

export interface AvailabilitySetup {
  readonly clock: Clock;
  readonly random: Random;
  readonly options: AvailabilityOptions;
  /** Takes over what may be chosen from. */
  readonly apply: (snapshot: Snapshot) => void;
  /** Called when `excluded` becomes another object or `undefined`: for who cannot afford to look at every pick. */
  readonly onExcluded?: (excluded: Excluded | undefined) => void;
}

export interface AvailabilityStats {
  /** How many the balancer chooses from now, the full ones included. */
  readonly available: number;
  readonly ejected: number;
  /** How many of the available have as many requests in flight as they may have. */
  readonly full: number;
  /** So many are ejected that ejections are ignored, or that nothing is used. */
  readonly panic: boolean;
  /** Ejections so far. */
  readonly ejections: number;
}

const nobody: ReadonlySet<Endpoint> = new Set();

export class Availability {
  /** Who must not get another request now, always up to date; `undefined` while that is nobody. */
  excluded: Excluded | undefined = undefined;
  readonly #setup: AvailabilitySetup;
  #outlier: OutlierDetection | undefined;
  #panicking: Panic | undefined;
  readonly #slowStart: SlowStartRamp | undefined;
  readonly #capacity: Capacity;
  readonly #spare: Spare;
  readonly #alarm: Alarm;
  readonly #maxInFlight: number;
  #list: Snapshot | undefined;
  #tiers: readonly number[] | undefined;
  #applied: Snapshot | undefined;
  #panic = false;
  #applying = false;
  #stale = false;
  #closed = false;

  constructor(setup: AvailabilitySetup) {
    const { clock, random, options } = setup;
    const { outlier, slowStart, maxInFlight = Number.POSITIVE_INFINITY } = options;
    this.#setup = setup;
    this.#maxInFlight = maxInFlight;
    this.#alarm = new Alarm(clock, () => this.#due());
    if (outlier !== undefined) this.eject(outlier);
    this.#slowStart = slowStart && new SlowStartRamp(slowStart);
    this.#capacity = new Capacity((endpoint) =>
      Math.min(maxInFlight, this.#outlier?.limit(endpoint) ?? Number.POSITIVE_INFINITY),
    );
    this.#spare = new Spare(random);
  }

  /** Ejects from now on, unless it does already. O(n). */
  eject(outlier: Outlier): void {
    if (this.#outlier !== undefined) return;
    const { clock, random } = this.#setup;
    this.#panicking = outlier.panic;
    this.#outlier = new OutlierDetection(outlier, clock, random, (at) => this.#alarm.by(at));
    if (this.#list !== undefined) this.#outlier.update(this.#list.endpoints, clock.now());
  }

  /** Takes over the whole list, sorted by address. O(n). */
  update(snapshot: Snapshot): void {
    if (this.#closed) return;
    const now = this.#setup.clock.now();
    this.#list = snapshot;
    this.#tiers = tiersOf(snapshot.addresses, this.#setup.options.priorities);
    this.#outlier?.update(snapshot.endpoints, now);
    this.#slowStart?.update(snapshot.endpoints, now);
    this.#renew();
    this.#wait();
  }

  /** A lease begins; `inFlight` counts it already. O(1). */
  started(endpoint: Endpoint): void {
    const onTrial = this.#outlier !== undefined && this.#outlier.onProbation.size > 0;
    if (onTrial || endpoint.inFlight >= this.#maxInFlight) this.#capacityChanged(endpoint);
  }

  /** A lease ends; `inFlight` counts it no longer. O(1), O(n) where that ejects or brings back an endpoint. */
  finished(endpoint: Endpoint, outcome: Outcome): void {
    this.#heard(endpoint, outcome, true);
    if (this.#capacity.full.size > 0) this.#capacityChanged(endpoint);
  }

  /** How a request went that was chosen by plain `pick()`. */
  reported(endpoint: Endpoint, outcome: Outcome): void {
    this.#heard(endpoint, outcome, false);
  }

  /**
   * Somebody when the balancer has nobody: the best of the whole list by tier that is not ejected, not full and not excluded; those
   * that are equally good take turns. Where that is nobody, those whose trial is under way: a trial is a precaution, `maxInFlight` a
   * promise. O(n).
   *
   * @param exclude whom the caller does not want; who is full is known here.
   */
  spare(exclude: Excluded | undefined): Endpoint | undefined {
    if (this.#list === undefined || (this.#panic && this.#panicking?.use === 'none')) return undefined;
    const ejected = this.#panic ? nobody : (this.#outlier?.ejected ?? nobody);
    const fits = (endpoint: Endpoint) => !ejected.has(endpoint) && !exclude?.has(endpoint);
    const list = this.#list;
    return (
      this.#spare.next(list, this.#tiers, (each) => fits(each) && !this.#capacity.isFull(each)) ??
      this.#spare.next(list, this.#tiers, (each) => fits(each) && each.inFlight < this.#maxInFlight)
    );
  }

  get stats(): AvailabilityStats {
    return {
      available: this.#applied?.endpoints.length ?? 0,
      ejected: this.#outlier?.ejected.size ?? 0,
      full: this.#capacity.full.size,
      panic: this.#panic,
      ejections: this.#outlier?.ejections ?? 0,
    };
  }

  /** Whether it is in the list, and out of it for its failures. */
  isEjected(endpoint: Endpoint): boolean {
    return this.#outlier?.ejected.has(endpoint) ?? false;
  }

  /** The service is unused (true): no timer runs. Used again (false), all that is overdue happens at once. */
  idle(idle: boolean): void {
    if (this.#closed) return;
    this.#alarm.pause(idle);
    if (idle) this.#outlier?.rest();
    else this.#due();
  }

  close(): void {
    this.#closed = true;
    this.#alarm.pause(true);
  }

  #heard(endpoint: Endpoint, outcome: Outcome, leased: boolean): void {
    if (this.#outlier === undefined || this.#closed) return;
    const became = this.#outlier.heard(endpoint, outcome, leased);
    if (became === undefined) return;
    // Only now is it proven that it can take more.
    if (became === 'proven') this.#slowStart?.begin(endpoint, this.#setup.clock.now());
    this.#capacityChanged(endpoint);
    this.#renew();
    this.#wait();
  }

  #due(): void {
    const now = this.#setup.clock.now();
    const returning = this.#outlier?.due(now) ?? [];
    for (const endpoint of returning) this.#slowStart?.begin(endpoint, now);
    const stepped = this.#slowStart?.due(now) ?? false;
    if (returning.length > 0 || stepped) this.#renew();
    this.#wait();
  }

  #wait(): void {
    const next = Math.min(
      this.#outlier?.next ?? Number.POSITIVE_INFINITY,
      this.#slowStart?.next ?? Number.POSITIVE_INFINITY,
    );
    if (next < Number.POSITIVE_INFINITY) this.#alarm.by(next);
  }

  #capacityChanged(endpoint: Endpoint): void {
    this.#capacity.changed(endpoint);
    this.#nameExcluded();
  }

  #nameExcluded(): void {
    const excluded = this.#capacity.full.size > 0 ? this.#capacity.full : undefined;
    if (excluded === this.excluded) return;
    this.excluded = excluded;
    this.#setup.onExcluded?.(excluded);
  }

  /** Hands on what has changed. What changes meanwhile, in the hands of a balancer, is handed on afterwards. */
  #renew(): void {
    this.#stale = true;
    if (this.#applying) return;
    this.#applying = true;
    try {
      while (this.#stale && !this.#closed) {
        this.#stale = false;
        this.#applyWhatChanged();
      }
    } finally {
      this.#applying = false;
    }
  }

  #applyWhatChanged(): void {
    const list = this.#list;
    if (list === undefined) return;
    const next = this.#select(list);
    const before = this.#applied;
    if (before !== undefined && (next === list ? next === before : sameSnapshot(next, before))) return;
    this.#applied = next;
    this.#capacity.update(next.endpoints);
    this.#nameExcluded();
    this.#setup.apply(next);
  }

  #select(list: Snapshot): Snapshot {
    const ejected = this.#outlier?.ejected ?? nobody;
    const onProbation = this.#outlier?.onProbation ?? nobody;
    const standings = { tiers: this.#tiers, ejected, onProbation };
    const left = list.endpoints.length - ejected.size;
    this.#panic =
      this.#panicking !== undefined &&
      ejected.size > 0 &&
      (left === 0 || left / list.endpoints.length < this.#panicking.threshold);
    if (this.#panic && this.#panicking?.use === 'none') {
      return { version: list.version, endpoints: [], addresses: [] };
    }
    const chosen = this.#panic ? availableInPanic(list, standings) : available(list, standings);
    return this.#slowStart?.ramped(chosen, this.#setup.clock.now()) ?? chosen;
  }
}
