import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { TwoChoices } from './two-choices.ts';

/**
 * Of two endpoints the one with fewer requests in flight (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001).
 * Obeys weights (and slow start); needs leases: with plain `pick()` nothing is in flight and it is round-robin. O(1).
 */
export function powerOfTwoChoices(): BalancerDescription {
  return { name: 'power-of-two-choices' };
}

export class PowerOfTwoChoices implements Balancer {
  readonly #choices: TwoChoices;

  constructor({ random }: Pick<BalancerContext, 'random'>) {
    this.#choices = new TwoChoices(random);
  }

  update(snapshot: Snapshot): void {
    this.#choices.update(snapshot);
    for (const endpoint of snapshot.endpoints) this.#price(endpoint);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    return this.#choices.pick(exclude);
  }

  started(endpoint: Endpoint): void {
    this.#price(endpoint);
  }

  finished(endpoint: Endpoint): void {
    this.#price(endpoint);
  }

  #price(endpoint: Endpoint): void {
    const place = this.#choices.placeOf(endpoint);
    if (place >= 0) this.#choices.costs[place] = endpoint.inFlight * this.#choices.burdens[place]!;
  }
}
