import { afterEach, describe, expect, it } from 'vitest';
import { createDiscoveryIn, type Discovery } from '../src/discovery.ts';
import { ServiceNotFoundError } from '../src/errors.ts';
import type { DiscoveryOptions, Resolver } from '../src/index.ts';
import { createRandom } from '../src/random.ts';
import { RefreshBudget } from '../src/refresh-budget.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { address } from './lists.ts';
import { scriptedSource } from './scripted-source.ts';

const open: Discovery[] = [];
afterEach(async () => {
  for (const discovery of open.splice(0)) await discovery.close();
});
function world(options: DiscoveryOptions = {}) {
  const clock = createFakeClock();
  const source = scriptedSource();
  const discovery = createDiscoveryIn(
    { clock, random: createRandom(1) },
    {
      source,
      onWarning() {},
      ttl: { min: 5_000, max: 5_000, jitter: 0 },
      idle: Number.POSITIVE_INFINITY,
      ...options,
    },
  );
  open.push(discovery);
  return { clock, source, discovery };
}

describe('the budget of background questions', () => {
  it('survives an interval of 0', async () => {
    const clock = createFakeClock();
    const budget = new RefreshBudget(clock, 10);
    budget.plan(Number.POSITIVE_INFINITY, 0);
    budget.plan(0, 5_000);
    await clock.advance(1_000);
    let asked = 0;
    for (let i = 0; i < 100; i++) budget.enter(() => void asked++);
    expect(asked).toBe(10);
  });
  it('leaves no timer when the last one in line has left', async () => {
    const { clock, discovery } = world({ refreshRate: 1 });
    const services = Array.from({ length: 50 }, (_, i) => discovery.service(`s${i}`));
    await Promise.all(services.map((s) => s.ready()));
    await clock.advance(6_000);
    expect(discovery.stats().refreshLag).toBeGreaterThan(0);
    await discovery.close();
    expect(clock.pending).toBe(0);
  });
  it('does not starve the background while somebody awaits all the time', async () => {
    const { clock, discovery } = world({ refreshRate: 5 });
    const services = Array.from({ length: 10 }, (_, i) => discovery.service(`s${i}`));
    await Promise.all(services.map((s) => s.ready()));
    for (let i = 0; i < 1_200; i++) {
      void services[0]!.refresh();
      await clock.advance(100);
    }
    expect(Math.max(...discovery.stats().services.map(({ age }) => age))).toBeLessThan(60_000);
  });
});

describe('services at rest', () => {
  it('do not keep an error of all alive', async () => {
    const clock = createFakeClock();
    const missing = new Set<string>();
    const source: Resolver = {
      resolve: async (name) => {
        const { service } = name as { service: string };
        if (missing.has(service)) throw new ServiceNotFoundError('nx');
        return { addresses: [address('a')], ttl: 5_000, complete: true };
      },
    };
    const discovery = createDiscoveryIn(
      { clock, random: createRandom(1) },
      { source, onWarning() {}, idle: 60_000 },
    );
    open.push(discovery);
    const services = ['s0', 's1', 's2', 's3'].map((name) => discovery.service(name));
    await Promise.all(services.map((s) => s.ready()));
    for (const name of ['s0', 's1', 's2']) missing.add(name);
    await clock.advance(10_000);
    missing.delete('s2');
    const use = async (ms: number) => {
      for (let i = 0; i < ms / 1_000; i++) {
        for (const s of services.slice(2)) {
          try {
            s.pick();
          } catch {}
        }
        await clock.advance(1_000);
      }
    };
    await use(300_000);
    expect(discovery.stats().services.map(({ idle }) => idle)).toEqual([false, false, true, true]);
    missing.add('s2');
    await use(120_000);
    expect(services[2]!.endpoints).toHaveLength(0);
  });
});
