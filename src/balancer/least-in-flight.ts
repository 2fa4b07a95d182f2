import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { LoadRings } from './load-rings.ts';
import { Places } from './places.ts';
import { placesBelow } from './rotation.ts';

/**
 * The endpoint with the fewest requests in flight, exactly; those of equal load by turns, whoever waits longest first. Ignores weights
 * (and slow start). Needs leases: with plain `pick()` nothing is in flight, and it is round-robin. O(1).
 */
export function leastInFlight(): BalancerDescription {
  return { name: 'least-in-flight' };
}

export class LeastInFlight implements Balancer {
  readonly #random: Random;
  readonly #rings = new LoadRings();
  #endpoints: readonly Endpoint[] = [];
  #places = new Places();

  constructor({ random }: Pick<BalancerContext, 'random'>) {
    this.#random = random;
  }

  update({ endpoints }: Snapshot): void {
    const places = new Places(endpoints);
    const turns =
      this.#endpoints.length === 0 ? this.#anyTurns(endpoints.length) : this.#turnsOf(endpoints, places);
    this.#endpoints = endpoints;
    this.#places = places;
    this.#rings.rebuild(turns, (place) => endpoints[place]!.inFlight);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    const endpoints = this.#endpoints;
    return endpoints[exclude === undefined ? this.#rings.next() : this.#rings.nextExcept(exclude, endpoints)];
  }

  started(endpoint: Endpoint): void {
    this.#move(endpoint);
  }

  finished(endpoint: Endpoint): void {
    this.#move(endpoint);
  }

  /** One that has left is placed by its load when it comes back. */
  #move(endpoint: Endpoint): void {
    const place = this.#places.of(endpoint);
    if (place >= 0) this.#rings.move(place, endpoint.inFlight);
  }

  #anyTurns(size: number): number[] {
    const start = this.#random.below(size);
    return Array.from({ length: size }, (_, i) => (start + i) % size);
  }

  /** Who stays keeps its turn; a newcomer waits behind the one that stands, or stood, before it in the list: as in a rotation. */
  #turnsOf(endpoints: readonly Endpoint[], places: Places): number[] {
    const behind = new Map<number, number[]>();
    for (const [place, endpoint] of endpoints.entries()) {
      if (this.#places.of(endpoint) >= 0) continue;
      const before = placesBelow(endpoint.address, this.#endpoints) - 1;
      const others = behind.get(before);
      if (others === undefined) behind.set(before, [place]);
      else others.push(place);
    }
    const turns: number[] = [];
    for (const old of this.#rings.places()) {
      const place = places.of(this.#endpoints[old]!);
      if (place >= 0) turns.push(place);
      turns.push(...(behind.get(old) ?? []));
      if (old === this.#endpoints.length - 1) turns.push(...(behind.get(-1) ?? []));
    }
    return turns;
  }
}
