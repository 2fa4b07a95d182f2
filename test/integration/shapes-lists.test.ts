import { afterAll, beforeAll, expect, it } from 'vitest';
import { discover, enter, errorOf, pairs, replyOf, seen } from './asking.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

const node = { node: 'n1', at: '10.0.0.1' };

describeWithConsul('lists from real Consul', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent({ node: 'home', nodeMeta: { rack: 'r1' } });
  });
  afterAll(() => agent?.stop());

  it('several SRV with one target, whose address Consul repeats for each', async () => {
    for (const port of [81, 82, 83]) await enter(agent, { ...node, service: 'ports', port });
    const { answers, additionals } = await replyOf(agent, 'ports.service.consul', 'SRV');
    expect([answers.length, additionals.length]).toEqual([3, 3]);
    expect(new Set(additionals.map((record) => 'host' in record && record.host))).toEqual(
      new Set(['10.0.0.1']),
    );
    const { addresses, complete } = await discover(agent).discovery.resolve('ports');
    seen(agent, 'one node, three ports', `${additionals.length} times one address; ${pairs({ addresses })}`);
    expect([pairs({ addresses }), complete]).toEqual([['10.0.0.1:81', '10.0.0.1:82', '10.0.0.1:83'], true]);
  });

  it('one address and port on three nodes is one endpoint, with the largest weight', async () => {
    for (const i of [1, 2, 3]) {
      const weights = { Passing: 10 * i, Warning: 1 };
      await enter(agent, {
        node: `twin${i}`,
        at: `10.0.1.${i}`,
        service: 'twins',
        address: '10.1.0.1',
        port: 80,
        weights,
      });
    }
    const { answers } = await replyOf(agent, 'twins.service.consul', 'SRV');
    expect(answers).toHaveLength(3);
    const { discovery } = discover(agent);
    const { addresses } = await discovery.resolve('twins');
    seen(
      agent,
      'one address on three nodes',
      `${answers.length} SRV, ${addresses.length} address, weight ${addresses[0]?.weight}`,
    );
    expect(addresses).toMatchObject([{ host: '10.1.0.1', port: 80, weight: 30 }]);
    const twins = discovery.service('twins');
    await twins.ready();
    expect(twins.endpoints.map(({ address }) => address)).toEqual(['10.1.0.1:80']);
  });

  it('metadata of nodes in the additional section proves the list in one ask', async () => {
    await agent.registerMany([1, 2, 3].map((i) => ({ name: 'meta', address: `10.2.0.${i}`, port: 80 })));
    const { textCount, additionalCount } = await replyOf(agent, 'meta.service.consul', 'SRV');
    expect(textCount).toBeGreaterThan(0);
    const { addresses, complete, origin } = await discover(agent).discovery.resolve('meta');
    seen(agent, 'TXT in additional', `${textCount} of ${additionalCount} records; asks: ${origin?.asks}`);
    expect([addresses.length, complete, origin?.asks]).toEqual([3, true, 1]);
  });

  it('TXT in the place of the address of a node costs no instance', async () => {
    const nodeMeta = { 'consul-network-segment': '', 'consul-version': '1.22.7' };
    const expected: string[] = [];
    for (const i of [1, 2, 3]) {
      const on = { node: `m${i}`, at: `10.0.5.${i}`, nodeMeta, service: 'mixed' };
      await enter(agent, { ...on, address: `10.5.0.${i}`, port: 80 }, { ...on, port: 81 });
      expected.push(`10.5.0.${i}:80`, `10.0.5.${i}:81`);
    }
    let replaced = 0;
    for (let i = 0; i < 50; i++) {
      const { answers, additionals } = await replyOf(agent, 'mixed.service.consul', 'SRV', { edns: 600 });
      const addressed = new Set(additionals.map((record) => record.name));
      expect(answers).toHaveLength(6);
      if (answers.some((record) => record.type === 'SRV' && !addressed.has(record.target))) replaced++;
    }
    for (const transport of ['auto', 'udp'] as const) {
      const { discovery } = discover(agent, { edns: 600, transport });
      for (let i = 0; i < 20; i++) {
        expect(pairs(await discovery.resolve('mixed', { fresh: true }))).toEqual(expected.toSorted());
      }
    }
    seen(
      agent,
      'TXT in place of an address, EDNS 600',
      `in ${replaced} of 50 replies; all 6 found 40 of 40 times`,
    );
    expect(replaced).toBeGreaterThan(0);
  });

  it('weight 0 is an instance like others, until the strategy looks at weights', async () => {
    const weights = { passing: 5, warning: 0 };
    const check = (Status: string) => ({ TTL: '1h', Status });
    await agent.registerMany([
      { name: 'ill', address: '10.3.0.1', port: 80, weights, check: check('warning') },
      { name: 'ill', address: '10.3.0.2', port: 80, weights, check: check('passing') },
    ]);
    const { discovery } = discover(agent);
    const ill = discovery.service('ill');
    await ill.ready();
    const weighted = ill.endpoints.map(({ host, weight }) => `${host} weight ${weight}`);
    const picked = new Set(Array.from({ length: 100 }, () => ill.pick().host));
    seen(agent, 'warning weight 0', `${weighted}; picked by default: ${[...picked]}`);
    expect(weighted).toEqual(['10.3.0.1 weight 0', '10.3.0.2 weight 5']);
  });

  it('port 0 is left out and counted', async () => {
    await enter(agent, { ...node, service: 'portless', address: '10.4.0.1' });
    await enter(agent, { ...node, service: 'portless', address: '10.4.0.2', port: 80 });
    await enter(agent, { ...node, service: 'noport', address: '10.4.0.3' });
    const { discovery } = discover(agent);
    expect(pairs(await discovery.resolve('portless'))).toEqual(['10.4.0.2:80']);
    expect(discovery.stats().dns.withoutPort).toBe(1);
    const { code, message } = await errorOf(discovery.resolve('noport'));
    seen(agent, 'port 0', `${discovery.stats().dns.withoutPort} counted; alone: ${code} ${message}`);
    expect([code, message]).toEqual(['ERR_SERVICE_NOT_FOUND', expect.stringContaining('none with a port')]);
    // Where the port is known by other means, there is a way.
    const byA = discover(agent, { records: 'A', port: 99 }).discovery;
    expect(pairs(await byA.resolve('noport'))).toEqual(['10.4.0.3:99']);
  });
});
