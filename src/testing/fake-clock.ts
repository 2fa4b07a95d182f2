import type { Clock, TimerHandle } from '../clock.ts';

/** A clock that stands still until it is told to move. */
export interface FakeClock extends Clock {
  /** Moves time on by `ms`, firing due timers in order and letting promises settle between them. */
  advance(ms: number): Promise<void>;
  /** Timers that are armed. */
  readonly pending: number;
}

/** For tests: time moves only by `advance`. */
export function createFakeClock(start = 1_000): FakeClock {
  let now = start;
  let timers: { at: number; action: () => void }[] = [];
  return {
    now: () => now,
    setTimeout: (action, delay): TimerHandle => {
      const timer = { at: now + Math.max(0, delay), action };
      timers.push(timer);
      return timer;
    },
    clearTimeout: (handle) => {
      timers = timers.filter((timer) => timer !== handle);
    },
    get pending() {
      return timers.length;
    },
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const due = timers.reduce<(typeof timers)[number] | undefined>(
          (first, timer) => (timer.at <= end && (first === undefined || timer.at < first.at) ? timer : first),
          undefined,
        );
        if (due === undefined) break;
        timers = timers.filter((timer) => timer !== due);
        now = due.at;
        due.action();
        await settle();
      }
      now = end;
      await settle();
    },
  };
}

/** Lets promise chains run to their end; a turn of the event loop empties the microtask queue. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
