import { describe, expect, it } from 'vitest';
import { Alarm } from '../../src/availability/alarm.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';

/** The clock starts at 0; `rings` are the times at which it rang. */
function armed() {
  const clock = createFakeClock(0);
  const rings: number[] = [];
  const alarm = new Alarm(clock, () => rings.push(clock.now()));
  return { clock, rings, alarm };
}

describe('the alarm', () => {
  it('rings once, at the earliest time asked for, by one timer', async () => {
    const { clock, rings, alarm } = armed();
    expect([alarm.by(500), alarm.by(200), alarm.by(900), clock.pending]).toEqual([true, true, true, 1]);
    await clock.advance(1_000);
    expect([rings, clock.pending]).toEqual([[200], 0]);
  });

  it('can be asked again from within', async () => {
    const clock = createFakeClock(0);
    const rings: number[] = [];
    const alarm: Alarm = new Alarm(clock, () => {
      rings.push(clock.now());
      if (rings.length < 3) alarm.by(clock.now() + 100);
    });
    alarm.by(100);
    await clock.advance(1_000);
    expect(rings).toEqual([100, 200, 300]);
  });

  it('never rings too early, and for what is overdue in a moment, not at once', async () => {
    const { clock, rings, alarm } = armed();
    alarm.by(10.2);
    await clock.advance(20);
    alarm.by(5);
    expect(rings).toEqual([11]);
    await clock.advance(20);
    expect(rings).toEqual([11, 21]);
  });

  it('has no timer while paused, and forgets what it was asked for', async () => {
    const { clock, rings, alarm } = armed();
    alarm.by(100);
    alarm.pause(true);
    expect([alarm.by(50), clock.pending]).toEqual([false, 0]);
    alarm.pause(false);
    await clock.advance(1_000);
    expect(rings).toEqual([]);
    alarm.by(1_100);
    await clock.advance(1_000);
    expect(rings).toEqual([1_100]);
  });
});
