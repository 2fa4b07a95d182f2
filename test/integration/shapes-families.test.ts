import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DiscoveryOptions } from '../../src/index.ts';
import { discover, enter, errorOf, pairs, seen } from './asking.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

const byA = { records: 'A', port: 99 } as const;

/** What is found with `family` any, 4 and 6; `undefined`: nothing. */
const rows: { name: string; srv: (string[] | undefined)[]; a: (string[] | undefined)[] }[] = [
  // Consul's SRV show the IPv6 address of an instance that has both, and never the IPv4.
  {
    name: 'dual',
    srv: [['2001:db8::77:80'], undefined, ['2001:db8::77:80']],
    a: [['10.1.1.1:99', '2001:db8::77:99'], ['10.1.1.1:99'], ['2001:db8::77:99']],
  },
  {
    name: 'dualnode',
    srv: [['2001:db8::78:80'], undefined, ['2001:db8::78:80']],
    a: [['10.0.1.2:99', '2001:db8::78:99'], ['10.0.1.2:99'], ['2001:db8::78:99']],
  },
  {
    name: 'six',
    srv: [['2001:db8::9:80'], undefined, ['2001:db8::9:80']],
    a: [['2001:db8::9:99'], undefined, ['2001:db8::9:99']],
  },
  {
    name: 'each',
    srv: [['10.1.1.3:80', '2001:db8::a:80'], ['10.1.1.3:80'], ['2001:db8::a:80']],
    a: [['10.1.1.3:99', '2001:db8::a:99'], ['10.1.1.3:99'], ['2001:db8::a:99']],
  },
];

describeWithConsul('address families on real Consul', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
    const tags = (v4: string, v6: string) => ({
      lan_ipv4: { Address: v4, Port: 8_844 },
      lan_ipv6: { Address: v6, Port: 8_866 },
    });
    await enter(
      agent,
      {
        node: 'd1',
        at: '10.0.1.1',
        service: 'dual',
        address: '10.1.1.1',
        port: 80,
        tagged: tags('10.1.1.1', '2001:db8::77'),
      },
      {
        node: 'd2',
        at: '10.0.1.2',
        service: 'dualnode',
        port: 80,
        nodeTagged: { lan: '10.0.1.2', lan_ipv4: '10.0.1.2', lan_ipv6: '2001:db8::78' },
      },
      { node: 's1', at: '2001:db8::9', service: 'six', port: 80 },
      { node: 'd1', at: '10.0.1.1', service: 'each', address: '10.1.1.3', port: 80 },
      { node: 'd1', at: '10.0.1.1', service: 'each', address: '2001:db8::a', port: 80 },
    );
  });
  afterAll(() => agent?.stop());

  const find = async (name: string, options: DiscoveryOptions) => {
    const found = discover(agent, options).discovery.resolve(name);
    return await found.then(pairs, ({ code }) => (code === 'ERR_SERVICE_NOT_FOUND' ? undefined : code));
  };

  for (const { name, srv, a } of rows) {
    it(`${name}: any, 4 and 6, by SRV and by A`, async () => {
      const lists = { srv: [] as unknown[], a: [] as unknown[] };
      for (const family of ['any', 4, 6] as const) {
        lists.srv.push(await find(name, { family }));
        lists.a.push(await find(name, { family, ...byA }));
      }
      seen(agent, `family any, 4, 6 of ${name}`, lists);
      expect(lists).toEqual({ srv, a });
    });
  }

  it('nodes are found in the family that is wanted', async () => {
    for (const [family, hosts] of [
      ['any', ['10.0.1.2:0', '2001:db8::78:0']],
      [4, ['10.0.1.2:0']],
      [6, ['2001:db8::78:0']],
    ] as const) {
      expect(await find('d2.node.consul', { family })).toEqual(hosts);
    }
  });

  it('the error says how to get at an IPv4 address that SRV hides', async () => {
    const { message } = await errorOf(discover(agent, { family: 4 }).discovery.resolve('dual'));
    seen(agent, 'family 4 of dual stack by SRV', message);
    expect(message).toContain("records: 'A'");
  });
});
