import type { Clock } from './clock.ts';

export interface PaceOptions {
  /** How many may go at once after a pause. */
  readonly burst: number;
  /** How many a second go on after that. */
  readonly perSecond: number;
}

/** A token bucket: how long what comes again and again has to wait, each time. O(1). */
export class Pace {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #countedAt: number;

  constructor(clock: Clock, { burst, perSecond }: PaceOptions) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#countedAt = clock.now();
  }

  /** Takes a place. Milliseconds until it may be used; 0: now. */
  next(): number {
    const now = this.#clock.now();
    const gained = ((now - this.#countedAt) / 1_000) * this.#perSecond;
    this.#left = Math.min(this.#burst, this.#left + gained) - 1;
    this.#countedAt = now;
    return this.#left >= 0 ? 0 : (-this.#left / this.#perSecond) * 1_000;
  }
}
