import type { Endpoint } from '../endpoint.ts';

/** Who is in a list. The set is made when it is first asked: most lists come and go without. */
export class Roll {
  readonly #endpoints: readonly Endpoint[];
  #set: Set<Endpoint> | undefined;

  constructor(endpoints: readonly Endpoint[] = []) {
    this.#endpoints = endpoints;
  }

  /** O(1), the first time O(n). */
  has(endpoint: Endpoint): boolean {
    this.#set ??= new Set(this.#endpoints);
    return this.#set.has(endpoint);
  }
}
