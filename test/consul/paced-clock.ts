import type { TimerHandle } from '../../src/clock.ts';
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts';

/** A fake clock that tells the pauses from the time limits of requests (10 s and more): a test waits for a pause to begin, then moves time. */
export interface PacedClock extends FakeClock {
  /** Milliseconds of the pauses under way. */
  readonly pauses: readonly number[];
}

const leastLimit = 10_000;

export function createPacedClock(): PacedClock {
  const clock = createFakeClock();
  const armed = new Map<TimerHandle, number>();
  return {
    now: () => clock.now(),
    setTimeout(action, delay) {
      const handle = clock.setTimeout(() => {
        armed.delete(handle);
        action();
      }, delay);
      armed.set(handle, delay);
      return handle;
    },
    clearTimeout(handle) {
      if (handle !== undefined) armed.delete(handle);
      clock.clearTimeout(handle);
    },
    advance: (ms) => clock.advance(ms),
    get pending() {
      return clock.pending;
    },
    get pauses() {
      return [...armed.values()].filter((delay) => delay < leastLimit);
    },
  };
}
