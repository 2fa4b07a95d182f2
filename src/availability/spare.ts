import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';

/** Chooses where the balancer cannot: by tier, then whoever has a weight, then by turns. */
export class Spare {
  readonly #random: Random;
  #cursor: number | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** One round over the list, O(n). */
  next(
    { endpoints, addresses }: Snapshot,
    tiers: readonly number[] | undefined,
    fits: (endpoint: Endpoint) => boolean,
  ): Endpoint | undefined {
    const count = endpoints.length;
    // A turn that begins at 0 in every process would send all of them to the same endpoint.
    const start = this.#cursor ?? this.#random.below(count);
    let best: number | undefined;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let step = 0; step < count; step++) {
      const place = (start + step) % count;
      const rank = (tiers?.[place] ?? 0) * 2 + (addresses[place]!.weight === 0 ? 1 : 0);
      if (rank >= bestRank || !fits(endpoints[place]!)) continue;
      best = place;
      bestRank = rank;
    }
    if (best === undefined) return undefined;
    this.#cursor = best + 1;
    return endpoints[best];
  }
}
