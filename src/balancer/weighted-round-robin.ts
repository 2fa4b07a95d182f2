import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { drawOpen, fitsWindow, redraws } from './exclusion.ts';
import { goldenStep } from './golden-step.ts';
import { Rotation } from './rotation.ts';
import { Shares } from './shares.ts';
import { nothingWeighed, type Weighed, weigh } from './weights.ts';

/**
 * Each endpoint as often as its weight says, evenly in time: at any moment everybody has had his share to within a few requests, and
 * nobody gets a burst. With equal weights it is round-robin. Obeys weights (and slow start); needs no leases. pick() is O(1)
 * on average and O(log n) at worst.
 *
 * The golden-ratio sequence, of all sequences of the form `i·α mod 1` the most even one, is laid over the circle of the shares
 * (H. Weyl, "Über die Gleichverteilung von Zahlen mod. Eins", 1916; D. E. Knuth, The Art of Computer Programming 3, 6.4). It is a
 * single number that knows nothing of the list, so there is nothing to restart when the list or a weight changes.
 * Why not smooth weighted round-robin or a heap of deadlines: docs/decisions/007-weighted-round-robin.md.
 */
export function weightedRoundRobin(): BalancerDescription {
  return { name: 'weighted-round-robin' };
}

export class WeightedRoundRobin implements Balancer {
  readonly #random: Random;
  /** For equal weights. */
  readonly #rotation: Rotation;
  /** For unequal ones. */
  #shares: Shares | undefined;
  /** The newest point of the sequence, an int32. */
  #turn: number;
  /**
   * Two more such sequences, for picks with exclusions. One step a pick and no more: a point that is skipped because it is an
   * excluded one's says where the next one is, and whoever has that would be preferred.
   */
  #detour: number;
  #secondDetour: number;
  #weighed: Weighed = nothingWeighed;

  constructor({ random }: Pick<BalancerContext, 'random'>) {
    this.#random = random;
    this.#rotation = new Rotation(random);
    this.#turn = random.next() | 0;
    this.#detour = random.next() | 0;
    this.#secondDetour = random.next() | 0;
  }

  update(snapshot: Snapshot): void {
    const weighed = weigh(snapshot);
    this.#weighed = weighed;
    this.#shares = weighed.equal ? undefined : new Shares(weighed);
    // A list that it does not serve leaves the rotation where it is: whose turn it is would lose it by being absent there.
    if (weighed.equal) this.#rotation.update(weighed.endpoints);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    if (exclude !== undefined) return this.#pickOther(exclude);
    const shares = this.#shares;
    if (shares === undefined) return this.#rotation.next();
    const turn = (this.#turn + goldenStep) | 0;
    this.#turn = turn;
    return shares.at(turn);
  }

  /** O(|exclude|) and a look-up. */
  #pickOther(exclude: Excluded): Endpoint | undefined {
    const shares = this.#shares;
    const endpoint =
      shares === undefined ? this.#rotation.nextExcept(exclude) : this.#drawOther(shares, exclude);
    return endpoint ?? this.#drawFrom(this.#weighed.spare, undefined, exclude);
  }

  #drawOther(shares: Shares, exclude: Excluded): Endpoint | undefined {
    this.#detour = (this.#detour + goldenStep) | 0;
    const endpoint = shares.at(this.#detour);
    if (!exclude.has(endpoint)) return endpoint;
    const { endpoints, weights } = this.#weighed;
    // A short list is looked through, which is as even as plain picks are. In a long one chance is quicker.
    const draws = fitsWindow(endpoints, exclude) ? 0 : redraws;
    for (let draw = 0; draw < draws; draw++) {
      const other = shares.at(this.#random.next() | 0);
      if (!exclude.has(other)) return other;
    }
    return this.#drawFrom(endpoints, weights, exclude);
  }

  #drawFrom(
    endpoints: readonly Endpoint[],
    weights: Float64Array | undefined,
    exclude: Excluded,
  ): Endpoint | undefined {
    this.#secondDetour = (this.#secondDetour + goldenStep) | 0;
    return drawOpen(endpoints, weights, exclude, this.#random.next() | 0, this.#secondDetour);
  }
}
