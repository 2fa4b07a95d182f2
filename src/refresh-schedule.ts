import type { Clock, TimerHandle } from './clock.ts';
import type { Random } from './random.ts';
import type { RefreshBudget, Turn } from './refresh-budget.ts';

/** Failed refreshes are repeated from here upward, doubling. */
const firstRetry = 1_000;
const slowestRetry = 10_000;

/**
 * When a service asks again. Every delay is counted from now, so a clock that jumped or an answer that came late cannot
 * make it spin.
 *
 * After a list: before its TTL ends, at 80…90 % of it. After the very first one, and after the first that follows a failure or a time of
 * rest, somewhere within that time, so that programs and services that began together spread out. After a failure: 1 s, 2 s,
 * 4 s … varied by a fifth, never slower than the refreshes themselves or 10 s. Then it takes its turn in the budget.
 */
export class RefreshSchedule {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #budget: RefreshBudget;
  readonly #action: () => void;
  readonly #least: number;
  #timer: TimerHandle | undefined;
  #turn: Turn | undefined;
  #interval: number;
  /** What the budget reckons with; Infinity while nothing is planned or asked. */
  #planned = Number.POSITIVE_INFINITY;
  #spread = true;
  #failures = 0;
  #next: number | undefined;
  /** A question was granted by the budget, and is not over. */
  #granted = false;
  #asking = false;

  /**
   * @param interval the shortest refresh interval, in ms; a first list may come from a cache with less time left.
   * @param action a question is due. To ask it: `inTurn()`, at once. Not asking is resting, until a later `inTurn()` or `begin()`.
   */
  constructor(clock: Clock, random: Random, budget: RefreshBudget, interval: number, action: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#budget = budget;
    this.#least = interval;
    this.#interval = interval;
    this.#action = action;
  }

  /** When the next question is due, in the clock's time; `undefined` while none is planned. */
  get next(): number | undefined {
    return this.#turn === undefined ? this.#next : this.#clock.now();
  }

  /** Calls `ask`, which is to `begin()`, as soon as the budget allows; once, however often it is called meanwhile. */
  inTurn(ask: () => void): void {
    if (this.#turn !== undefined || this.#granted) return;
    this.#wake();
    this.#turn = this.#budget.enter(() => {
      this.#turn = undefined;
      this.#granted = true;
      ask();
      if (!this.#asking) this.#end();
    });
  }

  /** A question is asked now, in its turn or not: until it is over nothing is planned. */
  begin(): void {
    this.#unplan();
    this.#asking = true;
    this.#wake();
    if (!this.#granted) this.#budget.spend();
  }

  afterSuccess(ttl: number): void {
    this.#end();
    this.#interval = ttl * (0.8 + 0.1 * this.#random.fraction());
    this.#failures = 0;
    const phase = this.#spread ? 0.1 + 0.9 * this.#random.fraction() : 1;
    this.#spread = false;
    this.#arm(this.#interval * phase, this.#interval);
  }

  /** A list came unasked: what is planned stays, unless it is to repeat what failed or is later than this list lasts. */
  afterNews(ttl: number): void {
    const planned = this.#failures > 0 ? undefined : this.next;
    if (planned === undefined || planned > this.#clock.now() + ttl) this.afterSuccess(ttl);
  }

  /** @param atMost ask no later than in so many ms. */
  afterFailure(atMost = Number.POSITIVE_INFINITY): void {
    this.#end();
    this.#spread = true;
    const slowest = Math.min(Math.max(this.#interval, this.#least), slowestRetry);
    const delay =
      Math.min(firstRetry * 2 ** this.#failures++, slowest) * (0.8 + 0.2 * this.#random.fraction());
    this.#arm(Math.min(delay, Math.max(0, atMost)), slowest);
  }

  stop(): void {
    this.#end();
    this.#unplan();
    this.#plan(Number.POSITIVE_INFINITY);
  }

  /** @param interval what the budget reckons with: retries hurry for a while only. */
  #arm(delay: number, interval: number): void {
    this.#unplan();
    this.#plan(interval);
    this.#next = this.#clock.now() + delay;
    this.#timer = this.#clock.setTimeout(() => {
      this.#next = undefined;
      this.#timer = undefined;
      this.#action();
      const rests = this.#turn === undefined && this.#timer === undefined && !this.#asking;
      if (!rests) return;
      this.#spread = true;
      this.#plan(Number.POSITIVE_INFINITY);
    }, delay);
  }

  #unplan(): void {
    this.#clock.clearTimeout(this.#timer);
    if (this.#turn !== undefined) this.#budget.leave(this.#turn);
    this.#timer = undefined;
    this.#turn = undefined;
    this.#next = undefined;
  }

  /** From a rest, or at first. */
  #wake(): void {
    if (this.#planned === Number.POSITIVE_INFINITY) this.#plan(this.#interval);
  }

  #plan(interval: number): void {
    this.#budget.plan(this.#planned, interval);
    this.#planned = interval;
  }

  #end(): void {
    this.#asking = false;
    if (!this.#granted) return;
    this.#granted = false;
    this.#budget.answered();
  }
}
