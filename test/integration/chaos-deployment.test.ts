import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { instances, judge, setScene } from './chaos/scene.ts';
import { describeWithConsul } from './consul-agent.ts';

/** How long after a list that has it an instance may be without a request. */
const servesWithin = 2_000;

describeWithConsul('what a deployment does under 300 requests per second', () => {
  it('a rolling restart of all eight, each new one at another port, fails no request', async () => {
    await using scene = await setScene();
    const { agent, fleet, client } = scene;
    const load = client.load();
    await sleep(1_000);
    const old = [...fleet.backends];
    for (const backend of old) {
      // Less than the 5 s for which the client may know of no change: it calls some that are gone.
      await fleet.retire(backend, 1_000);
      await fleet.add(1);
    }
    // Until the client has surely seen the last change.
    await sleep(6_000);
    const summary = await judge('rolling restart', agent, load);
    expect(summary.failures).toEqual(new Map());
    expect(summary.served.size).toBe(2 * instances);
    const listed = client.web.endpoints.map(({ address }) => address);
    expect(listed).toEqual(fleet.backends.map(({ address }) => address).sort());
    expect(client.web.stats().inFlight).toBe(0);
  });

  it('scaling from eight to two and back fails no request, and each new one serves soon', async () => {
    await using scene = await setScene();
    const { agent, fleet, client } = scene;
    const listedAt = new Map<string, number>();
    const unsubscribe = client.web.subscribe((_, { added }) => {
      for (const { address } of added) listedAt.set(address, performance.now());
    });
    const load = client.load();
    await sleep(1_000);
    // Six of eight: who ends them before clients have noticed leaves most of them with a dead majority.
    await Promise.all(fleet.backends.slice(2).map((backend) => fleet.retire(backend, 7_000)));
    expect(client.web.endpoints).toHaveLength(2);
    await sleep(1_000);

    const added = await fleet.add(6);
    await expect.poll(() => client.web.endpoints.length, { timeout: 10_000, interval: 10 }).toBe(instances);
    await sleep(servesWithin);
    unsubscribe();
    const summary = await judge('scaling 8 → 2 → 8', agent, load);
    expect(summary.failures).toEqual(new Map());
    const waited = added.map(({ id, address }) => {
      const first = load.samples.find(({ reply }) => reply?.instance === id);
      return (first?.sent ?? Number.POSITIVE_INFINITY) - listedAt.get(address)!;
    });
    console.info(
      `  new instances served after ${waited.map((ms) => ms.toFixed(0)).join(', ')} ms of their list`,
    );
    expect(Math.max(...waited)).toBeLessThan(servesWithin);
    expect(client.web.stats().inFlight).toBe(0);
  });
});
