import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../simulation/event-queue.ts';
import { simulatedClock } from '../../simulation/simulated-clock.ts';
import { createRandom } from '../../src/random.ts';

function drain(events: EventQueue): void {
  while (events.step());
}

describe('EventQueue', () => {
  it('lets things happen in the order of time, and at one time in the order of scheduling', () => {
    const events = new EventQueue();
    const random = createRandom(1);
    const happened: [number, number][] = [];
    for (let i = 0; i < 2_000; i++) events.schedule(random.below(100), () => happened.push([events.now, i]));
    drain(events);
    expect(happened).toHaveLength(2_000);
    expect(happened).toEqual([...happened].sort(([a, i], [b, j]) => a - b || i - j));
  });

  it('counts delays from the time at which they are scheduled', () => {
    const events = new EventQueue();
    const times: number[] = [];
    events.schedule(10, () => events.schedule(5, () => times.push(events.now)));
    events.schedule(12, () => times.push(events.now));
    drain(events);
    expect(times).toEqual([12, 15]);
  });

  it('never goes back in time', () => {
    const events = new EventQueue();
    events.schedule(10, () => events.schedule(-5, () => {}));
    drain(events);
    expect(events.now).toBe(10);
  });

  it('says when nothing is left', () => {
    const events = new EventQueue();
    events.schedule(1, () => {});
    expect([events.step(), events.step()]).toEqual([true, false]);
  });
});

describe('simulatedClock', () => {
  it('fires timers that were not cleared', () => {
    const events = new EventQueue();
    const clock = simulatedClock(events);
    const fired: string[] = [];
    clock.setTimeout(() => fired.push(`a ${clock.now()}`), 100);
    clock.clearTimeout(clock.setTimeout(() => fired.push('b'), 50));
    clock.clearTimeout(undefined);
    drain(events);
    expect(fired).toEqual(['a 100']);
  });
});
