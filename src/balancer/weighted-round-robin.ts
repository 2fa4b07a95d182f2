import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';
import { drawOpen, redraws } from './exclusion.ts';
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

/**
 * 2³² times the golden ratio's fraction, but for the last digits: odd, so that all 2³² points come before one comes again, and
 * chosen so that no partial quotient of `step / 2³²` exceeds 3. That keeps the sequence even for all of them: with 0x9e3779b9, the
 * nearest integer, one is 25, and after some millions of picks the shares are off by twice as much.
 */
const step = 0x9e3778c1 | 0;

export class WeightedRoundRobin implements Balancer {
  /** Equal weights. */
  readonly #rotation: Rotation;
  /** Unequal ones. */
  #shares: Shares | undefined;
  /** The newest point of the sequence. */
  #turn: number;
  /** A sequence of its own for those who find too many excluded: what is left of the first one then is anything but even. */
  #detour: number;
  #weighed: Weighed = nothingWeighed;

  constructor({ random }: Pick<BalancerContext, 'random'>) {
    this.#rotation = new Rotation(random);
    this.#turn = random.next() | 0;
    this.#detour = random.next() | 0;
  }

  update(snapshot: Snapshot): void {
    const weighed = weigh(snapshot);
    this.#weighed = weighed;
    this.#shares = weighed.equal ? undefined : new Shares(weighed);
    // A list that it does not serve leaves the rotation where it is: whoever's turn it is would lose it by being absent there.
    if (weighed.equal) this.#rotation.update(weighed.endpoints);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    if (exclude !== undefined) return this.#pickOther(exclude);
    const shares = this.#shares;
    if (shares === undefined) return this.#rotation.next();
    const turn = (this.#turn + step) | 0;
    this.#turn = turn;
    return shares.at(turn);
  }

  /** O(|exclude| + log n). */
  #pickOther(exclude: Excluded): Endpoint | undefined {
    if (this.#shares === undefined) return this.#rotation.nextExcept(exclude) ?? this.#pickSpare(exclude);
    for (let draw = 0; draw < redraws; draw++) {
      const endpoint = this.pick()!;
      if (!exclude.has(endpoint)) return endpoint;
    }
    const { endpoints, weights } = this.#weighed;
    const detour = this.#nextDetour();
    // Another even sequence, for where to look: multiples of the points by an odd number.
    const where = Math.imul(detour, 0x85ebca6b);
    return drawOpen(endpoints, weights, exclude, where, detour) ?? this.#pickSpare(exclude);
  }

  #pickSpare(exclude: Excluded): Endpoint | undefined {
    const detour = this.#nextDetour();
    return drawOpen(this.#weighed.spare, undefined, exclude, Math.imul(detour, 0x85ebca6b), detour);
  }

  #nextDetour(): number {
    this.#detour = (this.#detour + step) | 0;
    return this.#detour;
  }
}
