import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { retrying } from './chaos/client.ts';
import { instances, judge, setScene } from './chaos/scene.ts';
import { describeWithConsul } from './consul-agent.ts';

describeWithConsul('instances that fail under 300 requests per second', () => {
  it('two of eight that crash at once, known to nobody, fail no request; they are used again when they are back', async () => {
    await using scene = await setScene();
    const { agent, fleet, client } = scene;
    const load = client.load();
    await sleep(2_000);
    const [first, second] = fleet.backends as [(typeof fleet.backends)[0], (typeof fleet.backends)[0]];
    await Promise.all([first.crash(), second.crash()]);
    // Consul notices within its second, the client within its five.
    await expect.poll(() => client.web.endpoints.length, { timeout: 15_000 }).toBe(instances - 2);
    const back = [await fleet.again(first), await fleet.again(second)];
    await fleet.untilListed(back);
    // They were ejected for 10 s at least, and have one request at a time to prove themselves.
    await expect
      .poll(async () => Math.min(await back[0]!.served(), await back[1]!.served()), { timeout: 30_000 })
      .toBeGreaterThan(50);
    const summary = await judge('crash of two', agent, load);
    expect(summary.failures).toEqual(new Map());
    expect(client.web.stats().inFlight).toBe(0);
  });

  it('one of eight that answers 503 while its check passes fails no request, and is let be', async () => {
    await using scene = await setScene();
    const { agent, fleet, client } = scene;
    const load = client.load();
    await sleep(2_000);
    const [bad] = fleet.backends as [(typeof fleet.backends)[0]];
    const before = await bad.served();
    bad.behave({ status: 503 });
    await sleep(15_000);
    const hits = (await bad.served()) - before;
    const summary = await judge('one answers 503', agent, load);
    console.info(`  ${hits} requests reached it in 15 s`);
    expect(summary.failures).toEqual(new Map());
    expect(client.web.endpoints).toHaveLength(instances);
    // Five in a row eject it, and what was under way by then; later one now and then to see whether it is well. Its share were 560.
    expect(hits).toBeLessThan(100);
    expect(client.web.stats().inFlight).toBe(0);
  });

  it('one of eight that hangs with its connections open fails no request, where an attempt may take 2 s', async () => {
    await using scene = await setScene({ dispatcher: { ...retrying, attemptTimeout: 2_000 } });
    const { agent, fleet, client } = scene;
    const load = client.load();
    await sleep(2_000);
    fleet.backends[0]!.freeze();
    await expect.poll(() => client.web.endpoints.length, { timeout: 15_000 }).toBe(instances - 1);
    await sleep(1_000);
    const summary = await judge('one hangs', agent, load);
    expect(summary.failures).toEqual(new Map());
    expect(client.web.stats().inFlight).toBe(0);
  });
});
