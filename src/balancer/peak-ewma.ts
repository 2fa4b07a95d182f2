import type { CoarseClock } from '../coarse-clock.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded, Outcome } from './balancer.ts';
import { TwoChoices } from './two-choices.ts';

export interface PeakEwmaOptions {
  /** After so many ms an old response time counts 1/e, 100…3 600 000. Default 10 000. */
  readonly decay?: number;
  /** A failed request counts as at least so many ms, 1…3 600 000. Default 1 000. */
  readonly failurePenalty?: number;
}

/**
 * Of two endpoints the one that promises the shorter wait: response time × (requests in flight + 1), after Finagle's peak EWMA.
 * Obeys weights (and slow start); needs leases or reports. O(1).
 */
export function peakEwma(options: PeakEwmaOptions = {}): BalancerDescription {
  return { name: 'peak-ewma', ...options };
}

/** More than any average, within what a 32-bit float holds: of an endpoint that is tried out and has not answered yet. */
const unproven = 1e30;

export class PeakEwma implements Balancer {
  readonly timed = true;
  readonly #choices: TwoChoices;
  readonly #coarse: CoarseClock;
  readonly #decay: number;
  readonly #failurePenalty: number;
  #release: (() => void) | undefined;
  /** By place: the average, 0 where nothing is known. Of the time #origin: what is learned later is entered as so much more. */
  #averages = new Float64Array(0);
  #origin: number;

  constructor(
    { coarse, random }: Pick<BalancerContext, 'coarse' | 'random'>,
    { decay = 10_000, failurePenalty = 1_000 }: PeakEwmaOptions = {},
  ) {
    this.#choices = new TwoChoices(random);
    this.#coarse = coarse;
    this.#decay = decay;
    this.#failurePenalty = failurePenalty;
    this.#release = coarse.hold();
    this.#origin = coarse.now;
  }

  update(snapshot: Snapshot): void {
    this.#choices.update(snapshot);
    this.#renew();
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
  }

  reported(endpoint: Endpoint, outcome: Outcome): void {
    this.#learn(endpoint, outcome);
  }

  idle(idle: boolean): void {
    this.#release?.();
    this.#release = idle ? undefined : this.#coarse.hold();
  }

  close(): void {
    this.#release?.();
  }

  /** One piece, since a number with a fraction that is handed from one function to another may be put on the heap for it. */
  #learn(endpoint: Endpoint, { ok, elapsed = 0, aborted = false }: Outcome): void {
    const now = this.#coarse.now;
    if (now - this.#origin > this.#decay) this.#renew();
    const place = this.#choices.placeOf(endpoint);
    const { response } = endpoint;
    const rest = response === undefined ? 0 : Math.exp((response.at - now) / this.#decay);
    const average = response === undefined ? 0 : response.average * rest;
    const sample = ok || aborted ? elapsed : Math.max(elapsed, this.#failurePenalty);
    if (sample > 0 && (!aborted || sample > average)) {
      const next = sample > average ? sample : average * rest + sample * (1 - rest);
      const kept = (endpoint.response ??= { average: Number.NaN, at: Number.NaN });
      kept.average = next;
      kept.at = now;
      if (place >= 0) this.#averages[place] = next * Math.exp((now - this.#origin) / this.#decay);
    }
    if (place >= 0) this.#price(place);
  }

  #price(place: number): void {
    const average = this.#averages[place]!;
    const load = this.#choices.endpoints[place]!.inFlight * this.#choices.burdens[place]!;
    this.#choices.costs[place] = average > 0 ? average * (load + 1) : unproven * load;
  }

  /** Lets all averages decay to now. O(n). */
  #renew(): void {
    const now = this.#coarse.now;
    const { endpoints } = this.#choices;
    this.#origin = now;
    this.#averages = Float64Array.from(endpoints, ({ response }) =>
      response === undefined ? 0 : response.average * Math.exp((response.at - now) / this.#decay),
    );
    for (let place = 0; place < endpoints.length; place++) this.#price(place);
  }
}
