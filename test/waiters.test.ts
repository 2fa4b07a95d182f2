import { expect, it } from 'vitest';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { Waiters } from '../src/waiters.ts';

it.each([
  [2 ** 31 - 1, 1],
  [2 ** 31, 0],
  [Number.POSITIVE_INFINITY, 0],
])('a wait of %d ms arms %d timers: Node makes of a longer one 1 ms', async (timeout, timers) => {
  const clock = createFakeClock();
  const waiters = new Waiters(clock);
  const leaver = new AbortController();
  const waiting = waiters.until(() => false, timeout, leaver.signal);
  expect(clock.pending).toBe(timers);
  leaver.abort();
  expect(await waiting).toBe(false);
  expect(clock.pending).toBe(0);
});
