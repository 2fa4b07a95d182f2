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

/** More than any response time: an endpoint that is being tried out for the first time. */
const penalty = 1e15;

export class PeakEwma implements Balancer {
  readonly timed = true;
  readonly #choices: TwoChoices;
  readonly #coarse: CoarseClock;
  readonly #decay: number;
  readonly #failurePenalty: number;
  #release: (() => void) | undefined;
  /** By place: the average as it would stand at #origin; 0 where nothing is measured. */
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
    this.#origin = this.#coarse.now;
    this.#averages = Float64Array.from(this.#choices.endpoints, (endpoint) => this.#inflated(endpoint));
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    const choices = this.#choices;
    const one = choices.first(exclude);
    if (one < 0) return undefined;
    const other = choices.second(one, exclude);
    return choices.endpoints[this.#cost(other) < this.#cost(one) ? other : one];
  }

  started(endpoint: Endpoint): void {
    this.#choices.reload(endpoint);
  }

  finished(endpoint: Endpoint, outcome: Outcome): void {
    this.#choices.reload(endpoint);
    this.reported(endpoint, outcome);
  }

  reported(endpoint: Endpoint, { ok, elapsed = 0, aborted = false }: Outcome): void {
    const now = this.#coarse.now;
    const { response } = endpoint;
    const weight = response === undefined ? 0 : Math.exp((response.at - now) / this.#decay);
    const average = response === undefined ? 0 : response.average * weight;
    const sample = ok || aborted ? elapsed : Math.max(elapsed, this.#failurePenalty);
    if (sample <= 0 || (aborted && sample < average)) return;
    const next = sample > average ? sample : average * weight + sample * (1 - weight);
    if (response === undefined) endpoint.response = { average: next, at: now };
    else {
      response.average = next;
      response.at = now;
    }
    const place = this.#choices.placeOf(endpoint);
    if (place >= 0) this.#averages[place] = this.#inflated(endpoint);
  }

  idle(idle: boolean): void {
    this.#release?.();
    this.#release = idle ? undefined : this.#coarse.hold();
  }

  close(): void {
    this.#release?.();
  }

  #inflated({ response }: Endpoint): number {
    return response === undefined
      ? 0
      : response.average * Math.exp((response.at - this.#origin) / this.#decay);
  }

  #cost(place: number): number {
    const average = this.#averages[place]!;
    const load = this.#choices.loads[place]! * this.#choices.relief[place]!;
    if (average > 0) return average * (load + 1);
    return load === 0 ? 0 : penalty * load;
  }
}
