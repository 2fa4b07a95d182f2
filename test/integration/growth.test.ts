import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDiscovery } from '../../src/index.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

/** Beyond 997…1 024 instances no reply of Consul holds all, whichever way it is asked. */
const count = 2_000;
const instances = Array.from({ length: count }, (_, i) => ({
  name: 'vast',
  address: `10.${30 + (i >> 8)}.${(i >> 4) & 15}.${i & 15}`,
  port: 10_000 + i,
}));
const keyOf = ({ address, port }: { address: string; port: number }) => `${address}:${port}`;

describeWithConsul('a service beyond what one reply can hold (2 000 instances)', () => {
  let agent: Agent;
  let ids: string[];
  beforeAll(async () => {
    agent = await startAgent({ node: 'n1' });
    ids = await agent.registerMany(instances);
  }, 300_000);
  afterAll(() => agent.stop());

  it('loses no living instance in 200 refreshes, follows growth and shrinkage, and says that it is doubtful', async () => {
    const discovery = createDiscovery({ servers: [agent.dnsAddress] });
    const vast = discovery.service('vast');
    const alive = new Set(instances.map(keyOf));
    const wronglyRemoved: string[] = [];
    const wronglyAdded: string[] = [];
    vast.subscribe((_snapshot, { added, removed }) => {
      for (const { address } of removed) if (alive.has(address)) wronglyRemoved.push(address);
      for (const { address } of added) if (!alive.has(address)) wronglyAdded.push(address);
    });
    await vast.ready();
    const first = vast.endpoints.length;
    const untilSize = async (size: number) => {
      for (let refreshes = 1; refreshes <= 20; refreshes++) {
        await vast.refresh();
        if (vast.endpoints.length === size) return refreshes;
      }
      return Number.POSITIVE_INFINITY;
    };
    const toFind = await untilSize(count);

    const started = performance.now();
    for (let refresh = 0; refresh < 200; refresh++) await vast.refresh();
    const each = (performance.now() - started) / 200;
    const { complete, source } = vast.snapshot;
    const asks = source?.asks ?? 0;
    expect([vast.endpoints.length, complete]).toEqual([count, false]);

    const leaving = instances.slice(0, 400);
    for (const one of leaving) alive.delete(keyOf(one));
    await agent.deregisterMany(ids.slice(0, 400));
    const toShrink = await untilSize(count - 400);

    for (const one of leaving) alive.add(keyOf(one));
    await agent.registerMany(leaving);
    const toGrow = await untilSize(count);

    console.info(
      `Consul ${agent.version}, ${count} instances: ${first} at first, all after ${toFind} refreshes; 200 refreshes: ${wronglyRemoved.length} removals of living ones; ${asks} asks and ${each.toFixed(0)} ms a refresh; 400 gone after ${toShrink}, back after ${toGrow} refreshes`,
    );
    await discovery.close();
    expect([wronglyRemoved, wronglyAdded]).toEqual([[], []]);
    expect(first).toBeGreaterThan(count * 0.99);
    expect(Math.max(toFind, toShrink, toGrow)).toBeLessThanOrEqual(6);
  });

  it('shrinks to what one reply holds, and is proven again', async () => {
    const discovery = createDiscovery({ servers: [agent.dnsAddress] });
    const vast = discovery.service('vast');
    await vast.ready();
    const keep = 300;
    await agent.deregisterMany(ids.slice(keep));
    let refreshes = 0;
    do {
      await vast.refresh();
      refreshes++;
    } while (vast.endpoints.length > keep && refreshes < 20);
    const { complete } = vast.snapshot;
    console.info(`Consul ${agent.version}: from ${count} to ${keep} in ${refreshes} refreshes`);
    await discovery.close();
    expect([vast.endpoints.length, complete]).toEqual([keep, true]);
    expect(refreshes).toBeLessThanOrEqual(2);
  });
});
