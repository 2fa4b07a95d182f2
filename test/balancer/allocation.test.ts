import { PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Balancer } from '../../src/balancer/balancer.ts';
import { createBalancer } from '../../src/balancer/index.ts';
import { createDiscoveryIn } from '../../src/discovery.ts';
import { fixed } from '../../src/index.ts';
import { context, lists } from '../lists.ts';

/** Counts garbage collections: whatever allocates in a loop brings them about, a few hundred thousand times a second or less. */
let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});

beforeAll(() => observer.observe({ entryTypes: ['gc'] }));
afterAll(() => observer.disconnect());

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Makes the heap tidy, so that nothing older is collected meanwhile. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

async function collectionsDuring(work: () => void): Promise<number> {
  work();
  collectGarbage();
  await turn();
  const before = collections;
  work();
  await turn();
  return collections - before;
}

/** At 16 bytes a pick, 8 million picks would fill the young generation several times over. */
const picksAtOnce = 8_000_000;

function pickMany(balancer: Pick<Balancer, 'pick'>): () => void {
  return () => {
    let ports = 0;
    for (let i = 0; i < picksAtOnce; i++) ports += balancer.pick()?.port ?? 0;
    if (ports === 0) throw new Error('nothing was picked');
  };
}

const addresses = Array.from({ length: 40 }, (_, i) => ({
  host: `10.0.0.${i}`,
  port: 80,
  priority: 1,
  weight: 1,
}));

describe('pick() allocates nothing', () => {
  it.each([
    'random',
    'round-robin',
    'weighted-round-robin',
    'weighted-random',
    'least-used',
    'least-in-flight',
    'power-of-two-choices',
    'peak-ewma',
    'consistent-hash',
    'fastest',
  ])('%s', async (name) => {
    const balancer = createBalancer(name, {
      ...context(),
      prober: () => ({ update() {}, idle() {}, close() {} }),
    });
    balancer.update(lists()(addresses));
    expect(await collectionsDuring(pickMany(balancer))).toBeLessThanOrEqual(1);
  });

  it('through a service', async () => {
    const discovery = createDiscoveryIn({}, { source: fixed(addresses) });
    const service = discovery.service('web');
    await service.ready();
    expect(await collectionsDuring(pickMany(service))).toBeLessThanOrEqual(1);
    await discovery.close();
  });

  it('as this test would notice: one small object a pick is seen', async () => {
    let kept: unknown;
    const balancer = {
      pick: () => {
        kept = { port: 80 };
        return kept as never;
      },
    };
    expect(await collectionsDuring(pickMany(balancer))).toBeGreaterThan(3);
  });
});
