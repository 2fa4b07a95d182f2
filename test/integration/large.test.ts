import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDiscovery } from '../../src/index.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

describeWithConsul('many instances', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent({ node: 'n1' });
  });
  afterAll(() => agent.stop());

  // Each has an address and a port of its own, so that a wrong pair cannot be a right one by chance.
  it.each([
    [12, 1_000],
    [100, 1_000],
    [500, 1_000],
    [900, 1_000],
  ])(
    '%i on addresses and ports of their own are all found, rightly paired, in %i resolves',
    async (count, rounds) => {
      const name = `wide${count}`;
      const instances = Array.from({ length: count }, (_, i) => ({
        name,
        address: `10.${20 + (i >> 8)}.${(i >> 4) & 15}.${i & 15}`,
        port: 10_000 + 7 * i,
      }));
      const ids = await agent.registerMany(instances);
      const wanted = new Set(instances.map(({ address, port }) => `${address}:${port}`));
      const discovery = createDiscovery({ servers: [agent.dnsAddress] });
      let missing = 0;
      let wrong = 0;
      let asks = 0;
      const started = performance.now();
      for (let round = 0; round < rounds; round++) {
        const { addresses, origin } = await discovery.resolve(name, { fresh: true });
        const right = addresses.filter(({ host, port }) => wanted.has(`${host}:${port}`)).length;
        wrong += addresses.length - right;
        missing += count - right;
        asks += origin?.asks ?? 0;
      }
      const elapsed = performance.now() - started;
      console.info(
        `Consul ${agent.version}, ${count} instances: ${rounds} resolves, ${missing} missing, ${wrong} wrong pairs, ${(asks / rounds).toFixed(2)} asks and ${(elapsed / rounds).toFixed(2)} ms each`,
      );
      await discovery.close();
      await agent.deregisterMany(ids);
      expect([missing, wrong]).toEqual([0, 0]);
    },
  );
});
