import type { Balancer, Excluded } from '../../src/balancer/balancer.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import type { Snapshot } from '../../src/snapshot.ts';
import { lists } from '../lists.ts';

/** Successive lists of endpoints numbered from 0, with these weights; `undefined` for one that is not there. */
export function weightedLists() {
  const next = lists();
  return (weights: readonly (number | undefined)[]): Snapshot =>
    next(
      weights.flatMap((weight, i) =>
        weight === undefined ? [] : [{ host: `10.0.${i >> 8}.${i & 255}`, port: i + 1, priority: 1, weight }],
      ),
    );
}

export function weighted(...weights: number[]): Snapshot {
  return weightedLists()(weights);
}

export function numberOf(endpoint: Endpoint | undefined): number {
  return endpoint!.port - 1;
}

/** How often each was picked, by its number. */
export function countsOf(balancer: Balancer, size: number, picks: number, exclude?: Excluded): number[] {
  const counts = Array<number>(size).fill(0);
  for (let i = 0; i < picks; i++) counts[numberOf(balancer.pick(undefined, exclude))]!++;
  return counts;
}

/** How far each has been from its due at the worst moment, over picks from lists that may change. */
export class Ledger {
  largest = 0;
  readonly #balances: number[] = [];

  constructor(size: number) {
    this.#balances = Array<number>(size).fill(0);
  }

  /** Picks once, while the weights are these. */
  pick(
    balancer: Balancer,
    weights: readonly (number | undefined)[],
    exclude?: Excluded,
  ): Endpoint | undefined {
    const total = weights.reduce<number>((sum, weight = 0) => sum + weight, 0);
    for (const [i, weight = 0] of weights.entries()) this.#move(i, -weight / total);
    const endpoint = balancer.pick(undefined, exclude);
    this.#move(numberOf(endpoint), 1);
    return endpoint;
  }

  #move(i: number, by: number): void {
    this.#balances[i]! += by;
    this.largest = Math.max(this.largest, Math.abs(this.#balances[i]!));
  }
}

/** Counts how often it is asked. */
export class CountedExclusion implements Excluded {
  asked = 0;
  readonly #endpoints: ReadonlySet<Endpoint>;

  constructor(endpoints: Iterable<Endpoint>) {
    this.#endpoints = new Set(endpoints);
  }

  get size(): number {
    return this.#endpoints.size;
  }

  has(endpoint: Endpoint): boolean {
    this.asked++;
    return this.#endpoints.has(endpoint);
  }
}
