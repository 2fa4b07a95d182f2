import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { instances, judge, setScene } from './chaos/scene.ts';
import { describeWithConsul } from './consul-agent.ts';

describeWithConsul('Consul killed for a minute under 300 requests per second', () => {
  it('fails no request, not even as an instance crashes meanwhile; new ones are found after its return', async () => {
    await using scene = await setScene({ consul: { dev: false } });
    const { agent, fleet, client } = scene;
    const load = client.load();
    await sleep(2_000);
    await agent.kill();
    const killed = performance.now();
    await sleep(30_000);
    const crashed = fleet.backends.shift()!;
    await crashed.crash();
    await sleep(30_000 - (performance.now() - killed - 30_000));
    expect(client.web.snapshot.stale).toBe(true);
    expect(client.web.endpoints).toHaveLength(instances);

    await agent.restart();
    await fleet.add(1);
    const expected = fleet.backends.map(({ address }) => address).sort();
    await expect
      .poll(() => client.web.endpoints.map(({ address }) => address), { timeout: 30_000, interval: 50 })
      .toEqual(expected);
    await sleep(2_000);
    const summary = await judge('Consul killed for a minute', agent, load);
    expect(summary.failures).toEqual(new Map());
    expect(summary.served.size).toBe(instances + 1);
    expect(client.web.stats().inFlight).toBe(0);
  });
});
