import type { Clock, TimerHandle } from './clock.ts';
import type { Random } from './random.ts';

/** Failed refreshes are repeated from here upward, doubling. */
const firstRetry = 1_000;
const slowestRetry = 10_000;

/**
 * When a service asks again. Every delay is counted from now, so a clock that jumped or an answer that came late cannot
 * make it spin.
 *
 * After a list: before its TTL ends, at 80…90 % of it. After the very first one somewhere within that time, so that programs
 * and services started together spread out. After a failure: 1 s, 2 s, 4 s … varied by a fifth, never slower than the
 * refreshes themselves or 10 s.
 */
export class RefreshSchedule {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #action: () => void;
  #timer: TimerHandle | undefined;
  readonly #least: number;
  #interval: number;
  #first = true;
  #failures = 0;
  #next: number | undefined;

  /** @param interval the shortest refresh interval, in ms; a first list may come from a cache with less time left. */
  constructor(clock: Clock, random: Random, interval: number, action: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#least = interval;
    this.#interval = interval;
    this.#action = action;
  }

  /** When the next question is due, in the clock's time; `undefined` while none is planned. */
  get next(): number | undefined {
    return this.#next;
  }

  afterSuccess(ttl: number): void {
    this.#interval = ttl * (0.8 + 0.1 * this.#random.fraction());
    this.#failures = 0;
    const phase = this.#first ? 0.1 + 0.9 * this.#random.fraction() : 1;
    this.#first = false;
    this.#arm(this.#interval * phase);
  }

  /** @param atMost ask no later than in so many ms. */
  afterFailure(atMost = Number.POSITIVE_INFINITY): void {
    const slowest = Math.min(Math.max(this.#interval, this.#least), slowestRetry);
    const delay =
      Math.min(firstRetry * 2 ** this.#failures++, slowest) * (0.8 + 0.2 * this.#random.fraction());
    this.#arm(Math.min(delay, Math.max(0, atMost)));
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next = undefined;
  }

  #arm(delay: number): void {
    this.stop();
    this.#next = this.#clock.now() + delay;
    this.#timer = this.#clock.setTimeout(() => {
      this.#next = undefined;
      this.#action();
    }, delay);
  }
}
