import { afterEach, expect, it } from 'vitest';
import { createDiscovery, type Discovery } from '../../src/index.ts';
import { plainClient } from '../plain-client.ts';
import { type Agent, type AgentOptions, describeWithConsul, startAgent } from './consul-agent.ts';

/**
 * The silent hole, met on purpose: at every size, each way of asking finds every instance, ten times in a row. A plain client
 * beside it, with the same question and one reply to believe, shows how often that one misses an instance.
 */
describeWithConsul('no instance is ever missing', () => {
  const ending: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end();
  });

  async function started(options: AgentOptions): Promise<Agent> {
    const agent = await startAgent(options);
    ending.push(() => agent.stop());
    return agent;
  }

  const ways = [
    { transport: 'auto' },
    { transport: 'auto', edns: 1232 },
    { transport: 'tcp' },
    { transport: 'tcp', edns: 1232 },
  ] as const;

  async function sweep(agent: Agent, from: number, to: number): Promise<void> {
    const discoveries = ways.map((way) => createDiscovery({ servers: [agent.dnsAddress], ...way }));
    const plain = await plainClient(agent.dnsAddress);
    ending.push(() => plain.close(), ...discoveries.map((discovery: Discovery) => () => discovery.close()));
    const instance = (i: number) => ({
      name: 'web',
      address: `10.${2 + (i >> 8)}.${(i >> 4) & 15}.${i & 15}`,
      port: 1_000 + i,
    });
    const expected: string[] = [];
    let resolves = 0;
    let doubtful = 0;
    const missing: string[] = [];
    const missedByPlain = { 'UDP 1232': 0, TCP: 0 };
    const grow = async (count: number) => {
      const more = Array.from({ length: count - expected.length }, (_, i) =>
        instance(expected.length + 1 + i),
      );
      await agent.registerMany(more);
      expected.push(...more.map(({ address, port }) => `${address}:${port}`));
    };
    for (let n = from; n <= to; n++) {
      await grow(n);
      const wanted = [...expected].sort().join();
      for (let round = 0; round < 10; round++) {
        for (const [i, discovery] of discoveries.entries()) {
          const { addresses, complete } = await discovery.resolve('web', { fresh: true });
          const found = addresses.map(({ host, port }) => `${host}:${port}`).sort();
          resolves++;
          if (!complete) doubtful++;
          if (found.join() !== wanted)
            missing.push(`n=${n}, ${JSON.stringify(ways[i])}: ${found.length} found`);
        }
        if ((await plain.countByUdp('web.service.consul', 1232)) === n - 1) missedByPlain['UDP 1232']++;
        if ((await plain.countByTcp('web.service.consul')) === n - 1) missedByPlain.TCP++;
      }
    }
    const asks = (to - from + 1) * 10;
    console.info(
      `Consul ${agent.version}, ${from}…${to} instances: ${resolves} resolves, ${missing.length} with an instance missing (${doubtful} answered as likely, not proven); a plain client missed exactly one in ${missedByPlain['UDP 1232']} of ${asks} by UDP 1232 and in ${missedByPlain.TCP} of ${asks} by TCP`,
    );
    expect(missing).toEqual([]);
  }

  it('with 1 to 70 instances', async () => {
    await sweep(await started({ node: 'n1' }), 1, 70);
  });

  it('with 1 to 40 instances and three more metadata keys', async () => {
    const nodeMeta = { rack: 'rack-one', zone: 'eu-west-1a', role: 'frontend' };
    await sweep(await started({ node: 'n1', nodeMeta }), 1, 40);
  });

  it('with 600 to 620 instances, where 1.8.7 has the hole over TCP', async () => {
    await sweep(await started({ node: 'n1' }), 600, 620);
  });
});
