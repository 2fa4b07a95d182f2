import type { Outcome } from '../../balancer/balancer.ts';
import type { Endpoint } from '../../endpoint.ts';
import type { Random } from '../../random.ts';
import type { BalancerWorld } from './balancer-world.ts';

/** How requests may go. */
export const outcomes: readonly Outcome[] = [
  { ok: true, elapsed: 5 },
  { ok: true, elapsed: 0.3 },
  { ok: true, elapsed: 0 },
  { ok: true },
  { ok: false, elapsed: 900, error: new Error('refused') },
  { ok: false },
  { ok: false, aborted: true, elapsed: 40 },
  { ok: true, elapsed: 3_600_000 },
];

/** Requests under way, ended in any order. */
export class Requests {
  readonly #world: Pick<BalancerWorld, 'begin' | 'end'>;
  readonly #random: Random;
  readonly #open: Endpoint[] = [];

  constructor(world: Pick<BalancerWorld, 'begin' | 'end'>, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  get size(): number {
    return this.#open.length;
  }

  begin(endpoint: Endpoint): void {
    this.#open.push(endpoint);
    this.#world.begin(endpoint);
  }

  /** Ends one of them; whether its endpoint is still listed plays no part. */
  endOne(outcome: Outcome = outcomes[this.#random.below(outcomes.length)]!): void {
    const i = this.#random.below(this.#open.length);
    const endpoint = this.#open[i];
    if (endpoint === undefined) return;
    this.#open[i] = this.#open.at(-1)!;
    this.#open.pop();
    this.#world.end(endpoint, outcome);
  }

  endAll(outcome?: Outcome): void {
    while (this.#open.length > 0) this.endOne(outcome);
  }
}
