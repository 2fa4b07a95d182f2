import { type Check, fields, number } from './checks.ts';

export interface RetryBudgetOptions {
  /** Retries per request, 0…1 000. Default 0.2: one in five. */
  readonly share?: number;
  /** Retries per second that are allowed in any case, so that services with few requests can retry at all. Default 10. */
  readonly perSecond?: number;
  /** Milliseconds for which a request counts, 1 000…60 000. Default 10 000. */
  readonly window?: number;
}

const checkFields = fields({
  share: number(0, 1_000),
  perSecond: number(0, 1_000_000),
  window: number(1_000, 60_000),
});

/** `false`: retries without a bound; `true` or nothing said: the defaults. */
export const checkRetryBudget: Check<Required<RetryBudgetOptions> | false> = (value, path) => {
  if (value === false) return false;
  const given = value === true ? {} : (checkFields(value, path) as RetryBudgetOptions);
  return { share: 0.2, perSecond: 10, window: 10_000, ...given };
};

/** Parts of the window that are forgotten at once. */
const slices = 10;

/**
 * What keeps retries from becoming an outage of their own: they may add a share to the requests, not multiply them. The token bucket of
 * Finagle's RetryBudget: each request deposits `share`, each retry withdraws 1, both are forgotten after `window`. All operations are O(1).
 */
export class RetryBudget {
  readonly #share: number;
  readonly #reserve: number;
  readonly #slice: number;
  readonly #now: () => number;
  readonly #slots = new Float64Array(slices);
  #slot = 0;
  #until: number;

  constructor({ share, perSecond, window }: Required<RetryBudgetOptions>, now: () => number) {
    this.#share = share;
    this.#reserve = (perSecond * window) / 1_000;
    this.#slice = window / slices;
    this.#now = now;
    this.#until = now() + this.#slice;
  }

  /** A request was made; not for its retries. */
  deposit(): void {
    this.#forget();
    this.#slots[this.#slot]! += this.#share;
  }

  /** Takes one retry, if one is left. */
  withdraw(): boolean {
    this.#forget();
    if (this.#balance() < 1) return false;
    this.#slots[this.#slot]! -= 1;
    return true;
  }

  /** Retries left now. */
  get left(): number {
    this.#forget();
    return Math.max(0, Math.floor(this.#balance()));
  }

  #balance(): number {
    // A fifth cannot be said in binary: five of them are to make one.
    return this.#slots.reduce((sum, tokens) => sum + tokens, this.#reserve) + 1e-9;
  }

  #forget(): void {
    const now = this.#now();
    if (now < this.#until) return;
    const passed = Math.floor((now - this.#until) / this.#slice) + 1;
    for (let i = 0; i < Math.min(passed, slices); i++) {
      this.#slot = (this.#slot + 1) % slices;
      this.#slots[this.#slot] = 0;
    }
    this.#until += passed * this.#slice;
  }
}
