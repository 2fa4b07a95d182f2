import type { Endpoint } from '../../src/endpoint.ts';
import type { Contender, Fleet } from './contender.ts';

/** Least-used as simple clients do it: a list of counters, sorted on every call. */
export class SortedCounters implements Contender {
  readonly #counters: { readonly endpoint: Endpoint; picks: number }[];

  constructor({ endpoints }: Fleet) {
    this.#counters = endpoints.map((endpoint) => ({ endpoint, picks: 0 }));
  }

  pick(): Endpoint | undefined {
    const least = this.#counters.sort((a, b) => a.picks - b.picks)[0];
    if (least === undefined) return undefined;
    least.picks++;
    return least.endpoint;
  }
}
