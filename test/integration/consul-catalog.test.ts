import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Consul, consulHttp, createConsul } from '../../src/consul/index.ts';
import { createDiscovery, fastest } from '../../src/index.ts';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { checkedServer } from './checked-server.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

/** The same of real Consul and of the double. */
function catalogueSuite(
  title: string,
  openConsul: () => Promise<{ consul: Consul; old: boolean; close(): Promise<void> }>,
) {
  describe(title, () => {
    let consul: Consul;
    let old: boolean;
    let close: () => Promise<void>;
    const put = (path: string, body?: unknown) => consul.request('PUT', path, { body });
    const register = (Name: string, ID: string, rest: object = {}) =>
      put('/v1/agent/service/register', { Name, ID, ...rest });

    beforeAll(async () => {
      ({ consul, old, close } = await openConsul());
      const ttl = (Status: string) => ({ Check: { TTL: '1h', Status } });
      await register('web', 'web-1', {
        Address: '10.0.0.1',
        Port: 80,
        Tags: ['v1', 'blue'],
        Meta: { version: '1' },
        Weights: { Passing: 5, Warning: 2 },
        ...ttl('passing'),
      });
      await register('web', 'web-2', { Address: '10.0.0.2', Port: 80, Tags: ['v2'], ...ttl('warning') });
      await register('web', 'web-3', {
        Port: 81,
        Tags: ['v2', 'blue'],
        Meta: { version: '2' },
        ...ttl('critical'),
      });
      await register('web', 'web-4', { Port: 82 });
      await put('/v1/agent/service/maintenance/web-4?enable=true&reason=moving');
      await register('db', 'db-1', { Port: 5432 });
      const settled = async () => {
        const { instances } = await consul.instances('web', { passing: false });
        expect(instances.find(({ id }) => id === 'web-4')?.status).toBe('maintenance');
        expect(instances).toHaveLength(4);
        expect((await consul.instances('db')).instances).toHaveLength(1);
      };
      await vi.waitFor(settled, { timeout: 10_000, interval: 20 });
    });
    afterAll(() => close?.());

    it('knows its datacenters', async () => {
      expect(await consul.datacenters()).toEqual(['dc1']);
    });

    it('lists services with their tags, its own only where that is wanted', async () => {
      expect(await consul.services()).toEqual([
        { name: 'db', tags: [] },
        { name: 'web', tags: ['blue', 'v1', 'v2'] },
      ]);
      expect((await consul.services({ consul: true })).map(({ name }) => name)).toEqual([
        'consul',
        'db',
        'web',
      ]);
      expect((await consul.services({ tag: 'BLUE' })).map(({ name }) => name)).toEqual(['web']);
      expect(await consul.services({ tag: 'red' })).toEqual([]);
      await expect(consul.services({ datacenter: 'dc9' })).rejects.toMatchObject({ code: 'ERR_CONSUL' });
    });

    it('filters services, or says that this Consul cannot', async () => {
      const filtered = consul.services({ filter: 'ServiceName == "db"' });
      if (old) await expect(filtered).rejects.toThrow('does not heed filters');
      else expect(await filtered).toEqual([{ name: 'db', tags: [] }]);
    });

    it.each([
      [undefined, ['web-1', 'web-2']],
      [{ passing: 'warning' }, ['web-1', 'web-2']],
      [{ passing: true }, ['web-1']],
      [{ passing: false }, ['web-1', 'web-2', 'web-3', 'web-4']],
      [{ tag: 'blue', passing: false }, ['web-1', 'web-3']],
      [{ tag: ['blue', 'v2'], passing: false }, ['web-3']],
      [{ filter: 'Service.Meta.version == "1"' }, ['web-1']],
      [{ filter: 'Service.Meta.version == "1"', tag: 'v2' }, []],
      [{ datacenter: 'dc1' }, ['web-1', 'web-2']],
      [{ datacenters: 'all' }, ['web-1', 'web-2']],
    ] as const)('lists the instances by %j', async (options, ids) => {
      const { instances, failures } = await consul.instances('web', options);
      expect([instances.map(({ id }) => id).sort(), failures]).toEqual([ids, []]);
    });

    it('says everything of an instance', async () => {
      const { instances } = await consul.instances('web', { passing: false });
      const one = (id: string) => instances.find((instance) => instance.id === id)!;
      expect(one('web-1')).toEqual({
        id: 'web-1',
        name: 'web',
        address: '10.0.0.1',
        port: 80,
        ports: [],
        tags: ['v1', 'blue'],
        meta: { version: '1' },
        weights: { passing: 5, warning: 2 },
        kind: '',
        taggedAddresses: expect.any(Object),
        node: expect.any(String),
        nodeId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        nodeAddress: '127.0.0.1',
        nodeMeta: expect.objectContaining({ 'consul-network-segment': '' }),
        datacenter: 'dc1',
        peer: undefined,
        namespace: undefined,
        partition: undefined,
        status: 'passing',
        checks: [
          expect.objectContaining({ id: 'serfHealth', ofNode: true, status: 'passing', type: undefined }),
          expect.objectContaining({
            id: 'service:web-1',
            ofNode: false,
            status: 'passing',
            type: 'ttl',
            definition: {},
          }),
        ],
      });
      expect(one('web-2')).toMatchObject({
        status: 'warning',
        weights: { passing: 1, warning: 1 },
        meta: {},
      });
      expect(one('web-3')).toMatchObject({ status: 'critical', address: '127.0.0.1', port: 81 });
      expect(one('web-4').checks.find(({ status }) => status === 'maintenance')?.notes).toBe('moving');
    });

    it('lists nothing under a name that nobody has, and fails for a datacenter that there is not', async () => {
      expect(await consul.instances('nobody')).toEqual({ instances: [], failures: [] });
      await expect(consul.instances('web', { datacenter: 'dc9' })).rejects.toMatchObject({ status: 500 });
      const partial = await consul.instances('web', { datacenters: ['dc1', 'dc9'] });
      expect(partial.instances).toHaveLength(2);
      expect(partial.failures).toEqual([
        { datacenter: 'dc9', error: expect.objectContaining({ status: 500 }) },
      ]);
      await expect(consul.instances('web', { datacenters: ['dc8', 'dc9'] })).rejects.toMatchObject({
        status: 500,
      });
    });

    it('shows what is registered at the agent', async () => {
      const local = await consul.localServices();
      expect(local.map(({ id, status }) => [id, status])).toEqual([
        ['db-1', 'passing'],
        ['web-1', 'passing'],
        ['web-2', 'warning'],
        ['web-3', 'critical'],
        ['web-4', 'maintenance'],
      ]);
      expect(local[1]).toMatchObject({
        name: 'web',
        address: '10.0.0.1',
        port: 80,
        tags: ['v1', 'blue'],
        meta: { version: '1' },
        weights: { passing: 5, warning: 2 },
        checks: [{ id: 'service:web-1', status: 'passing' }],
      });
      expect(local[3]?.address).toBe('');
      expect((await consul.localServices({ filter: 'Service == "db"' })).map(({ id }) => id)).toEqual([
        'db-1',
      ]);
    });
  });
}

catalogueSuite('the catalogue of the double, as of 1.8.7,', () => ofDouble('1.8.7'));
catalogueSuite('the catalogue of the double, as of 1.22.7,', () => ofDouble('1.22.7'));

async function ofDouble(version: '1.8.7' | '1.22.7') {
  const double: ConsulDouble = await createConsulDouble({ version });
  const consul = createConsul({ address: double.httpAddress });
  const close = async () => {
    await consul.close();
    await double.close();
  };
  return { consul, old: version === '1.8.7', close };
}

describeWithConsul('real Consul', () => {
  catalogueSuite('its catalogue', async () => {
    const agent = await startAgent();
    const consul = createConsul({ address: agent.httpAddress });
    const close = async () => {
      await consul.close();
      await agent.stop();
    };
    return { consul, old: agent.version.startsWith('1.8.'), close };
  });

  it('shows the health URL of an instance, and fastest() probes that', async () => {
    const agent = await startAgent();
    const servers = await Promise.all([checkedServer(0), checkedServer(150)]);
    const consul = createConsul({ address: agent.httpAddress });
    const discovery = createDiscovery({ source: consulHttp(consul) });
    try {
      for (const [i, { port }] of servers.entries()) {
        await agent.register({
          name: 'web',
          id: `web-${i}`,
          address: '127.0.0.1',
          port,
          check: {
            HTTP: `http://localhost:${port}/health?deep=1`,
            Interval: '1s',
            Header: { 'x-from': ['consul'] },
          },
        });
      }
      const web = discovery.service('web', { balancer: fastest({ probe: 'check' }) });
      await web.ready({ timeout: 10_000 });
      await expect.poll(() => web.endpoints.length, { timeout: 10_000 }).toBe(2);
      expect(web.endpoints.map(({ check }) => check).sort()).toEqual(
        servers.map(({ port }) => `http://localhost:${port}/health?deep=1`).sort(),
      );
      const slow = web.endpoints.find(({ port }) => port === servers[1].port)!;
      await expect.poll(() => slow.latency, { timeout: 10_000 }).toBeGreaterThan(100);
      await expect
        .poll(() => new Set(Array.from({ length: 20 }, () => web.pick().port)))
        .toEqual(new Set([servers[0].port]));
      for (const { asked } of servers)
        expect(asked.some((line) => line === 'GET /health?deep=1 by a probe')).toBe(true);
    } finally {
      await discovery.close();
      await consul.close();
      await agent.stop();
      for (const { close } of servers) close();
    }
  });

  it('over two datacenters with one down is a partial result that says so', async () => {
    const dc1 = await startAgent({ node: 'a1', serverFlags: ['-datacenter', 'dc1'] });
    const dc2: Agent = await startAgent({
      node: 'b1',
      serverFlags: ['-datacenter', 'dc2', '-retry-join-wan', `127.0.0.1:${dc1.ports.serfWan}`],
    });
    const consul = createConsul({ address: dc1.httpAddress });
    try {
      await dc1.register({ name: 'web', id: 'web-1', address: '10.1.0.1', port: 80 });
      await dc2.register({ name: 'web', id: 'web-2', address: '10.2.0.1', port: 80 });
      const found = async (datacenters: readonly string[] | 'all') => {
        const { instances, failures } = await consul.instances('web', { datacenters });
        return [
          instances.map(({ id, datacenter }) => `${id} ${datacenter}`),
          failures.map((one) => one.datacenter),
        ];
      };
      await expect
        .poll(() => found('all').catch((error) => error), { timeout: 30_000, interval: 200 })
        .toEqual([['web-1 dc1', 'web-2 dc2'], []]);
      expect(await consul.datacenters()).toEqual(['dc1', 'dc2']);
      expect(await consul.services({ datacenter: 'dc2' })).toEqual([{ name: 'web', tags: [] }]);
      await dc2.kill();
      await expect
        .poll(() => found(['dc2', 'dc1']), { timeout: 30_000, interval: 200 })
        .toEqual([['web-1 dc1'], ['dc2']]);
      expect(await found('all')).toEqual([['web-1 dc1'], ['dc2']]);
      await expect(consul.instances('web', { datacenters: ['dc2'] })).rejects.toBeInstanceOf(Error);
    } finally {
      await consul.close();
      await Promise.all([dc1.stop(), dc2.stop()]);
    }
  });
});
