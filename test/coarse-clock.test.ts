import { describe, expect, it } from 'vitest';
import { createCoarseClock, tickLength } from '../src/coarse-clock.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';

describe('the coarse clock', () => {
  it('stands still, without a timer, while nobody holds it', async () => {
    const clock = createFakeClock(5_000);
    const coarse = createCoarseClock(clock);
    expect([coarse.tick, coarse.now, clock.pending]).toEqual([0, 5_000, 0]);
    await clock.advance(60_000);
    expect([coarse.tick, coarse.now, clock.pending]).toEqual([0, 5_000, 0]);
  });

  it('shows the time as soon as it is held, and ticks then', async () => {
    const clock = createFakeClock(5_000);
    const coarse = createCoarseClock(clock);
    await clock.advance(1_234);
    coarse.hold();
    expect([coarse.tick, coarse.now]).toEqual([1, 6_234]);
    await clock.advance(tickLength - 1);
    expect([coarse.tick, coarse.now]).toEqual([1, 6_234]);
    await clock.advance(1);
    expect([coarse.tick, coarse.now]).toEqual([2, 6_334]);
    await clock.advance(10 * tickLength);
    expect([coarse.tick, coarse.now]).toEqual([12, 7_334]);
  });

  it('has one timer, however many hold it, and goes on until the last lets go', async () => {
    const clock = createFakeClock();
    const coarse = createCoarseClock(clock);
    const letGo = [coarse.hold(), coarse.hold(), coarse.hold()];
    expect([coarse.tick, clock.pending]).toEqual([1, 1]);
    letGo[0]!();
    letGo[2]!();
    await clock.advance(tickLength);
    expect([coarse.tick, clock.pending]).toEqual([2, 1]);
    letGo[1]!();
    await clock.advance(10 * tickLength);
    expect([coarse.tick, clock.pending]).toEqual([2, 0]);
  });

  it('lets a holder go once only: another goes on holding', async () => {
    const clock = createFakeClock();
    const coarse = createCoarseClock(clock);
    const first = coarse.hold();
    const second = coarse.hold();
    first();
    first();
    first();
    await clock.advance(tickLength);
    expect([coarse.tick, clock.pending]).toEqual([2, 1]);
    second();
    second();
    expect(clock.pending).toBe(0);
  });

  it('can be held again, and has caught up with the time by then', async () => {
    const clock = createFakeClock(0);
    const coarse = createCoarseClock(clock);
    const letGo = coarse.hold();
    await clock.advance(250);
    letGo();
    await clock.advance(1_000_000);
    expect(coarse.now).toBe(200);
    coarse.hold()();
    expect([coarse.tick, coarse.now, clock.pending]).toEqual([4, 1_000_250, 0]);
    // Those of before are over and done with.
    letGo();
    const again = coarse.hold();
    letGo();
    expect(clock.pending).toBe(1);
    again();
  });
});
