import type { Endpoint } from '../../endpoint.ts';
import type { FakeClock } from '../fake-clock.ts';
import { changeList } from './churn.ts';
import { Requests } from './requests.ts';
import type { Suite } from './suite.ts';

/** The same seed, lists, requests and times give the same choices: what simulations and tests of yours stand on. */
export function repeatable({ open, it, expect }: Suite): void {
  it('does the same again with the same seed', () => {
    const picks = (seed: number) => {
      const { balancer, list } = open(seed);
      list(6);
      const first = Array.from({ length: 30 }, () => balancer.pick()?.address);
      list(9);
      return [...first, ...Array.from({ length: 30 }, () => balancer.pick()?.address)];
    };
    for (const seed of [7, 8]) expect(picks(seed)).toEqual(picks(seed));
  });

  it('does the same again with requests in flight, exclusions, lists that change and time that passes', async () => {
    const run = async (seed: number) => {
      const world = open(seed);
      const requests = new Requests(world, world.random);
      const chosen: (string | undefined)[] = [];
      for (let round = 0; round < 60; round++) {
        changeList(world);
        if (round % 4 === 0) await world.clock.advance(250);
        const tried = new Set<Endpoint>();
        for (let i = 0; i < 25; i++) {
          const endpoint = world.balancer.pick(
            i % 3 === 0 ? `key ${i}` : undefined,
            i > 20 ? tried : undefined,
          );
          chosen.push(endpoint?.address);
          if (endpoint === undefined) continue;
          if (i > 20) tried.add(endpoint);
          requests.begin(endpoint);
          if (world.random.below(3) > 0) requests.endOne();
        }
      }
      return chosen;
    };
    for (const seed of [7, 8]) expect(await run(seed)).toEqual(await run(seed));
  });

  it('asks neither the time nor chance of the system when it picks, and waits for nothing', () => {
    const world = open();
    const { endpoints } = world.list(5);
    const exclude = new Set([endpoints[1]!]);
    const used = usedOfTheSystem(world.clock, () => {
      for (let i = 0; i < 50; i++) {
        world.balancer.pick();
        world.balancer.pick('key');
        world.balancer.pick(undefined, exclude);
      }
    });
    expect(used).toEqual([]);
  });
}

/** What `work`, which is synchronous, calls of the outside. */
function usedOfTheSystem(clock: FakeClock, work: () => void): string[] {
  const used = new Set<string>();
  const watch = <T extends object>(name: string, owner: T, method: keyof T & string): (() => void) => {
    const before = owner[method];
    const watcher = (...args: unknown[]) => {
      used.add(`${name}.${method}`);
      return Reflect.apply(before as () => unknown, owner, args);
    };
    // Assigned, not defined: an object of V8's own that is given another shape makes the whole process slower.
    owner[method] = watcher as T[keyof T & string];
    return () => {
      owner[method] = before;
    };
  };
  const restore = [
    watch('clock', clock, 'now'),
    watch('clock', clock, 'setTimeout'),
    watch('Math', Math, 'random'),
    watch('Date', Date, 'now'),
    watch('globalThis', globalThis, 'setTimeout'),
    watch('globalThis', globalThis, 'setImmediate'),
    watch('globalThis', globalThis, 'queueMicrotask'),
  ];
  try {
    work();
  } finally {
    for (const undo of restore) undo();
  }
  return [...used];
}
