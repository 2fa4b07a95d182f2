import { orAbort } from './abort.ts';
import type { Clock } from './clock.ts';
import { keepAliveDuring } from './keep-alive.ts';

/** Longer delays than this are beyond Node's timers: then there is none. */
const longestTimer = 2 ** 31 - 1;

/** Those who wait for what happens to a service. Leaves nothing behind in who woke or who left. */
export class Waiters {
  readonly #clock: Clock;
  readonly #wakes = new Set<() => void>();
  #held = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a caller waits now. */
  get any(): boolean {
    return this.#held > 0;
  }

  /** Something happened. */
  wake(): void {
    for (const wake of [...this.#wakes]) wake();
  }

  /** Lets a caller wait: it keeps the process alive, and may leave by its signal without hurting others. */
  async hold<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    this.#held++;
    try {
      return await keepAliveDuring(orAbort(work, signal));
    } finally {
      this.#held--;
    }
  }

  /** Resolves at the next `wake()`, and also when `signal` aborts: look why. */
  next(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakes.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#wakes.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  /** Waits until `done()`, looking at every wake. False when that takes longer than `timeout` ms, or `signal` aborts. */
  async until(done: () => boolean, timeout: number, signal: AbortSignal | undefined): Promise<boolean> {
    let late = false;
    const expire = () => {
      late = true;
      this.wake();
    };
    const timer = timeout > longestTimer ? undefined : this.#clock.setTimeout(expire, timeout);
    try {
      while (!done()) {
        if (late || signal?.aborted) return false;
        await this.next(signal);
      }
      return true;
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }
}
