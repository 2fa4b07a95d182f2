import type { Clock } from '../clock.ts';

/**
 * Numbers the slots of a sliding window, so that what is counted needs no look at the clock: a timer turns the number, and runs only
 * while there is something to count.
 */
export class SlotClock {
  /** The present slot. Right while ticking; `count()` sees to that. */
  slot = 0;
  /** When the next slot begins; Infinity while there is nothing to wait for. */
  next = Number.POSITIVE_INFINITY;
  readonly #clock: Clock;
  readonly #length: number;
  readonly #wakeBy: (at: number) => boolean;
  #ticking = false;
  #counted = false;

  /** @param wakeBy asks for a call of `due` at a time or before; false where there will be none for now. */
  constructor(clock: Clock, length: number, wakeBy: (at: number) => boolean) {
    this.#clock = clock;
    this.#length = length;
    this.#wakeBy = wakeBy;
  }

  /** To be called before each counting. O(1); reads the clock only when it does not tick. */
  count(): void {
    this.#counted = true;
    if (this.#ticking) return;
    this.#turn(this.#clock.now());
    this.#ticking = this.#wakeBy(this.next);
  }

  due(now: number): void {
    if (now < this.next) return;
    if (this.#counted) this.#turn(now);
    else this.rest();
    this.#counted = false;
  }

  /** Stops ticking until the next `count()`. */
  rest(): void {
    this.#ticking = false;
    this.next = Number.POSITIVE_INFINITY;
  }

  #turn(now: number): void {
    this.slot = Math.floor(now / this.#length);
    this.next = (this.slot + 1) * this.#length;
  }
}
