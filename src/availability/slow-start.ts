import { type Check, fields, number } from '../checks.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Snapshot } from '../snapshot.ts';
import { Roll } from './roll.ts';

/** How a newcomer comes to its full weight. For strategies that obey weights; the others take no notice. */
export interface SlowStartOptions {
  /** How long the ramp takes, 100…86 400 000 ms. Default 30 000. */
  window?: number;
  /** Where the ramp begins: a share of the weight, 0.01…1. Default 0.1. */
  minWeight?: number;
  /** 0.1…10. 1 (default) is a straight line; more gives much early on, less gives little for long. */
  aggression?: number;
}

export type SlowStart = Readonly<Required<SlowStartOptions>>;

const length = number(100, 86_400_000);
const known = fields({ window: length, minWeight: number(0.01, 1), aggression: number(0.1, 10) });

/** A number is the window; `true` the defaults; `false` none. */
export const checkSlowStart: Check<SlowStart | undefined> = (value, path) => {
  if (value === false) return undefined;
  const given =
    value === true ? {} : typeof value === 'number' ? { window: length(value, path) } : known(value, path);
  return { window: 30_000, minWeight: 0.1, aggression: 1, ...given };
};

/** Steps of a ramp; and no step is shorter than this, in ms. */
const steps = 20;
const shortestStep = 100;

/**
 * Endpoints on their ramp: weight × max(minWeight, (time since the start / window)^(1/aggression)), as in Envoy. Who is there from
 * the first list on is not new to anybody but us and has no ramp.
 */
export class SlowStartRamp {
  readonly #options: SlowStart;
  readonly #since = new Map<Endpoint, number>();
  #roll: Roll | undefined;
  /** When weights are to be reckoned again; Infinity when nobody is on a ramp. */
  next = Number.POSITIVE_INFINITY;

  constructor(options: SlowStart) {
    this.#options = options;
  }

  /** The whole list, O(n). */
  update(endpoints: readonly Endpoint[], now: number): void {
    const before = this.#roll;
    if (before === undefined && endpoints.length === 0) return;
    const roll = new Roll(endpoints);
    this.#roll = roll;
    if (before === undefined) return;
    for (const endpoint of this.#since.keys()) if (!roll.has(endpoint)) this.#since.delete(endpoint);
    for (const endpoint of endpoints) if (!before.has(endpoint)) this.begin(endpoint, now);
  }

  /** From here on the endpoint is new, whatever it was before. */
  begin(endpoint: Endpoint, now: number): void {
    this.#since.set(endpoint, now);
    this.next = Math.min(this.next, now + this.#step);
  }

  /** Takes a step where one is due; true when weights may have changed. */
  due(now: number): boolean {
    if (now < this.next) return false;
    for (const [endpoint, since] of this.#since)
      if (now - since >= this.#options.window) this.#since.delete(endpoint);
    this.next = this.#since.size > 0 ? now + this.#step : Number.POSITIVE_INFINITY;
    return true;
  }

  /** The list with the weights of now: the same object where nobody, or everybody, in it is on a ramp. O(n). */
  ramped(list: Snapshot, now: number): Snapshot {
    if (this.#since.size === 0 || list.endpoints.every((endpoint) => this.#since.has(endpoint))) return list;
    if (!list.endpoints.some((endpoint) => this.#since.has(endpoint))) return list;
    // Weights that are all 0 mean equal, and a share of 0 would still be 0.
    const unweighted = list.addresses.every(({ weight }) => weight === 0);
    const addresses = list.addresses.map((address, i) => {
      const since = this.#since.get(list.endpoints[i]!);
      const weight = (unweighted ? 1 : address.weight) * (since === undefined ? 1 : this.#share(now - since));
      return weight === address.weight ? address : { ...address, weight };
    });
    return { ...list, addresses };
  }

  #share(elapsed: number): number {
    const { window, minWeight, aggression } = this.#options;
    return Math.max(minWeight, Math.min(1, elapsed / window) ** (1 / aggression));
  }

  get #step(): number {
    return Math.max(shortestStep, this.#options.window / steps);
  }
}
