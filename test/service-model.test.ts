import { expect, it } from 'vitest';
import { createDiscoveryIn } from '../src/discovery.ts';
import { DnsError, ServiceNotFoundError } from '../src/errors.ts';
import type { DiscoveryOptions, Resolution, Resolver } from '../src/index.ts';
import { createRandom, type Random } from '../src/random.ts';
import { failover } from '../src/resolver/failover.ts';
import { merge } from '../src/resolver/merge.ts';
import { split } from '../src/resolver/split.ts';
import { createFakeClock, type FakeClock } from '../src/testing/fake-clock.ts';
import { address, letterOf } from './lists.ts';

/** What a name is answered with: letters of a list, incomplete with `?`, or something worse. */
const answers = ['ab', 'abc', 'cd', '?ab', '?a', 'none', 'empty', 'timeout', 'nonsense', 'silence'];
const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/** A source that answers now or later, with what holds then, and does not always heed its signal. */
function world(clock: FakeClock, random: Random) {
  const answer = new Map<string, string>();
  let underWay = 0;
  const after = (delay: number, action: () => void) => {
    underWay++;
    clock.setTimeout(() => {
      underWay--;
      action();
    }, delay);
  };
  const source = (): Resolver => ({
    resolve: (name, { signal } = {}) =>
      new Promise<Resolution>((resolve, reject) => {
        const now = () => {
          const said = answer.get((name as { service: string }).service) ?? 'ab';
          const list = (letters: string, complete = true) => ({
            addresses: [...letters].map((letter) => address(letter)),
            ttl: random.below(2) * 20_000,
            complete,
            ...(!complete && { omission: 0.5 }),
          });
          if (said === 'none') reject(new ServiceNotFoundError('NXDOMAIN'));
          else if (said === 'timeout') reject(new DnsError('ERR_DNS_TIMEOUT', 'no reply', []));
          else if (said === 'nonsense') reject('nonsense');
          else if (said === 'empty') resolve(list(''));
          else if (said !== 'silence') resolve(list(said.replace('?', ''), !said.startsWith('?')));
        };
        if (random.below(4) > 0) now();
        else after(random.below(3_000), now);
        if (random.below(2) === 0) signal?.addEventListener('abort', () => reject(signal.reason));
      }),
  });
  return { answer, source, after, timersOfItsOwn: () => underWay };
}

async function live(seed: number): Promise<void> {
  const random = createRandom(seed);
  const one = <T>(choices: readonly T[]) => choices[random.below(choices.length)]!;
  const clock = createFakeClock();
  const { answer, source, after, timersOfItsOwn } = world(clock, random);
  const kinds: (() => Partial<DiscoveryOptions>)[] = [
    () => ({ source: source() }),
    () => ({ source: source(), datacenters: ['dc1', 'dc2'] }),
    () => ({ source: failover(source(), source(), { clock, hold: 10_000 }) }),
    () => ({ source: merge(source(), source(), { clock }) }),
    () => ({ source: split(source(), source(), { clock, share: 0.5, by: one(['weight', 'process']) }) }),
  ];
  const discovery = createDiscoveryIn(
    { clock, random: createRandom(seed) },
    {
      ...one(kinds)(),
      refreshRate: one([1, 50]),
      idle: one([5_000, 30_000, Number.POSITIVE_INFINITY]),
      maxServices: one([3, 100]),
      hold: { error: one([0, 10_000, Number.POSITIVE_INFINITY]), empty: one([0, 30_000]) },
      onWarning: ({ service }) => {
        if (service !== undefined && random.below(20) === 0)
          discovery
            .service(service)
            .refresh()
            .catch(() => {});
      },
    },
  );
  const waiting = new Set<Promise<unknown>>();
  const wait = (work: Promise<unknown>) => {
    const over: Promise<unknown> = work.catch(() => {}).finally(() => waiting.delete(over));
    waiting.add(over);
  };
  const leaving = (within: number) => {
    const controller = new AbortController();
    after(random.below(within), () => controller.abort('enough'));
    return controller.signal;
  };
  const attempt = (act: () => void) => {
    try {
      act();
    } catch {
      // A service that was closed, or that has nothing to pick.
    }
  };
  const any = () => discovery.service(one(names));
  const acts: (() => unknown)[] = [
    () => answer.set(one(names), one(answers)),
    () => answer.set(one(names), one(answers)),
    () => names.forEach((name) => void answer.set(name, one(answers))),
    () => wait(any().ready()),
    () => wait(any().ready({ timeout: random.below(20_000) })),
    () => wait(any().ready({ timeout: 20_000, signal: leaving(2_000) })),
    () => wait(any().refresh()),
    () => wait(any().refresh({ signal: leaving(2_000) })),
    () => wait(discovery.resolve(one(names))),
    () => wait(discovery.resolve(one(names), { fresh: true, signal: leaving(200) })),
    () => attempt(() => any().pick()),
    () => any().close(),
    () => {
      const service = any();
      const reactions = [() => service.close(), () => wait(service.refresh()), any, () => stop(), () => {}];
      const stop = service.subscribe(() => attempt(one(reactions)));
    },
    () => clock.advance(random.below(500)),
    () => clock.advance(random.below(20_000)),
    () => clock.advance(random.below(20_000)),
  ];
  for (let step = 0; step < 80; step++) await one(acts)();

  for (const name of names) answer.set(name, 'abf');
  await clock.advance(70_000);
  for (let elapsed = 0; elapsed < 120_000; elapsed += 2_000) {
    for (const { name } of discovery.stats().services) attempt(() => discovery.service(name).pick());
    await clock.advance(2_000);
  }
  for (const stats of discovery.stats().services) {
    const { endpoints } = discovery.service(stats.name);
    expect(endpoints.map(({ host }) => letterOf(host)).join(''), stats.name).toBe('abf');
    expect(stats).toMatchObject({ stale: false, idle: false });
    expect(stats.age).toBeLessThan(75_000);
  }
  expect(waiting.size, 'callers that wait still').toBe(0);
  await discovery.close();
  // The budget's line may have a timer left, which does nothing.
  await clock.advance(2_000);
  expect(clock.pending - timersOfItsOwn(), 'timers').toBe(0);
}

it('whatever Consul answers and callers do: nobody waits for ever, what comes back is found, nothing is left', async () => {
  for (let seed = 0; seed < 40; seed++) {
    await live(seed).catch((cause) => {
      throw new Error(`seed ${seed}: ${(cause as Error).message}`, { cause });
    });
  }
}, 60_000);
