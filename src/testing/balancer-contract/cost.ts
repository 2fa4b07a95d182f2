import type { Endpoint } from '../../endpoint.ts';
import type { BalancerWorld } from './balancer-world.ts';
import { bytesPerCall, timePerCall } from './bytes-and-time.ts';
import { Meter } from './counted.ts';
import { only, type Suite } from './suite.ts';

/** What a pick costs: steps that do not grow with the list, and no memory. */
export function cost({ open, expect, options, it }: Suite): void {
  it('reads no more of 4 096 endpoints than O(log n), in any pick and in any request', async () => {
    const count = 4_096;
    const world = open();
    const { balancer, list } = world;
    const meter = new Meter();
    const watched = meter.snapshot(list(count));
    balancer.update(watched);
    await world.settle();
    // A constant that suits any design; going through the list is far above it.
    const limit = 8 * Math.log2(count) + 32;
    const plain = meter.most(3 * count, limit, () => balancer.pick());
    expect(limit, 'reads in one pick').toBeGreaterThan(plain);
    const keyed = meter.most(300, limit, () => balancer.pick('key'));
    expect(limit, 'reads in one pick with a key').toBeGreaterThan(keyed);
    // Whatever of it the strategy keeps in order is out of order now.
    for (let i = 0; i < count; i += 3) world.begin(watched.endpoints[i]!);
    const request = meter.most(3_000, limit + 32, () => {
      const endpoint = balancer.pick()!;
      world.begin(endpoint);
      if (endpoint.port % 2 === 0) world.end(endpoint, { ok: true, elapsed: 2 });
    });
    expect(limit + 32, 'reads in one request').toBeGreaterThan(request);
    const excluded = Array.from({ length: 20 }, () => balancer.pick()!);
    const exclude = meter.excluding(excluded);
    const excluding = meter.most(300, excluded.length * limit, () => balancer.pick(undefined, exclude));
    expect(excluded.length * limit, 'reads in one pick with 20 excluded').toBeGreaterThan(excluding);
  });

  const measured = only(options.measured, it);

  measured('takes about the same time among 10 000 endpoints as among 10', () => {
    const few = timeOf(open(), 10);
    const many = timeOf(open(), 10_000);
    // A scan takes hundreds of times as long; memory that is further away takes a few times.
    expect(30, `${few.toFixed(1)} ns grew to ${many.toFixed(1)} ns: times`).toBeGreaterThan(many / few);
  });

  measured('allocates nothing in a pick, whether weights are equal or not', () => {
    for (const weightOf of [() => 1, (i: number) => 1 + 3 * i]) {
      const { balancer, weigh } = open();
      // What is read past the end of nothing must not make later picks dearer.
      balancer.pick();
      weigh(...Array.from({ length: 40 }, (_, i) => weightOf(i)));
      expect(0.5, 'bytes a pick').toBeGreaterThan(bytesPerCall(() => void balancer.pick()));
    }
  });

  measured('allocates nothing in a pick with a key, or with others excluded', () => {
    const { balancer, list } = open();
    const { endpoints } = list(40);
    expect(0.5, 'bytes a pick').toBeGreaterThan(bytesPerCall(() => void balancer.pick('key')));
    const exclude = new Set([endpoints[3]!, endpoints[4]!, endpoints[30]!]);
    expect(0.5, 'bytes a pick').toBeGreaterThan(bytesPerCall(() => void balancer.pick(undefined, exclude)));
  });

  measured('allocates two numbers at most for a request that begins and ends', () => {
    const { balancer, list, begin, end } = open();
    list(40);
    const outcome = { ok: true, elapsed: 1.5 };
    const inFlight: Endpoint[] = Array.from({ length: 16 }, () => {
      const endpoint = balancer.pick()!;
      begin(endpoint);
      return endpoint;
    });
    let next = 0;
    const bytes = bytesPerCall(() => {
      end(inFlight[next]!, outcome);
      const endpoint = balancer.pick()!;
      begin(endpoint);
      inFlight[next] = endpoint;
      next = (next + 1) & 15;
    });
    // A strategy that learns times keeps fractions, which V8 may put on the heap, at 16 bytes each.
    expect(33, 'bytes a request').toBeGreaterThan(bytes);
  });
}

function timeOf({ balancer, list }: BalancerWorld, count: number): number {
  list(count);
  return timePerCall(() => void balancer.pick());
}
