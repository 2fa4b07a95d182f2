import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Balancer, BalancerContext, BalancerDescription, Excluded } from './balancer.ts';

/**
 * The endpoint that was picked least often, exactly. Counts survive refreshes; who joins starts at the fleet's minimum, who
 * comes back at the larger of that and its own count, so that nobody gets a burst. Ignores weights; needs no leases. O(1).
 */
export function leastUsed(): BalancerDescription {
  return { name: 'least-used' };
}

/**
 * No search is needed for the minimum: only the least used are picked, and each pick raises a count by one.
 *
 *     #order   | level + 1 … | level …      | above, ascending … |
 *              0          #cursor         #end                  n
 *
 * The list is sorted at each update. A pick takes the endpoint at the cursor and steps on. At #end all of the front stands at
 * level + 1: the level rises, the cursor returns to 0, and #end moves over those that stood there already. Those are found
 * by bisection, and found once: they stay in front. So a pick is O(1), and O(log n) at the moment when levels join.
 */
export class LeastUsed implements Balancer {
  readonly #context: BalancerContext;
  #order: Endpoint[] = [];
  #level = 0;
  #cursor = 0;
  #end = 0;
  #known: ReadonlySet<Endpoint> = new Set();

  constructor(context: BalancerContext) {
    this.#context = context;
  }

  update({ endpoints }: Snapshot): void {
    const survivors = endpoints.filter((endpoint) => this.#known.has(endpoint));
    const floor =
      survivors.length > 0
        ? survivors.reduce((least, { picks }) => Math.min(least, picks), Number.POSITIVE_INFINITY)
        : endpoints.reduce((most, { picks }) => Math.max(most, picks), 0);
    for (const endpoint of endpoints) {
      if (!this.#known.has(endpoint)) endpoint.picks = Math.max(endpoint.picks, floor);
    }
    this.#known = new Set(endpoints);
    // Sorting keeps the order of equals, which is turned to a random place: ties must not always fall to the same one.
    const turn = this.#context.random.below(endpoints.length);
    this.#arrange([...endpoints.slice(turn), ...endpoints.slice(0, turn)]);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    if (exclude !== undefined) return this.#pickOther(exclude);
    const cursor = this.#cursor;
    const endpoint = this.#order[cursor];
    if (endpoint === undefined) return undefined;
    endpoint.picks = this.#level + 1;
    const next = cursor + 1;
    this.#cursor = next;
    if (next === this.#end) this.#nextLevel();
    return endpoint;
  }

  #nextLevel(): void {
    this.#level++;
    this.#cursor = 0;
    if (this.#order[this.#end]?.picks === this.#level) this.#end = this.#endOfRun(this.#end);
  }

  #arrange(order: Endpoint[]): void {
    this.#order = order.sort((a, b) => a.picks - b.picks);
    this.#level = order[0]?.picks ?? 0;
    this.#cursor = 0;
    this.#end = order.length === 0 ? 0 : this.#endOfRun(0);
  }

  /** Where the run of equal counts that begins at or before `from` ends, in a part of the list that is sorted. */
  #endOfRun(from: number): number {
    const { picks } = this.#order[from]!;
    let low = from + 1;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#order[middle]!.picks > picks) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * The least used one that is not excluded. It is looked for from the cursor on in the order of the counts, so at most
   * |exclude| + 1 endpoints are seen; taking one out of turn moves at most three. O(|exclude| + log n).
   */
  #pickOther(exclude: Excluded): Endpoint | undefined {
    for (let seen = 0; seen < this.#order.length; seen++) {
      const place = this.#placeByCount(seen);
      const endpoint = this.#order[place]!;
      if (exclude.has(endpoint)) continue;
      this.#pickAt(place);
      return endpoint;
    }
    return undefined;
  }

  /** Places in the order of counts: the level's own, then the front at level + 1, then those above. */
  #placeByCount(rank: number): number {
    const atLevel = this.#end - this.#cursor;
    if (rank < atLevel) return this.#cursor + rank;
    return rank < this.#end ? rank - atLevel : rank;
  }

  #pickAt(place: number): void {
    if (place >= this.#cursor && place < this.#end) {
      this.#swap(place, this.#cursor);
      this.pick();
      return;
    }
    let at = place;
    if (at < this.#cursor) {
      // From the front, through the hands of the level's last one, to the head of those above.
      this.#swap(at, --this.#cursor);
      at = --this.#end;
      this.#swap(this.#cursor, at);
    }
    const last = this.#endOfRun(at) - 1;
    this.#swap(at, last);
    this.#order[last]!.picks++;
  }

  #swap(a: number, b: number): void {
    const held = this.#order[a]!;
    this.#order[a] = this.#order[b]!;
    this.#order[b] = held;
  }
}
