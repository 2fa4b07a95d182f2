import { afterAll, beforeAll, expect, it } from 'vitest';
import { discover, enter, pairs, replyOf, seen } from './asking.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

const node = { node: 'N1', at: '10.0.0.1' };
const domain = 'alt.local';

describeWithConsul('the alternative domain of real Consul', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent({ config: { alt_domain: domain } });
    await enter(
      agent,
      { ...node, service: 'hex', address: '10.1.0.1', port: 80 },
      { ...node, service: 'node', port: 80 },
      { ...node, service: 'other', address: 'hex.service.consul', port: 80 },
      { ...node, service: 'host', address: 'localhost', port: 80 },
    );
    await agent.http('POST', '/v1/query', { Name: 'q', Service: { Service: 'hex' } });
  });
  afterAll(() => agent?.stop());

  const rows = [
    ['hex', { host: '10.1.0.1', datacenter: 'dc1' }],
    ['node', { host: '10.0.0.1', node: 'n1', datacenter: 'dc1' }],
    ['other', { host: '10.1.0.1' }],
    ['host', { host: '127.0.0.1', serverName: 'localhost' }],
  ] as const;
  for (const [name, expected] of rows) {
    // In a discovery of its own, which knows nothing of the primary domain yet.
    it(`${name}: found alone, named as in the primary domain`, async () => {
      const { answers } = await replyOf(agent, `${name}.service.${domain}`, 'SRV');
      const { discovery } = discover(agent, { domain, family: 4 });
      const { addresses, complete } = await discovery.resolve(name);
      seen(agent, `${name}.service.${domain}`, addresses);
      const target = answers.map((record) => 'target' in record && record.target)[0];
      expect([addresses, complete]).toEqual([
        [{ port: 80, priority: 1, weight: 1, target, ...expected }],
        true,
      ]);
    });
  }

  it('is that of all names', async () => {
    const { discovery } = discover(agent, { domain });
    const names = [
      'hex',
      `hex.service.${domain}`,
      `_hex._tcp.service.dc1.${domain}`,
      `q.query.${domain}`,
      { query: 'q' },
    ];
    for (const name of names)
      expect([name, pairs(await discovery.resolve(name))]).toEqual([name, ['10.1.0.1:80']]);
    expect(pairs(await discovery.resolve({ node: 'n1' }))).toEqual(['10.0.0.1:0']);
    expect(pairs(await discovery.resolve({ addr: '10.9.9.9' }))).toEqual(['10.9.9.9:0']);
    expect(() => discovery.service('hex.service.consul')).toThrow(/alt\.local/);
    expect(discovery.service('hex').name).toBe(`hex.service.${domain}`);
  });
});
