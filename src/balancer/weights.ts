import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';

/** A list as strategies that obey weights see it. */
export interface Weighed {
  /** Those that get something, in the order of the list: of weights above 0, or all where there is no such weight. */
  readonly endpoints: readonly Endpoint[];
  /** `weights[i]` belongs to `endpoints[i]`; above 0. */
  readonly weights: Float64Array;
  /** All `weights` are the same. */
  readonly equal: boolean;
  /** Those of weight 0 beside others: chosen only when nothing else may be. */
  readonly spare: readonly Endpoint[];
}

export const nothingWeighed: Weighed = {
  endpoints: [],
  weights: new Float64Array(0),
  equal: true,
  spare: [],
};

/** Reads the weights of this very list. O(n). */
export function weigh({ endpoints, addresses }: Snapshot): Weighed {
  const weighty: Endpoint[] = [];
  const spare: Endpoint[] = [];
  const weights = new Float64Array(endpoints.length);
  let equal = true;
  for (let i = 0; i < endpoints.length; i++) {
    const weight = addresses[i]!.weight;
    if (!(weight > 0)) {
      spare.push(endpoints[i]!);
      continue;
    }
    weights[weighty.length] = weight;
    equal &&= weight === weights[0];
    weighty.push(endpoints[i]!);
  }
  return weighty.length === 0
    ? { endpoints, weights: weights.fill(1), equal, spare: [] }
    : { endpoints: weighty, weights: weights.subarray(0, weighty.length), equal, spare };
}
