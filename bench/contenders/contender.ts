import type { Endpoint } from '../../src/endpoint.ts';

/**
 * CONTRACT: a peer's way to choose, and nothing else of it: no request, no socket. Driven by the cheapest way its users have, warm,
 * with all that it needs to know (weights, latencies, loads) known. What it chooses is its own object, which carries our port.
 */
export interface Contender {
  pick(key?: string): { readonly port: number } | undefined;
}

/** What all of them are given: `weights[i]` and `loads[i]` belong to `endpoints[i]`. */
export interface Fleet {
  readonly endpoints: readonly Endpoint[];
  /** 1…100, or 1 each. */
  readonly weights: readonly number[];
  /** How busy each is, 0…1. */
  readonly loads: readonly number[];
}
