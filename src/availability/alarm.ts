import type { Clock, TimerHandle } from '../clock.ts';

/** One timer for all that availability waits for: it rings at the earliest time asked for, and whoever waits longer asks again. */
export class Alarm {
  readonly #clock: Clock;
  readonly #action: () => void;
  #timer: TimerHandle | undefined;
  #at = Number.POSITIVE_INFINITY;
  #paused = false;

  constructor(clock: Clock, action: () => void) {
    this.#clock = clock;
    this.#action = action;
  }

  /** Rings at `at` (the clock's time) or before; false while paused. */
  by(at: number): boolean {
    if (this.#paused) return false;
    if (at >= this.#at) return true;
    this.#clear();
    this.#at = at;
    // Whole ms and at least one: what rang a fraction too early would ring again and again at the same time.
    const delay = Math.max(1, Math.ceil(at - this.#clock.now()));
    this.#timer = this.#clock.setTimeout(() => this.#ring(), delay);
    return true;
  }

  /** While paused no timer is armed. What was asked for is forgotten. */
  pause(paused: boolean): void {
    this.#paused = paused;
    if (paused) this.#clear();
  }

  #ring(): void {
    this.#clear();
    this.#action();
  }

  #clear(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }
}
