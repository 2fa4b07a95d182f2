import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../simulation/event-queue.ts';
import { Server, type ServerPlan } from '../../simulation/server.ts';

/** A server, and when what it was given ended. */
function setUp(plan: Partial<ServerPlan> = {}) {
  const events = new EventQueue();
  const server = new Server({ slots: 1, speed: 1, ...plan }, events);
  const ended: string[] = [];
  const give = (name: string, work: number) =>
    server.accept(work, (ok, waited) => ended.push(`${name} ${events.now} ${waited}${ok ? '' : ' failed'}`));
  const drain = () => {
    while (events.step());
    return ended;
  };
  return { events, server, ended, give, drain };
}

describe('Server', () => {
  it('works on as many at once as it has slots; the others wait in line', () => {
    const { give, drain } = setUp({ slots: 2 });
    give('a', 10);
    give('b', 30);
    give('c', 10);
    give('d', 10);
    expect(drain()).toEqual(['a 10 0', 'c 20 10', 'b 30 0', 'd 30 20']);
  });

  it('keeps the order of a long line', () => {
    const { give, drain } = setUp();
    for (let i = 0; i < 3_000; i++) give(String(i), 1);
    expect(drain()).toEqual(Array.from({ length: 3_000 }, (_, i) => `${i} ${i + 1} ${i}`));
  });

  it('is as fast as its speed says', () => {
    const { give, drain } = setUp({ speed: 4 });
    give('a', 10);
    expect(drain()).toEqual(['a 2.5 0']);
  });

  it('warms up after it joined', () => {
    const { give, drain, events } = setUp({ joins: 100, warmUp: { length: 100, from: 0.5 } });
    events.schedule(100, () => give('cold', 10));
    events.schedule(150, () => give('half', 15));
    events.schedule(500, () => give('warm', 10));
    expect(drain()).toEqual(['cold 120 0', 'half 170 0', 'warm 510 0']);
  });

  it('fails at once where it fails, whatever it has to do', () => {
    const { give, drain } = setUp({ failsAfter: 1 });
    give('a', 10);
    give('b', 10);
    expect(drain()).toEqual(['a 1 0 failed', 'b 1 0 failed']);
  });

  it('parks long polls beside its slots', () => {
    const { server, give, drain, ended, events } = setUp();
    server.park(100, () => ended.push(`poll ${events.now}`));
    give('a', 10);
    expect(server.present).toBe(1);
    expect(drain()).toEqual(['a 10 0', 'poll 100']);
  });

  it('counts the time its slots worked', () => {
    const { give, drain, server, events } = setUp({ slots: 2 });
    give('a', 10);
    give('b', 30);
    events.schedule(50, () => {});
    drain();
    expect(server.busyTime).toBe(40);
  });

  it('knows the delay of one more: its own time, and the wait for a slot', () => {
    const { server, give } = setUp({ slots: 2, speed: 2 });
    give('a', 10);
    expect(server.expectedDelay(10, 10)).toBe(5);
    give('b', 10);
    give('c', 10);
    // Two departures to wait for, one each 2.5 ms.
    expect(server.expectedDelay(10, 10)).toBe(10);
  });
});
