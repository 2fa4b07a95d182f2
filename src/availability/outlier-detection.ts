import type { Outcome } from '../balancer/balancer.ts';
import type { Clock } from '../clock.ts';
import type { Endpoint, LiveEndpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Outlier } from './outlier-options.ts';
import { Roll } from './roll.ts';
import { SlidingCounts, slots } from './sliding-counts.ts';
import { SlotClock } from './slot-clock.ts';

/** What is known of one endpoint. */
interface Standing {
  state: 'in' | 'ejected' | 'probation';
  /** Failures since the last success. */
  inRow: number;
  readonly counts: SlidingCounts;
  /** Ejections in a row, and since when it has done well again. */
  ejections: number;
  wellSince: number;
  /** When the newest ejection ends or ended. */
  until: number;
  /** On probation: requests of before it that are still under way. Their failures say nothing about now. */
  leftovers: number;
}

/** Share of the ejection time that is added at random, so that those ejected together do not return together. */
const jitter = 0.1;

/**
 * Takes out who fails: gRFC A50 and Envoy's outlier detection, with the half-open return of a circuit breaker. After its time an
 * endpoint is on probation, with one lease at a time: its first success ends that, its first failure ejects it again, for longer.
 *
 * What is known of an endpoint stands on it: it lives as long as the endpoint's object does, which a service remembers for 10 minutes
 * after it left. So a short absence clears nobody, and nothing has to be tidied up.
 */
export class OutlierDetection {
  /** Of the list. */
  readonly ejected = new Set<Endpoint>();
  readonly onProbation = new Set<Endpoint>();
  /** Ejections so far. */
  ejections = 0;
  readonly #options: Outlier;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #slots: SlotClock;
  /** More ejections in a row lengthen nothing any more, and would take for ever to be forgiven. */
  readonly #mostInRow: number;
  #roll = new Roll();
  /** How many may be ejected at once. */
  #cap = 0;

  /** @param wakeBy asks for a call of `due` at a time or before; false where there will be none for now. */
  constructor(options: Outlier, clock: Clock, random: Random, wakeBy: (at: number) => boolean) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#slots = new SlotClock(clock, options.window / slots, wakeBy);
    this.#mostInRow = Math.ceil(options.maxEjectionTime / options.ejectionTime);
  }

  /** The whole list. O(n). */
  update(endpoints: readonly Endpoint[], now: number): void {
    this.#roll = new Roll(endpoints);
    // A share like 0.29 of 100 is a little less than 29 in binary.
    const share = Math.floor(this.#options.maxEjected * endpoints.length + 1e-9);
    this.#cap = endpoints.length > 1 ? share : 0;
    this.ejected.clear();
    this.onProbation.clear();
    for (const endpoint of endpoints) {
      const standing = standingOf(endpoint);
      if (standing === undefined || standing.state === 'in') continue;
      if (standing.state === 'ejected' && standing.until > now) this.ejected.add(endpoint);
      else this.#return(endpoint, standing);
    }
  }

  /** When `due` is to be called next; Infinity: not at all. O(ejected). */
  get next(): number {
    let next = this.#slots.next;
    for (const endpoint of this.ejected) next = Math.min(next, standingOf(endpoint)!.until);
    return next;
  }

  /** Lets return, on probation, whose time is over. */
  due(now: number): readonly Endpoint[] {
    this.#slots.due(now);
    const returning = [...this.ejected].filter((endpoint) => standingOf(endpoint)!.until <= now);
    for (const endpoint of returning) {
      this.ejected.delete(endpoint);
      this.#return(endpoint, standingOf(endpoint)!);
    }
    return returning;
  }

  /** No `due` will come for a while. */
  rest(): void {
    this.#slots.rest();
  }

  /** How many requests it may have in flight. */
  limit(endpoint: Endpoint): number {
    if (!this.onProbation.has(endpoint)) return Number.POSITIVE_INFINITY;
    return standingOf(endpoint)!.leftovers + 1;
  }

  /**
   * How a request went, O(1).
   * @param leased whether it was counted in flight.
   * @returns what has become of the endpoint, where anything has.
   */
  heard(endpoint: Endpoint, outcome: Outcome, leased: boolean): 'ejected' | 'proven' | undefined {
    const standing = standingOf(endpoint) ?? this.#meet(endpoint);
    if (standing.state === 'ejected') return undefined;
    if (outcome.aborted === true) {
      if (leased && standing.leftovers > 0) standing.leftovers--;
      return undefined;
    }
    if (!outcome.ok) return this.#failed(endpoint, standing, outcome, leased);
    standing.inRow = 0;
    this.#slots.count();
    standing.counts.add(this.#slots.slot, false);
    return standing.state === 'probation' ? this.#prove(endpoint, standing) : undefined;
  }

  #failed(endpoint: Endpoint, standing: Standing, outcome: Outcome, leased: boolean): 'ejected' | undefined {
    const now = this.#clock.now();
    const began = outcome.elapsed === undefined ? now : now - outcome.elapsed;
    const isTrial = outcome.elapsed !== undefined && began >= standing.until;
    if (leased && standing.leftovers > 0 && !isTrial) {
      // One of those, or the trial, which cannot be told apart. There are only so many of them to wait for.
      standing.leftovers--;
      return undefined;
    }
    if (began < standing.until || !this.#roll.has(endpoint)) return undefined;
    this.#slots.count();
    standing.counts.add(this.#slots.slot, true);
    standing.inRow++;
    const fails = standing.state === 'probation' || this.#isOutlier(standing);
    return fails && this.#eject(endpoint, standing, now) ? 'ejected' : undefined;
  }

  #isOutlier({ inRow, counts }: Standing): boolean {
    const { consecutiveFailures, failureShare, minRequests } = this.#options;
    if (consecutiveFailures > 0 && inRow >= consecutiveFailures) return true;
    if (failureShare === 0) return false;
    const { requests, share } = counts.total();
    return requests >= minRequests && share >= failureShare;
  }

  /** False where no more may be ejected. */
  #eject(endpoint: Endpoint, standing: Standing, now: number): boolean {
    if (this.ejected.size >= this.#cap) return false;
    const { ejectionTime, maxEjectionTime, window } = this.#options;
    const forgiven = standing.state === 'probation' ? 0 : Math.floor((now - standing.wellSince) / window);
    standing.ejections = Math.min(Math.max(0, standing.ejections - forgiven) + 1, this.#mostInRow);
    const time = Math.min(ejectionTime * standing.ejections, maxEjectionTime);
    standing.until = now + time * (1 + jitter * this.#random.fraction());
    standing.state = 'ejected';
    standing.counts.clear();
    this.onProbation.delete(endpoint);
    this.ejected.add(endpoint);
    this.ejections++;
    return true;
  }

  #return(endpoint: Endpoint, standing: Standing): void {
    if (standing.state === 'ejected') standing.leftovers = endpoint.inFlight;
    standing.state = 'probation';
    this.onProbation.add(endpoint);
  }

  #prove(endpoint: Endpoint, standing: Standing): 'proven' {
    standing.state = 'in';
    standing.wellSince = this.#clock.now();
    standing.leftovers = 0;
    this.onProbation.delete(endpoint);
    return 'proven';
  }

  #meet(endpoint: Endpoint): Standing {
    const counts = new SlidingCounts();
    const standing: Standing = {
      state: 'in',
      inRow: 0,
      counts,
      ejections: 0,
      wellSince: 0,
      until: 0,
      leftovers: 0,
    };
    (endpoint as LiveEndpoint).standing = standing;
    return standing;
  }
}

function standingOf(endpoint: Endpoint): Standing | undefined {
  return (endpoint as LiveEndpoint).standing as Standing | undefined;
}
