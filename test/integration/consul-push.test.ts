import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Consul, type ConsulHttpOptions, consulHttp, createConsul } from '../../src/consul/index.ts';
import {
  consulDns,
  createDiscovery,
  type Discovery,
  type DiscoveryOptions,
  type DiscoveryWarning,
  failover,
  type Service,
} from '../../src/index.ts';
import { resolverContract } from '../../src/testing/resolver-contract.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';
import { freePorts } from './free-ports.ts';

const addresses = ({ endpoints }: Service) => endpoints.map(({ address }) => address);

/** A service by push, and what is needed to look at it. */
async function pushed(
  agent: Agent,
  body: (world: { consul: Consul; discovery: Discovery; warnings: DiscoveryWarning[] }) => Promise<void>,
  options: DiscoveryOptions = {},
  source: ConsulHttpOptions = {},
): Promise<void> {
  const consul = createConsul({ address: agent.httpAddress });
  const warnings: DiscoveryWarning[] = [];
  const discovery = createDiscovery({
    source: consulHttp(consul, source),
    onWarning: (warning) => void warnings.push(warning),
    ...options,
  });
  try {
    await body({ consul, discovery, warnings });
  } finally {
    await discovery.close();
    await consul.close();
  }
}

/** Resolves with the milliseconds until the service's list is another one. */
function changeOf(service: Service): Promise<number> {
  const began = performance.now();
  return new Promise((resolve) => {
    const stop = service.subscribe(() => {
      stop();
      resolve(performance.now() - began);
    });
  });
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;

describeWithConsul('push discovery on real Consul', () => {
  let agent: Agent;

  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(async () => {
    await agent?.stop();
  });

  resolverContract(
    'consulHttp, on real Consul,',
    async () => {
      const consul = createConsul({ address: agent.httpAddress });
      const registered = new Set<string>();
      return {
        resolver: consulHttp(consul),
        async register({ weight = 1, ...instance }) {
          const id = await agent.register({ ...instance, weights: { passing: weight, warning: weight } });
          registered.add(id);
          return async () => {
            registered.delete(id);
            await agent.deregister(id);
          };
        },
        async close() {
          await consul.close();
          await agent.deregisterMany([...registered]);
        },
      };
    },
    { describe, it, expect },
  );

  it('a change in Consul is in pick() within 20 ms', async () => {
    await agent.register({ name: 'quick', id: 'quick-1', address: '10.0.0.1', port: 80 });
    await pushed(agent, async ({ discovery }) => {
      const quick = discovery.service('quick');
      await quick.ready();
      const times: number[] = [];
      for (let round = 0; round < 40; round++) {
        const change = changeOf(quick);
        const path = round % 2 === 0 ? '/v1/agent/service/register' : '/v1/agent/service/deregister/quick-2';
        await agent.http('PUT', path, { Name: 'quick', ID: 'quick-2', Address: '10.0.0.2', Port: 80 });
        times.push(await change);
        expect(quick.endpoints.length).toBe(round % 2 === 0 ? 2 : 1);
      }
      const worst = Math.max(...times);
      console.info(
        `Consul ${agent.version}: from the request to register until pick() sees it: median ${median(times).toFixed(1)} ms, worst of 40 ${worst.toFixed(1)} ms`,
      );
      // Ten times what a quiet machine needs.
      expect(median(times)).toBeLessThan(100);
    });
  });

  it('carries what an instance is: weights by health, tags, meta, node; two families', async () => {
    const check = { TTL: '1h', Status: 'passing' };
    await agent.register({
      name: 'rich',
      id: 'rich-1',
      address: '2001:db8::9',
      port: 81,
      tags: ['v1', 'blue'],
      meta: { version: '2' },
      weights: { passing: 10, warning: 3 },
      check,
    });
    await agent.register({ name: 'rich', id: 'rich-2', port: 82, meta: { version: '3' } });
    await pushed(agent, async ({ discovery }) => {
      const rich = discovery.service('rich');
      await rich.ready();
      expect(rich.endpoints).toHaveLength(2);
      const one = rich.endpoints.find(({ port }) => port === 81)!;
      expect(one).toMatchObject({
        host: '2001:db8::9',
        weight: 10,
        tags: ['v1', 'blue'],
        meta: { version: '2' },
      });
      expect(one).toMatchObject({ node: 'agent', datacenter: 'dc1' });
      expect(rich.endpoints.find(({ port }) => port === 82)).toMatchObject({ host: '127.0.0.1' });
      for (const [state, weights] of [
        ['warn', [1, 3]],
        ['pass', [1, 10]],
        ['fail', [1]],
      ] as const) {
        await agent.http('PUT', `/v1/agent/check/${state}/service:rich-1`);
        await expect
          .poll(() => rich.endpoints.map(({ weight }) => weight).sort((a, b) => a - b))
          .toEqual(weights);
      }
      await agent.http('PUT', '/v1/agent/service/maintenance/rich-2?enable=true');
      await agent.http('PUT', '/v1/agent/check/pass/service:rich-1');
      await expect.poll(() => addresses(rich)).toEqual(['[2001:db8::9]:81']);
    });
  });

  it('asks for several tags and by a filter, which DNS cannot', async () => {
    await agent.registerMany([
      { name: 'tagged', address: '10.1.0.1', port: 80, tags: ['a', 'b'], meta: { v: '1' } },
      { name: 'tagged', address: '10.1.0.2', port: 80, tags: ['a', 'b'], meta: { v: '2' } },
      { name: 'tagged', address: '10.1.0.3', port: 80, tags: ['a'], meta: { v: '2' } },
    ]);
    const find = async (options: ConsulHttpOptions, tag?: string) => {
      const consul = createConsul({ address: agent.httpAddress });
      const name = { service: 'tagged', ...(tag !== undefined && { tag }) };
      const found = await consulHttp(consul, options).resolve(name);
      await consul.close();
      return found.addresses.map(({ host }) => host).sort();
    };
    expect(await find({ tags: ['a', 'b'] })).toEqual(['10.1.0.1', '10.1.0.2']);
    expect(await find({ tags: ['B'] }, 'A')).toEqual(['10.1.0.1', '10.1.0.2']);
    expect(await find({ filter: 'Service.Meta.v == "2"' })).toEqual(['10.1.0.2', '10.1.0.3']);
    expect(await find({ filter: 'Service.Meta.v == "2"' }, 'b')).toEqual(['10.1.0.2']);
    await expect(find({ filter: 'no such thing' })).rejects.toMatchObject({ code: 'ERR_CONSUL' });
    await pushed(
      agent,
      async ({ discovery }) => {
        const tagged = discovery.service('tagged');
        await tagged.ready();
        expect(addresses(tagged)).toEqual(['10.1.0.2:80']);
        const change = changeOf(tagged);
        await agent.registerMany([
          { name: 'tagged', address: '10.1.0.4', port: 80, tags: ['a', 'b'], meta: { v: '1' } },
          { name: 'tagged', address: '10.1.0.5', port: 80, tags: ['a'], meta: { v: '2' } },
          { name: 'tagged', address: '10.1.0.6', port: 80, tags: ['b', 'a'], meta: { v: '2' } },
        ]);
        await change;
        expect(addresses(tagged)).toEqual(['10.1.0.2:80', '10.1.0.6:80']);
      },
      {},
      { tags: ['a', 'b'], filter: 'Service.Meta.v == "2"' },
    );
  });

  it('a prepared query is run, and one that does not exist is not found', async () => {
    await agent.register({ name: 'queried', address: '10.1.1.1', port: 80 });
    const { ID } = await agent.http<{ ID: string }>('POST', '/v1/query', {
      Name: 'by.name',
      Service: { Service: 'queried' },
      DNS: { TTL: '7s' },
    });
    const consul = createConsul({ address: agent.httpAddress });
    const found = await consulHttp(consul).resolve({ query: 'by.name' });
    expect(found).toMatchObject({ ttl: 7_000, addresses: [{ host: '10.1.1.1', port: 80 }] });
    expect(found).not.toHaveProperty('token');
    await agent.http('DELETE', `/v1/query/${ID}`);
    await expect(consulHttp(consul).resolve({ query: 'by.name' })).rejects.toMatchObject({
      code: 'ERR_SERVICE_NOT_FOUND',
    });
    await consul.close();
  });

  it('sees the first instance of a service that had none, and holds the last one for hold.empty', async () => {
    await pushed(
      agent,
      async ({ discovery }) => {
        const zero = discovery.service('from-zero');
        await expect(zero.ready()).rejects.toMatchObject({ code: 'ERR_SERVICE_NOT_FOUND' });
        // Others come and go meanwhile, which is no news here.
        await agent.register({ name: 'bystander', id: 'bystander', port: 1 });
        await agent.deregister('bystander');
        const change = changeOf(zero);
        await agent.http('PUT', '/v1/agent/service/register', { Name: 'from-zero', ID: 'z', Port: 80 });
        expect(await change).toBeLessThan(500);
        await agent.deregister('z');
        await sleep(300);
        expect(zero.endpoints).toHaveLength(1);
        await expect.poll(() => zero.endpoints.length, { timeout: 5_000 }).toBe(0);
        const again = changeOf(zero);
        await agent.http('PUT', '/v1/agent/service/register', { Name: 'from-zero', ID: 'z', Port: 80 });
        expect(await again).toBeLessThan(500);
        await agent.deregister('z');
      },
      { hold: { empty: 1_500 } },
    );
  });

  it('100 registrations at once are a few lists, the last of them whole', async () => {
    await agent.register({ name: 'burst', id: 'burst-0', address: '10.2.0.1', port: 1 });
    await pushed(agent, async ({ discovery, consul }) => {
      const burst = discovery.service('burst');
      await burst.ready();
      let lists = 0;
      burst.subscribe(() => lists++);
      const all = Array.from({ length: 100 }, (_, i) => i + 1);
      await Promise.all(
        all.map((i) =>
          agent.http('PUT', '/v1/agent/service/register', {
            Name: 'burst',
            ID: `burst-${i}`,
            Address: '10.2.0.1',
            Port: i + 1,
          }),
        ),
      );
      await expect.poll(() => burst.endpoints.length, { timeout: 20_000, interval: 10 }).toBe(101);
      console.info(`Consul ${agent.version}: 100 registrations at once were ${lists} lists`);
      expect(lists).toBeLessThanOrEqual(100);
      expect((await consul.instances('burst')).instances).toHaveLength(101);
      await agent.deregisterMany(all.map((i) => `burst-${i}`));
      await expect.poll(() => burst.endpoints.length, { timeout: 20_000, interval: 10 }).toBe(1);
    });
  });

  it('150 services: all have their lists, and neither other requests nor their own changes wait for the watches', async () => {
    const names = Array.from({ length: 150 }, (_, i) => `many-${i}`);
    await agent.registerMany(names.map((name, i) => ({ name, address: '10.3.0.1', port: 1_000 + i })));
    const said = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    try {
      await pushed(
        agent,
        async ({ discovery, consul }) => {
          const services = names.map((name) => discovery.service(name));
          await Promise.all(services.map((service) => service.ready()));
          await sleep(500);
          expect(said.mock.calls.map(([, about]) => (about as { code: string }).code)).toEqual([
            'CONSUL_CONNECTIONS',
          ]);
          const began = performance.now();
          for (let i = 0; i < 20; i++) await consul.kv.get(`nothing-${i}`);
          const others = (performance.now() - began) / 20;
          expect(others).toBeLessThan(200);
          const changed = performance.now();
          await agent.registerMany(names.map((name, i) => ({ name, address: '10.3.0.2', port: 1_000 + i })));
          const seen = () => services.filter(({ endpoints }) => endpoints.length === 2).length;
          await expect.poll(seen, { timeout: 5_000 }).toBeGreaterThanOrEqual(100);
          const quick = performance.now() - changed;
          await expect.poll(seen, { timeout: 30_000 }).toBe(150);
          console.info(
            `Consul ${agent.version}: 150 services: another request ${others.toFixed(1)} ms; of a change at all of them 100 know after ${Math.round(quick)} ms, all after ${Math.round(performance.now() - changed)} ms (ttl.max 10 s)`,
          );
        },
        { ttl: { max: 10_000 } },
      );
    } finally {
      said.mockRestore();
    }
  });

  it('stops with the service that is not used, and goes on with the next use', async () => {
    await agent.register({ name: 'idle', id: 'idle-1', address: '10.4.0.1', port: 80 });
    await pushed(
      agent,
      async ({ discovery }) => {
        const idle = discovery.service('idle');
        await idle.ready();
        await expect.poll(() => idle.stats().idle, { timeout: 20_000, interval: 200 }).toBe(true);
        await agent.register({ name: 'idle', id: 'idle-2', address: '10.4.0.2', port: 80 });
        await sleep(300);
        expect(idle.stats().endpoints).toBe(1);
        idle.pick();
        await expect.poll(() => idle.stats().endpoints, { timeout: 2_000 }).toBe(2);
      },
      { idle: 1_500, ttl: { min: 500, max: 1_000 } },
    );
  });

  it('stands in for DNS and lets DNS stand in', async () => {
    await agent.register({ name: 'both', id: 'both-1', address: '10.5.0.1', port: 80 });
    const consul = createConsul({ address: agent.httpAddress });
    const deaf = consulDns({ servers: ['127.0.0.1:1'], timeout: 200, retries: 0 });
    const dumb = createConsul({ address: '127.0.0.1:1' });
    const dns = () => consulDns({ servers: [agent.dnsAddress] });
    const cases = [
      ['DNS first', failover(dns(), consulHttp(consul)), agent.dnsAddress],
      ['DNS first, and dead', failover(deaf, consulHttp(consul)), agent.httpAddress],
      ['HTTP first', failover(consulHttp(consul), dns()), agent.httpAddress],
      ['HTTP first, and dead', failover(consulHttp(dumb), dns()), agent.dnsAddress],
    ] as const;
    for (const [title, source, server] of cases) {
      const discovery = createDiscovery({ source, onWarning: () => {} });
      const both = discovery.service('both');
      await both.ready();
      expect([title, addresses(both), both.snapshot.source?.server]).toEqual([
        title,
        ['10.5.0.1:80'],
        server,
      ]);
      if (title === 'HTTP first') {
        const change = changeOf(both);
        await agent.http('PUT', '/v1/agent/service/register', {
          Name: 'both',
          ID: 'x',
          Address: '10.5.0.2',
          Port: 80,
        });
        expect(await change).toBeLessThan(1_000);
        await agent.deregister('x');
      }
      await discovery.close();
    }
    await Promise.all([consul.close(), dumb.close()]);
  });
});

describeWithConsul('push discovery and an agent that goes', () => {
  it('keeps the list over a restart, and is pushed to again after it', async () => {
    const agent = await startAgent({ dev: false });
    try {
      await agent.register({ name: 'web', id: 'web-1', address: '10.0.0.1', port: 80 });
      await pushed(agent, async ({ discovery, warnings }) => {
        const web = discovery.service('web');
        await web.ready();
        const lists: number[] = [];
        web.subscribe(({ endpoints }) => lists.push(endpoints.length));
        await agent.kill();
        await expect
          .poll(() => warnings.map(({ code }) => code), { timeout: 5_000 })
          .toEqual(['CONSUL_UNAVAILABLE']);
        expect(addresses(web)).toEqual(['10.0.0.1:80']);
        await agent.restart();
        const back = performance.now();
        await expect.poll(() => web.snapshot.stale, { timeout: 30_000, interval: 20 }).toBe(false);
        expect(lists).toEqual([]);
        const known = performance.now() - back;
        const change = changeOf(web);
        await agent.http('PUT', '/v1/agent/service/register', {
          Name: 'web',
          ID: 'web-2',
          Address: '10.0.0.2',
          Port: 80,
        });
        expect(await change).toBeLessThan(1_000);
        console.info(`Consul ${agent.version}: watched again ${Math.round(known)} ms after a restart`);
      });
    } finally {
      await agent.stop();
    }
  });

  it('sees what a snapshot brings back, at the next refresh at the latest: its index is one of before', async () => {
    const agent = await startAgent();
    try {
      const put = (id: number) => ({
        Node: `n${id}`,
        Address: `10.0.0.${id}`,
        Service: { Service: 'web', ID: `web-${id}`, Port: 80 },
      });
      await agent.http('PUT', '/v1/catalog/register', put(1));
      const response = await fetch(`${agent.httpAddress}/v1/snapshot`);
      const snapshot = await response.arrayBuffer();
      for (let i = 2; i < 30; i++) await agent.http('PUT', '/v1/catalog/register', put(i));
      // Newer Consuls do not tell those who wait that a snapshot was restored.
      await pushed(
        agent,
        async ({ discovery }) => {
          const web = discovery.service('web');
          await web.ready();
          expect(web.endpoints).toHaveLength(29);
          const restored = performance.now();
          await fetch(`${agent.httpAddress}/v1/snapshot`, { method: 'PUT', body: snapshot });
          await expect.poll(() => addresses(web), { timeout: 20_000, interval: 10 }).toEqual(['10.0.0.1:80']);
          const seen = performance.now() - restored;
          const change = changeOf(web);
          await agent.http('PUT', '/v1/catalog/register', put(40));
          expect(await change).toBeLessThan(2_000);
          console.info(`Consul ${agent.version}: a restored snapshot was seen after ${Math.round(seen)} ms`);
        },
        { ttl: { max: 5_000 } },
      );
    } finally {
      await agent.stop();
    }
  });

  it('is answered by a server without a leader, as DNS is', async () => {
    const [serfLan = 0] = await freePorts(1);
    const join = ['-retry-join', `127.0.0.1:${serfLan}`, '-retry-interval', '1s'];
    const servers = await Promise.all(
      ['s1', 's2', 's3'].map((node) =>
        startAgent({
          dev: false,
          node,
          serverFlags: ['-bootstrap-expect', '3', ...join],
          ...(node === 's1' && { ports: { serfLan } }),
        }),
      ),
    );
    const [last, ...others] = servers as [Agent, ...Agent[]];
    try {
      await last.register({ name: 'web', id: 'web-1', address: '10.0.0.1', port: 80 });
      await pushed(last, async ({ discovery, consul, warnings }) => {
        const web = discovery.service('web');
        // A server that follows learns of it a moment after the leader.
        await web.ready({ timeout: 10_000 });
        await Promise.all(others.map((server) => server.kill()));
        const leader = async () => (await consul.request('GET', '/v1/status/leader')).body;
        await expect.poll(leader, { timeout: 30_000, interval: 200 }).toBe('');
        for (let i = 0; i < 5; i++) {
          await web.refresh();
          expect([addresses(web), web.snapshot.stale]).toEqual([['10.0.0.1:80'], false]);
          await sleep(300);
        }
        expect(warnings).toEqual([]);
        const strict = createConsul({ address: last.httpAddress, consistency: 'default' });
        await expect(consulHttp(strict).resolve({ service: 'web' })).rejects.toMatchObject({
          code: expect.stringMatching(/ERR_CONSUL|ERR_TIMEOUT/),
        });
        await strict.close();
      });
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  });
});

describeWithConsul('push discovery over two datacenters', () => {
  let dc1: Agent;
  let dc2: Agent;

  beforeAll(async () => {
    dc1 = await startAgent({ node: 'a1', serverFlags: ['-datacenter', 'dc1'] });
    dc2 = await startAgent({
      dev: false,
      node: 'b1',
      serverFlags: ['-datacenter', 'dc2', '-retry-join-wan', `127.0.0.1:${dc1.ports.serfWan}`],
    });
    await dc1.register({ name: 'web', id: 'web-1', address: '10.1.0.1', port: 80 });
    const consul = createConsul({ address: dc1.httpAddress });
    await vi.waitFor(() => consul.services({ datacenter: 'dc2' }), { timeout: 30_000, interval: 200 });
    await consul.close();
  });
  afterAll(async () => {
    await Promise.all([dc1?.stop(), dc2?.stop()]);
  });

  it('sees what changes in either, first instances too; while one is down the other goes on', async () => {
    await pushed(
      dc1,
      async ({ discovery, consul, warnings }) => {
        const web = discovery.service('web');
        await web.ready();
        expect(addresses(web)).toEqual(['10.1.0.1:80']);
        const times: number[] = [];
        const put = async (agent: Agent, id: string, address: string) => {
          const change = changeOf(web);
          await agent.http('PUT', '/v1/agent/service/register', {
            Name: 'web',
            ID: id,
            Address: address,
            Port: 80,
          });
          times.push(await change);
        };
        await put(dc2, 'web-2', '10.2.0.2');
        await put(dc1, 'web-3', '10.1.0.3');
        expect(web.endpoints.map(({ host, datacenter }) => [host, datacenter])).toEqual([
          ['10.1.0.1', 'dc1'],
          ['10.1.0.3', 'dc1'],
          ['10.2.0.2', 'dc2'],
        ]);
        await dc2.kill();
        await expect
          .poll(() => warnings.map(({ code }) => code), { timeout: 30_000 })
          .toEqual(['DATACENTER_UNAVAILABLE']);
        for (let i = 4; i < 7; i++) await put(dc1, `web-${i}`, `10.1.0.${i}`);
        expect(addresses(web)).toContain('10.2.0.2:80');
        expect(Math.max(...times)).toBeLessThan(2_000);
        await dc2.restart();
        const back = performance.now();
        await dc2.register({ name: 'web', id: 'web-9', address: '10.2.0.9', port: 80 });
        const reached = () => consul.instances('web', { datacenter: 'dc2' });
        await vi.waitFor(reached, { timeout: 60_000, interval: 50 });
        const reachable = performance.now() - back;
        await expect.poll(() => addresses(web), { timeout: 60_000, interval: 20 }).toContain('10.2.0.9:80');
        console.info(
          `Consul ${dc1.version}: changes in two datacenters after ${times.map(Math.round).join(', ')} ms; a datacenter is back in the list ${Math.round(performance.now() - back)} ms after its return, which Consul itself noticed after ${Math.round(reachable)} ms`,
        );
      },
      { datacenters: ['dc1', 'dc2'] },
    );
  });
});
