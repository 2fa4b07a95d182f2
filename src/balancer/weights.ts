import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';

/** A list as a strategy that obeys weights sees it. */
export interface Weighed {
  /** Those that get something, in the order of the list: weights above 0, or all where all weights are 0. */
  readonly endpoints: readonly Endpoint[];
  /** `weights[i]` belongs to `endpoints[i]`; above 0. */
  readonly weights: Float64Array;
  /** All of `weights` are the same. */
  readonly equal: boolean;
  /** Those of weight 0 beside others: chosen only when nothing else may be. */
  readonly spare: readonly Endpoint[];
}

/** Reads the weights of this very list (T23). O(n). */
export function weigh({ endpoints, addresses }: Snapshot): Weighed {
  const given = Float64Array.from(endpoints, (_, i) => addresses[i]?.weight ?? 0);
  const weighty = endpoints.filter((_, i) => given[i]! > 0);
  if (weighty.length === 0) {
    return { endpoints, weights: given.fill(1), equal: true, spare: [] };
  }
  const weights = given.filter((weight) => weight > 0);
  return {
    endpoints: weighty.length === endpoints.length ? endpoints : weighty,
    weights,
    equal: weights.every((weight) => weight === weights[0]),
    spare: endpoints.filter((_, i) => !(given[i]! > 0)),
  };
}
