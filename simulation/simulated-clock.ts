import type { Clock } from '../src/clock.ts';
import type { Event, EventQueue } from './event-queue.ts';

/** The clock that strategies and availability see: it stands still between two events. */
export function simulatedClock(events: EventQueue): Clock {
  return {
    now: () => events.now,
    setTimeout: (action, delay) => events.schedule(delay, action),
    clearTimeout: (handle) => {
      if (handle !== undefined) (handle as Event).action = undefined;
    },
  };
}
