import type { Suite } from './suite.ts';

/** Background work: none when nobody uses the service, none after its end. */
export function rest({ open, it, expect }: Suite): void {
  it('leaves no timer behind when it is closed, idle or not', async () => {
    const { balancer, list, clock } = open();
    list(3);
    await clock.advance(10_000);
    balancer.idle?.(true);
    balancer.idle?.(false);
    await clock.advance(10_000);
    balancer.close?.();
    await clock.advance(10_000);
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer behind when it is closed at once: unused, in the middle of an update, or idle', async () => {
    const unused = open();
    unused.balancer.close?.();
    await unused.clock.advance(1);
    const inTheMiddle = open();
    inTheMiddle.list(500);
    inTheMiddle.balancer.close?.();
    await inTheMiddle.clock.advance(1);
    const idle = open();
    idle.list(5);
    await idle.clock.advance(700);
    idle.balancer.idle?.(true);
    idle.balancer.close?.();
    await idle.clock.advance(1);
    expect([unused, inTheMiddle, idle].map(({ clock }) => clock.pending)).toEqual([0, 0, 0]);
  });

  it('has no timer after a while of idleness, and none that an update then begins', async () => {
    const { balancer, list, clock, begin, end } = open();
    const { endpoints } = list(5);
    await clock.advance(700);
    balancer.idle?.(true);
    await clock.advance(60_000);
    expect(clock.pending).toBe(0);
    list(7);
    begin(endpoints[0]!);
    end(endpoints[0]!, { ok: true, elapsed: 3 });
    await clock.advance(60_000);
    expect(clock.pending).toBe(0);
    balancer.close?.();
    expect(clock.pending).toBe(0);
  });

  it('chooses after idleness as before, also while it is idle', async () => {
    const { balancer, list, clock } = open();
    list(5);
    await clock.advance(700);
    balancer.idle?.(true);
    await clock.advance(3_600_000);
    const { endpoints } = list(4, 3);
    // The pick that ends the idleness may come before idle(false).
    for (let i = 0; i < 10; i++) expect(endpoints.includes(balancer.pick()!)).toBe(true);
    balancer.idle?.(false);
    await clock.advance(700);
    for (let i = 0; i < 10; i++) expect(endpoints.includes(balancer.pick()!)).toBe(true);
    balancer.close?.();
  });

  it('takes over a list before its first pick and many in a row without one', () => {
    const { balancer, list } = open();
    for (let i = 0; i < 50; i++) list(i % 7, i % 3);
    const { endpoints } = list(3);
    for (let i = 0; i < 10; i++) expect(endpoints.includes(balancer.pick()!)).toBe(true);
  });
}
