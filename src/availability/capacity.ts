import type { Endpoint } from '../endpoint.ts';
import { Roll } from './roll.ts';

/**
 * Who may get no more requests now: those with as many in flight as they may have. Read off `inFlight` whenever that changes, not
 * counted here, so it is right again however an endpoint comes, goes and returns with requests under way.
 */
export class Capacity {
  /** Of the list that is chosen from. */
  readonly full = new Set<Endpoint>();
  readonly #limit: (endpoint: Endpoint) => number;
  #roll = new Roll();

  constructor(limit: (endpoint: Endpoint) => number) {
    this.#limit = limit;
  }

  /** A new list to choose from. O(n). */
  update(endpoints: readonly Endpoint[]): void {
    this.#roll = new Roll(endpoints);
    this.full.clear();
    for (const endpoint of endpoints) if (this.isFull(endpoint)) this.full.add(endpoint);
  }

  /** What it has in flight, or may have, has changed. O(1). */
  changed(endpoint: Endpoint): void {
    if (this.isFull(endpoint) && this.#roll.has(endpoint)) this.full.add(endpoint);
    else this.full.delete(endpoint);
  }

  isFull(endpoint: Endpoint): boolean {
    return endpoint.inFlight >= this.#limit(endpoint);
  }
}
