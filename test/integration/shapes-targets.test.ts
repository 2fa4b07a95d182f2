import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CatalogEntry, discover, enter, errorOf, pairs, replyOf, seen } from './asking.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

const node = { node: 'N1', at: '10.0.0.1' };

/** Registration; the SRV target Consul makes of it; the address that is found. */
const rows: { title: string; entry: CatalogEntry; target: string; found: object }[] = [
  {
    title: 'an IPv4 service address',
    entry: { ...node, service: 'v4', address: '10.1.0.1', port: 81 },
    target: '0a010001.addr.dc1.consul',
    found: { host: '10.1.0.1', port: 81, datacenter: 'dc1' },
  },
  {
    title: "an IPv4 service address that is the node's",
    entry: { ...node, service: 'same', address: '10.0.0.1', port: 82 },
    target: '0a000001.addr.dc1.consul',
    found: { host: '10.0.0.1', port: 82, datacenter: 'dc1' },
  },
  {
    title: 'an IPv6 service address',
    entry: { ...node, service: 'v6', address: '2001:db8::5', port: 83 },
    target: '20010db8000000000000000000000005.addr.dc1.consul',
    found: { host: '2001:db8::5', port: 83, datacenter: 'dc1' },
  },
  {
    title: 'no service address',
    entry: { ...node, service: 'bare', port: 84 },
    target: 'n1.node.dc1.consul',
    found: { host: '10.0.0.1', port: 84, datacenter: 'dc1', node: 'n1' },
  },
  {
    title: 'no service address, on an IPv6 node with dots in its name',
    entry: { node: 'n.6', at: '2001:db8::6', service: 'bare6', port: 85 },
    target: 'n.6.node.dc1.consul',
    found: { host: '2001:db8::6', port: 85, datacenter: 'dc1', node: 'n.6' },
  },
  {
    title: 'the name of another service',
    entry: { ...node, service: 'alias', address: 'v4.service.consul', port: 86 },
    target: 'v4.service.consul',
    found: { host: '10.1.0.1', port: 86 },
  },
  {
    title: 'a host name that Consul does not resolve',
    entry: { ...node, service: 'host', address: 'LocalHost', port: 88 },
    target: 'localhost',
    found: { host: '127.0.0.1', port: 88, serverName: 'localhost' },
  },
  {
    title: 'no service address, on a node under such a host name',
    entry: { node: 'hosted', at: 'localhost', service: 'onhost', port: 89 },
    target: 'localhost',
    found: { host: '127.0.0.1', port: 89, serverName: 'localhost' },
  },
];

describeWithConsul('SRV targets of real Consul, without recursors', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
    await enter(agent, ...rows.map(({ entry }) => entry));
  });
  afterAll(() => agent?.stop());

  for (const { title, entry, target, found } of rows) {
    const name = entry.service!;
    it(`${title}: target ${target}`, async () => {
      const { answers } = await replyOf(agent, `${name}.service.consul`, 'SRV');
      expect(answers).toMatchObject([{ type: 'SRV', target }]);
      const { discovery } = discover(agent, { family: 'serverName' in found ? 4 : 'any' });
      const { addresses, complete } = await discovery.resolve(name);
      seen(agent, title, addresses);
      expect([addresses, complete]).toEqual([[{ priority: 1, weight: 1, target, ...found }], true]);
    });

    it(`${title}: the same address by A, with the port that is given`, async () => {
      const { host, serverName } = found as { host: string; serverName?: string };
      const { discovery } = discover(agent, { records: 'A', port: 99, family: serverName ? 4 : 'any' });
      const { addresses } = await discovery.resolve(name);
      const named = serverName === undefined ? {} : { serverName, target: serverName };
      expect(addresses).toEqual([{ host, port: 99, priority: 1, weight: 1, ...named }]);
    });
  }

  describe('its own name', () => {
    const own = (service: string, i: number) =>
      ({
        node: `own${i}`,
        at: `10.5.0.${i}`,
        service,
        address: `${service}.service.consul`,
        port: 90 + i,
      }) as const;

    it('is the address of the node', async () => {
      await enter(agent, own('self', 1));
      const { discovery } = discover(agent);
      const { addresses } = await discovery.resolve('self');
      seen(agent, 'a service under its own name', addresses);
      expect(addresses).toMatchObject([{ host: '10.5.0.1', port: 91 }]);
      expect(addresses[0]).not.toHaveProperty('serverName');
    });

    // Consul compares the registered name with the question letter by letter: in mixed case it does not see that they are one, and
    // answers with the addresses of all instances for each.
    it.fails('on several nodes with several ports pairs each port with its own node', async () => {
      await enter(agent, own('selves', 1), own('selves', 2), own('selves', 3));
      const { discovery } = discover(agent);
      const found = pairs(await discovery.resolve('selves'));
      seen(agent, 'three instances under their own name', found);
      expect(found).toEqual(['10.5.0.1:91', '10.5.0.2:92', '10.5.0.3:93']);
    });
  });

  it('names of services that lead to others, three deep and deeper than Consul follows', async () => {
    let address = 'v4.service.consul';
    for (const service of ['deep1', 'deep2', 'deep3', 'deep4']) {
      await enter(agent, { ...node, service, address, port: 90 });
      address = `${service}.service.consul`;
    }
    const { additionals } = await replyOf(agent, address, 'SRV');
    expect(additionals.map(({ type }) => type)).toEqual(['CNAME', 'CNAME', 'CNAME']);
    for (const [options, port] of [
      [{}, 90],
      [{ records: 'A', port: 99 }, 99],
    ] as const) {
      const { discovery } = discover(agent, options);
      for (const name of ['deep3', 'deep4']) {
        expect([name, pairs(await discovery.resolve(name))]).toEqual([name, [`10.1.0.1:${port}`]]);
      }
    }
    seen(agent, 'a name four services deep', 'three CNAME and no address in the reply, found by asking on');
  });

  it('the name of a service with three instances is three endpoints, which weigh as much as the one', async () => {
    for (const i of [1, 2, 3])
      await enter(agent, { ...node, service: 'three', address: `10.2.0.${i}`, port: i });
    const weights = { Passing: 30, Warning: 1 };
    await enter(agent, { ...node, service: 'tothree', address: 'three.service.consul', port: 91, weights });
    const { discovery } = discover(agent);
    const { addresses } = await discovery.resolve('tothree');
    seen(
      agent,
      'one SRV with three addresses',
      addresses.map(({ host, weight }) => `${host} weight ${weight}`),
    );
    expect(pairs({ addresses })).toEqual(['10.2.0.1:91', '10.2.0.2:91', '10.2.0.3:91']);
    expect(addresses.map(({ weight }) => weight)).toEqual([10, 10, 10]);
  });

  describe('a host name nobody knows', () => {
    it('costs its own instance only, refresh after refresh', async () => {
      await enter(
        agent,
        { ...node, service: 'mixed', address: 'nobody.invalid', port: 80 },
        { ...node, service: 'mixed', address: 'localhost', port: 80 },
        { ...node, service: 'mixed', address: '10.3.0.1', port: 80 },
      );
      const { discovery, warnings } = discover(agent, { family: 4 });
      const mixed = discovery.service('mixed');
      const changes: string[] = [];
      await mixed.ready();
      mixed.subscribe((_snapshot, { removed, added }) => changes.push(`-${removed.length} +${added.length}`));
      for (let refresh = 0; refresh < 5; refresh++) await mixed.refresh();
      seen(
        agent,
        'one of three under a name nobody knows',
        mixed.endpoints.map(({ address }) => address),
      );
      expect(mixed.endpoints.map(({ address }) => address)).toEqual(['10.3.0.1:80', '127.0.0.1:80']);
      expect([changes, warnings]).toEqual([[], []]);
      expect(discovery.stats().dns.withoutAddress).toBe(6);
    });

    it('alone is an error that names it', async () => {
      await enter(agent, { ...node, service: 'lost', address: 'nobody.invalid', port: 80 });
      const { discovery } = discover(agent);
      const { code, message } = await errorOf(discovery.resolve('lost'));
      seen(agent, 'the only instance under a name nobody knows', `${code} ${message}`);
      // Where this machine has no network, "nobody knows" is "nobody could be asked".
      expect(['ERR_SERVICE_NOT_FOUND', 'ERR_DNS_RESPONSE']).toContain(code);
      expect(message).toContain('nobody.invalid');
    });
  });

  it('capitals in the name of the node and of the service make no difference', async () => {
    await enter(agent, { node: 'Node_Upper', at: '10.4.0.1', service: 'Shop', port: 80 });
    const { discovery } = discover(agent);
    for (const name of ['Shop', 'shop', 'SHOP.Service.Consul', { service: 'sHOp', datacenter: 'DC1' }]) {
      const { addresses } = await discovery.resolve(name);
      expect(addresses).toMatchObject([{ host: '10.4.0.1', port: 80, node: 'node_upper' }]);
    }
    expect(pairs(await discovery.resolve({ node: 'NODE_upper' }))).toEqual(['10.4.0.1:0']);
    expect(discovery.service('SHOP')).toBe(discovery.service('shop'));
    seen(agent, 'capitals', 'node Node_Upper and service Shop found in any spelling');
  });
});
