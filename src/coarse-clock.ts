import type { Clock, TimerHandle } from './clock.ts';

/** Time that costs nothing to read, for the way of a pick. One for all services of a discovery. */
export interface CoarseClock {
  /** Counts up with time, by one every `tickLength` ms while somebody holds the clock; a small integer. */
  readonly tick: number;
  /** `Clock.now()` of the newest tick, in ms: up to `tickLength` behind, more while nobody holds the clock. */
  readonly now: number;
  /** Makes it tick until the returned function is called (once; more often does no harm). */
  hold(): () => void;
}

/** Milliseconds. */
export const tickLength = 100;

/** Ticks by one timer, and only while it is held: a program at rest is not woken ten times a second. */
export function createCoarseClock(clock: Clock): CoarseClock {
  let holders = 0;
  let timer: TimerHandle | undefined;
  const coarse = {
    tick: 0,
    now: clock.now(),
    hold: () => {
      if (holders++ === 0) advance();
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        if (--holders > 0) return;
        clock.clearTimeout(timer);
        timer = undefined;
      };
    },
  };
  const advance = () => {
    coarse.tick = (coarse.tick + 1) & 0x3fffffff;
    coarse.now = clock.now();
    timer = clock.setTimeout(advance, tickLength);
  };
  return coarse;
}
