import type { Endpoint, LiveEndpoint } from '../endpoint.ts';

/** Where each endpoint stands in a list: for strategies that are told of requests and keep what they know by place. */
export class Places {
  readonly #endpoints: readonly Endpoint[];
  readonly #places: ReadonlyMap<Endpoint, number>;

  /** O(n). */
  constructor(endpoints: readonly Endpoint[] = []) {
    this.#endpoints = endpoints;
    this.#places = new Map(endpoints.map((endpoint, place) => [endpoint, place]));
    for (const [place, endpoint] of endpoints.entries()) (endpoint as LiveEndpoint).place = place;
  }

  /**
   * -1 where it is not in the list. O(1). The endpoint remembers its place, which spares a request two look-ups; that may be of
   * another list or another strategy's, so it is believed only where it is true.
   */
  of(endpoint: Endpoint): number {
    const { place } = endpoint as LiveEndpoint;
    if (place < this.#endpoints.length && this.#endpoints[place] === endpoint) return place;
    return this.#places.get(endpoint) ?? -1;
  }
}
