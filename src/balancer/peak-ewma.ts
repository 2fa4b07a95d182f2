import type { CoarseClock } from '../coarse-clock.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded, Outcome } from './balancer.ts';
import { TwoChoices } from './two-choices.ts';

export interface PeakEwmaOptions {
  /** In so many ms what is known of an endpoint fades to 1/e, and in three times as many it is forgotten; 100…3 600 000. Default 10 000. */
  readonly decay?: number;
  /** A failed request counts as at least so many ms, 1…3 600 000. Default 1 000. */
  readonly failurePenalty?: number;
}

/**
 * Of two endpoints the one where a request more would wait less: response time × (requests in flight + 1), as in Finagle's "Peak EWMA"
 * (com.twitter.finagle.loadbalancer.p2c). An answer slower than the average replaces it at once, faster ones wear it down.
 *
 * Failures count as slow, the more of them in a row the slower. What a caller gave up counts only where it had taken longer than usual
 * by then: a timeout in disguise. Where nothing is known of an endpoint, or nothing new since 3 × `decay`, it is tried with one
 * request at a time. So nobody is avoided for longer than that.
 *
 * Obeys weights (and slow start). Needs leases, or reports with `elapsed`: with plain `pick()` alone it is weighted round-robin. O(1).
 */
export function peakEwma(options: PeakEwmaOptions = {}): BalancerDescription {
  return { name: 'peak-ewma', ...options };
}

/** Times `decay`: after so long without news an average says nothing any more. */
const memory = 3;
/** Milliseconds an average is kept within: above 0, which means that nothing is known, and within what 32-bit floats can hold. */
const shortest = 0.001;
const longest = 1e9;
/** The cost of a second request to an endpoint that has not answered the first yet: more than all that is known. */
const unproven = 1e30;

/**
 * Averages are never decayed one by one. All fade by the same factor in the same time, so comparing them needs no clock; instead, what is
 * learned later is entered as so much more ("forward decay", G. Cormode et al., ICDE 2009), and every `decay` ms all are brought back
 * to their true size. A pick reads two numbers that were ready.
 */
export class PeakEwma implements Balancer {
  readonly timed = true;
  readonly #choices: TwoChoices;
  readonly #coarse: CoarseClock;
  readonly #decay: number;
  readonly #failurePenalty: number;
  #letGo: (() => void) | undefined;
  /** When the averages had their true size: what is entered at a time t is e^((t - #origin) / #decay) times as large. */
  #origin: number;
  /** By place: the average as it was entered; 0 where nothing is known. */
  #averages = new Float64Array(0);
  /** By place: `Clock.now()` of the newest sample. */
  #heard = new Float64Array(0);
  /** By place, where nothing is known: requests that have been waiting for an answer for so long that another may try. */
  #overdue = new Int32Array(0);

  constructor(
    { coarse, random }: Pick<BalancerContext, 'coarse' | 'random'>,
    { decay = 10_000, failurePenalty = 1_000 }: PeakEwmaOptions = {},
  ) {
    this.#choices = new TwoChoices(random);
    this.#coarse = coarse;
    this.#decay = decay;
    this.#failurePenalty = failurePenalty;
    this.#letGo = coarse.hold();
    this.#origin = coarse.now;
  }

  update(snapshot: Snapshot): void {
    this.#choices.update(snapshot);
    const { endpoints } = this.#choices;
    const now = this.#coarse.now;
    this.#origin = now;
    this.#averages = new Float64Array(endpoints.length);
    this.#heard = new Float64Array(endpoints.length);
    this.#overdue = new Int32Array(endpoints.length);
    for (let place = 0; place < endpoints.length; place++) {
      const { response } = endpoints[place]!;
      if (response !== undefined && now - response.at <= memory * this.#decay) {
        this.#averages[place] = response.average * Math.exp((response.at - now) / this.#decay);
        this.#heard[place] = response.at;
      }
      this.#price(place);
    }
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    return this.#choices.pick(exclude);
  }

  started(endpoint: Endpoint): void {
    const place = this.#choices.placeOf(endpoint);
    if (place >= 0) this.#price(place);
  }

  finished(endpoint: Endpoint, outcome: Outcome): void {
    this.#learn(endpoint, outcome);
    this.started(endpoint);
  }

  reported(endpoint: Endpoint, outcome: Outcome): void {
    this.#learn(endpoint, outcome);
    this.started(endpoint);
  }

  idle(idle: boolean): void {
    this.#letGo?.();
    this.#letGo = idle ? undefined : this.#coarse.hold();
  }

  close(): void {
    this.#letGo?.();
  }

  /**
   * In one piece, and `elapsed` is read only where there is one: a number with a fraction that goes from one function to another, or that
   * might as well be undefined, is put on the heap for it.
   */
  #learn(endpoint: Endpoint, outcome: Outcome): void {
    const now = this.#coarse.now;
    if (now - this.#origin >= this.#decay) this.#renew();
    const { response } = endpoint;
    const age = response === undefined ? Number.POSITIVE_INFINITY : now - response.at;
    const known = age <= memory * this.#decay;
    const average = known && response !== undefined ? response.average : 0;
    const rest = known ? Math.exp(-age / this.#decay) : 0;
    const aborted = outcome.aborted === true;
    // A failure is at least twice what was expected: however busy the others are, soon they are preferred to one that fails at once.
    let sample = outcome.ok || aborted ? -1 : Math.max(this.#failurePenalty, 2 * average * rest);
    if ('firstByte' in outcome) {
      const firstByte = outcome.firstByte as number;
      if (firstByte > sample) sample = firstByte;
    } else if ('elapsed' in outcome) {
      const elapsed = outcome.elapsed as number;
      if (elapsed > sample) sample = elapsed;
    }
    if (sample < 0 || (aborted && sample <= (known ? average : this.#failurePenalty))) return;
    const next = sample > average ? sample : average * rest + sample * (1 - rest);
    // Made with fractions, so that whole numbers do not decide how it is laid out: fractions would be put on the heap later.
    const learned = response ?? { average: 0.5, at: 0.5 };
    if (response === undefined) endpoint.response = learned;
    learned.average = Math.min(Math.max(next, shortest), longest);
    learned.at = now;
    const place = this.#choices.placeOf(endpoint);
    if (place < 0) return;
    this.#averages[place] = learned.average * Math.exp((now - this.#origin) / this.#decay);
    this.#heard[place] = now;
    this.#overdue[place] = 0;
  }

  #price(place: number): void {
    const { endpoints, burdens, costs } = this.#choices;
    const average = this.#averages[place]!;
    const { inFlight } = endpoints[place]!;
    const load = inFlight * burdens[place]!;
    if (average > 0) costs[place] = average * (load + 1);
    else costs[place] = inFlight <= this.#overdue[place]! ? 0 : unproven * load;
  }

  /** Brings all averages to their true size of now and forgets the old ones. O(n), once in `decay` ms. */
  #renew(): void {
    const { endpoints, costs } = this.#choices;
    const now = this.#coarse.now;
    const factor = Math.exp((this.#origin - now) / this.#decay);
    const forgotten = now - memory * this.#decay;
    this.#origin = now;
    for (let place = 0; place < endpoints.length; place++) {
      if (this.#averages[place]! > 0 && this.#heard[place]! >= forgotten) {
        this.#averages[place] = this.#averages[place]! * factor;
        costs[place] = costs[place]! * factor;
        continue;
      }
      // Whoever waits since before has waited for long; a lease that is never released would keep everybody away for ever.
      this.#averages[place] = 0;
      this.#overdue[place] = endpoints[place]!.inFlight;
      this.#price(place);
    }
  }
}
