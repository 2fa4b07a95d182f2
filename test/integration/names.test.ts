import { once } from 'node:events';
import * as net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { DnsClient } from '../../src/dns/client.ts';
import { dnsName, isHostName, parseServiceName } from '../../src/dns/name.ts';
import { parseServerAddress } from '../../src/dns/server-address.ts';
import { createDiscovery, type DiscoveryOptions, type ServiceName } from '../../src/index.ts';
import { type Agent, describeWithConsul, findConsul, startAgent } from './consul-agent.ts';

const found = await findConsul();
const atLeast = (version: string, major: number, minor: number) => {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
};

/** `host:port` of all that is found (of hosts without ports: the host), or the code of the error. */
async function find(agent: Agent, name: string | ServiceName, options: DiscoveryOptions = {}) {
  const discovery = createDiscovery({ servers: [agent.dnsAddress], onWarning: () => {}, ...options });
  const portless = isHostName(parseServiceName(name, options.domain));
  try {
    const { addresses } = await discovery.resolve(name);
    return addresses.map(({ host, port }) => (portless ? host : `${host}:${port}`)).sort();
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await discovery.close();
  }
}

const nothing = 'ERR_SERVICE_NOT_FOUND';

/** What an agent accepts is in its catalogue, and a peer's in ours, a little later. */
async function untilFound(agent: Agent, name: string | ServiceName, count = 1): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(50)) {
    const now = await find(agent, name);
    if (Array.isArray(now) && now.length === count) return;
  }
  throw new Error(`${JSON.stringify(name)} was not found within 30 s`);
}

describeWithConsul('names on real Consul', () => {
  let agent: Agent;
  const understands = (minor: number) => atLeast(agent.version, 1, minor);

  beforeAll(async () => {
    agent = await startAgent({ config: { alt_domain: 'alt.local' } });
    await agent.registerMany([
      { name: 'web', address: '10.1.0.1', port: 81, tags: ['v1', 'udp'] },
      { name: 'web', address: '10.1.0.2', port: 82, tags: ['v2.0'] },
      { name: '_web', address: '10.1.0.3', port: 83, tags: ['_v1'] },
    ]);
    await agent.http('PUT', '/v1/catalog/register', { Node: 'db.rack1', Address: '10.7.0.1' });
    for (const [Name, Service] of [
      ['near.est', 'web'],
      ['_a._b', '_web'],
    ]) {
      await agent.http('POST', '/v1/query', { Name, Service: { Service } });
    }
    const register = (body: object) => agent.http('PUT', '/v1/agent/service/register', body);
    await register({
      Kind: 'connect-proxy',
      Name: 'web-sidecar',
      Address: '10.4.0.1',
      Port: 20_000,
      Proxy: { DestinationServiceName: 'web' },
    });
    await register({ Kind: 'ingress-gateway', Name: 'gateway', Address: '10.4.0.2', Port: 9_999 });
    await agent.http('PUT', '/v1/config', {
      Kind: 'ingress-gateway',
      Name: 'gateway',
      Listeners: [{ Port: 9_998, Protocol: 'tcp', Services: [{ Name: 'web' }] }],
    });
    if (understands(22)) {
      const ports = [
        { Name: 'http', Port: 8_080, Default: true },
        { Name: 'admin', Port: 9_090 },
        { Name: 'Upper', Port: 7_070 },
      ];
      await register({ Name: 'mp', Address: '10.2.0.1', Ports: ports });
    }
    await untilFound(agent, { ingress: 'web' });
    await untilFound(agent, { connect: 'web' });
    if (understands(22)) await untilFound(agent, 'mp');
  });
  afterAll(async () => {
    await agent?.stop();
  });

  const all = ['10.1.0.1:81', '10.1.0.2:82'];
  const [one, two, underscored] = [['10.1.0.1:81'], ['10.1.0.2:82'], ['10.1.0.3:83']];

  /** Spellings; what they find; the minor version of Consul 1 from which on they do. */
  const forms: [(string | ServiceName)[], string[], number][] = [
    [['web', 'WEB.service.consul.', '_web._tcp.service.consul', '_web._tcp.consul'], all, 0],
    [['web.service.dc1.consul', 'web.service.DC1.dc.consul', { service: 'web', datacenter: 'dc1' }], all, 0],
    [['v1.web.service.consul', '_web._v1.dc1.consul', { service: 'web', tag: 'V1' }], one, 0],
    [['v2.0.web.service.dc1.consul', { service: 'web', tag: 'v2.0', datacenter: 'dc1' }], two, 0],
    [['_web._udp.service.consul', 'udp.web.service.consul'], one, 0],
    [['_web.service.consul', '__web.__v1.service.consul', { service: '_web', tag: '_v1' }], underscored, 0],
    [['near.est.query.consul', { query: 'NEAR.est', ordered: true }, '_near.est._tcp.query.consul'], all, 0],
    [['near.est.query.dc1.consul', 'near.est.query.dc1.dc.consul'], all, 0],
    [['__a._b._tcp.query.consul', { query: '_a._b' }], underscored, 15],
    [['web.connect.consul', 'web.connect.dc1.dc.consul', { connect: 'web' }], ['10.4.0.1:20000'], 0],
    [['web.ingress.consul', { ingress: 'web', datacenter: 'dc1' }], ['10.4.0.2:9999'], 0],
    [['db.rack1.node.consul', 'DB.rack1.node.dc1.dc.consul', { node: 'db.rack1' }], ['10.7.0.1'], 0],
    [['0a070001.addr.consul', '0a070001.addr.dc9.consul', { addr: '10.7.0.1' }], ['10.7.0.1'], 0],
    [['20010db8000000000000000000000005.addr.dc1.consul', { addr: '2001:db8::5' }], ['2001:db8::5'], 0],
    [['web.virtual.consul', { virtual: 'web' }], ['240.0.0.1'], 11],
    [['mp.service.admin.port.consul', { service: 'mp', port: 'admin' }], ['10.2.0.1:9090'], 22],
    [['_mp._tcp.service.admin.port.consul', '_mp._tcp.admin.port.consul'], ['10.2.0.1:9090'], 22],
    [['mp.service.dc1.dc.http.port.consul', 'mp.service.http.port.dc1.dc.consul'], ['10.2.0.1:8080'], 22],
  ];
  for (const [spellings, addresses, minor] of forms) {
    const from = minor === 0 ? '' : ` from 1.${minor} on, and nothing before`;
    it(`${JSON.stringify(spellings[0])} finds ${addresses.join(' and ')}${from}`, async () => {
      for (const spelling of spellings) {
        const expected = understands(minor) ? addresses : nothing;
        expect([spelling, await find(agent, spelling)]).toEqual([spelling, expected]);
      }
    });
  }

  it('what does not exist is not found in any form', async () => {
    const names: (string | ServiceName)[] = [
      'web.service.dc9.consul',
      'nope.web.service.consul',
      '_web._http.service.consul',
      { query: 'nope' },
      { connect: 'nope' },
      { ingress: 'nope' },
      { node: 'nope' },
      { virtual: 'nope' },
      { service: 'web', peer: 'nope' },
      { service: 'web', port: 'admin' },
      { service: 'mp', port: 'upper' },
      // Enterprise only.
      { service: 'web', namespace: 'default' },
      { service: 'web', partition: 'default' },
    ];
    for (const name of names) expect([name, await find(agent, name)]).toEqual([name, nothing]);
  });

  it('a node with a port is a service like any other', async () => {
    const discovery = createDiscovery({ servers: [agent.dnsAddress] });
    const database = discovery.service({ node: 'db.rack1' }, { port: 5_432 });
    await database.ready();
    expect(database.pick().address).toBe('10.7.0.1:5432');
    expect(discovery.service('db.rack1.node.consul', { port: 5_432 })).toBe(database);
    await discovery.close();
  });

  it('are asked for in the alternative domain as well', async () => {
    const options = { domain: 'alt.local' };
    expect(await find(agent, 'v1.web.service.alt.local', options)).toEqual(one);
    expect(await find(agent, { service: 'web', datacenter: 'dc1' }, options)).toEqual(all);
    expect(await find(agent, { node: 'db.rack1' }, options)).toEqual(['10.7.0.1']);
    expect(await find(agent, 'near.est.query.alt.local', options)).toEqual(all);
  });

  it('use every character that we let through, up to the longest', async () => {
    const odd = { name: 'a_b/c=d-E9', address: '10.3.1.1', port: 80, tags: ['t_/=-9'] };
    const longest = { name: 'x'.repeat(63), address: '10.3.1.2', port: 80, tags: ['y'.repeat(63)] };
    await agent.registerMany([odd, longest]);
    expect(await find(agent, { service: odd.name, tag: 't_/=-9' })).toEqual(['10.3.1.1:80']);
    expect(await find(agent, { service: longest.name, tag: longest.tags[0]! })).toEqual(['10.3.1.2:80']);
  });

  describe('what we refuse, because Consul', () => {
    const ask = async (question: string, type: 'SRV' | 'A') => {
      const client = new DnsClient({
        servers: [parseServerAddress(agent.dnsAddress, 'agent')],
        timeout: 2_000,
        retries: 1,
        edns: undefined,
        clock: systemClock,
      });
      const { reply } = await client.query(question, type);
      client.close();
      return reply.answers.map((record) => ('host' in record ? record.host : `${record.target}`));
    };
    const refused = (name: string) => {
      expect(() => parseServiceName(name)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_NAME' }));
    };

    it('would ignore a tag of .connect and .virtual', async () => {
      refused('nope.web.connect.consul');
      refused('nope.web.virtual.consul');
      expect(await ask('nope.web.connect.consul', 'SRV')).toEqual(await ask('web.connect.consul', 'SRV'));
      expect(await ask('nope.web.virtual.consul', 'A')).toEqual(await ask('web.virtual.consul', 'A'));
    });

    it('would answer with its own for a peer of .connect or .ingress and a datacenter of .virtual', async () => {
      for (const [name, plain, type] of [
        ['web.connect.nope.peer.consul', 'web.connect.consul', 'SRV'],
        ['web.ingress.nope.peer.consul', 'web.ingress.consul', 'SRV'],
        ['web.virtual.dc9.dc.consul', 'web.virtual.consul', 'A'],
      ] as const) {
        refused(name);
        if (understands(15)) expect([name, await ask(name, type)]).toEqual([name, await ask(plain, type)]);
      }
    });

    it('would read an underscore in a place as the beginning of an RFC 2782 name', async () => {
      // "_web" is a service with the tag "_v1", and no datacenter.
      refused('x._v1._web.consul');
      refused('_v1.service._web.consul');
      await agent.register({ name: '_dc', address: '10.3.2.1', port: 80, tags: ['web.service'] });
      refused('web.service._dc.consul');
      expect(await ask('web.service._dc.consul', 'SRV')).toEqual(['0a030201.addr.dc1.consul']);
    });

    it('would take another prepared query for one that looks like RFC 2782', async () => {
      await agent.http('POST', '/v1/query', { Name: 'a', Service: { Service: 'web' } });
      expect(await ask('_a._b.query.consul', 'SRV')).toHaveLength(understands(15) ? 2 : 1);
      expect(dnsName({ query: '_a._b' })).toBe('__a._b._tcp.query.consul');
    });

    it('would ignore a port name in A questions, even one that does not exist', async () => {
      if (!understands(22)) return;
      expect(await ask('mp.service.nope.port.consul', 'A')).toEqual(['10.2.0.1']);
      const discovery = createDiscovery({ servers: [agent.dnsAddress], records: 'A', port: 80 });
      expect(() => discovery.service({ service: 'mp', port: 'nope' })).toThrow(/ignores port names/);
      await discovery.close();
    });
  });
});

/** Peering goes over gRPC, whose port a container does not publish. */
const peering = found.kind === 'binary' && atLeast(found.version, 1, 15);

describe.skipIf(!peering)('names of a peered cluster', () => {
  let agent: Agent;
  let other: Agent;

  beforeAll(async () => {
    agent = await startAgent({ serverFlags: ['-grpc-tls-port', String(await freePort())] });
    other = await startAgent({
      node: 'far',
      config: { datacenter: 'dc2' },
      serverFlags: ['-grpc-tls-port', String(await freePort())],
    });
    await other.registerMany([
      { name: 'api', address: '10.9.0.1', port: 99, tags: ['v1'] },
      { name: 'api', address: '10.9.0.2', port: 98 },
      { name: 'plain', port: 97 },
    ]);
    // The virtual address of an imported service needs a sidecar there, and a gateway to reach it.
    const register = (body: object) => other.http('PUT', '/v1/agent/service/register', body);
    const sidecar = { Kind: 'connect-proxy', Name: 'api-sidecar', Address: '10.9.1.1', Port: 20_000 };
    await register({ ...sidecar, Proxy: { DestinationServiceName: 'api' } });
    await register({ Kind: 'mesh-gateway', Name: 'mesh-gateway', Address: '10.9.1.2', Port: 8_443 });
    const { PeeringToken } = await agent.http<{ PeeringToken: string }>('POST', '/v1/peering/token', {
      PeerName: 'east',
    });
    await other.http('POST', '/v1/peering/establish', { PeerName: 'west', PeeringToken });
    await other.http('PUT', '/v1/config', {
      Kind: 'exported-services',
      Name: 'default',
      Services: ['api', 'plain'].map((Name) => ({ Name, Consumers: [{ Peer: 'west' }] })),
    });
    await untilFound(agent, { service: 'api', peer: 'east' }, 2);
    await untilFound(agent, { service: 'plain', peer: 'east' });
    await untilFound(agent, { virtual: 'api', peer: 'east' });
  });
  afterAll(async () => {
    await agent?.stop();
    await other?.stop();
  });

  it('find its instances, and its nodes', async () => {
    expect(await find(agent, '_api._tcp.east.peer.consul')).toEqual(['10.9.0.1:99', '10.9.0.2:98']);
    expect(await find(agent, { service: 'api', tag: 'v1', peer: 'east' })).toEqual(['10.9.0.1:99']);
    expect(await find(agent, { service: 'plain', peer: 'east' })).toEqual(['127.0.0.1:97']);
    expect(await find(agent, { node: 'far', peer: 'east' })).toEqual(['127.0.0.1']);
  });

  it('find the virtual address of its service, by the peer alone or with the word', async () => {
    const [address, ...more] = await find(agent, { virtual: 'api', peer: 'east' });
    expect(address).toMatch(/^240\./);
    expect(more).toEqual([]);
    expect(await find(agent, 'api.virtual.east.consul')).toEqual([address]);
    expect(await find(agent, { virtual: 'api' })).toBe(nothing);
  });

  it('find nothing of it without the peer, or under a datacenter', async () => {
    expect(await find(agent, 'api')).toBe(nothing);
    expect(await find(agent, { service: 'api', datacenter: 'east' })).toBe(nothing);
  });
});

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  return port;
}
