import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { consulDns, createDiscovery, type Resolver } from '../../src/index.ts';
import { resolverContract } from '../../src/testing/resolver-contract.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

describeWithConsul('the resolver on real Consul', () => {
  let agent: Agent;

  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(async () => {
    await agent.stop();
  });

  const ways = [
    ['auto', undefined],
    ['auto', 1232],
    ['tcp', undefined],
    ['udp', undefined],
  ] as const;
  for (const [transport, edns] of ways) {
    resolverContract(
      `consulDns by ${transport}${edns === undefined ? '' : ` with EDNS ${edns}`}, on real Consul,`,
      async () => {
        const resolver = consulDns({
          servers: [agent.dnsAddress],
          transport,
          ...(edns !== undefined && { edns }),
        });
        const registered = new Set<string>();
        return {
          resolver,
          async register({ weight = 1, ...instance }) {
            const id = await agent.register({ ...instance, weights: { passing: weight, warning: weight } });
            registered.add(id);
            return async () => {
              registered.delete(id);
              await agent.deregister(id);
            };
          },
          async close() {
            await resolver.close?.();
            await agent.deregisterMany([...registered]);
          },
        };
      },
      { describe, it, expect },
    );
  }

  describe('names', () => {
    const find = async (name: Parameters<Resolver['resolve']>[0] | string, options = {}) => {
      const discovery = createDiscovery({ servers: [agent.dnsAddress], ...options });
      try {
        const { addresses } = await discovery.resolve(name);
        return addresses.map(({ host, port }) => `${host}:${port}`).sort();
      } finally {
        await discovery.close();
      }
    };

    it('of every form are understood as Consul understands them', async () => {
      await agent.registerMany([
        { name: 'api', address: '10.3.0.1', port: 81, tags: ['v1.2.3'] },
        { name: 'api', address: '10.3.0.2', port: 82, tags: ['blue'] },
        { name: '_api', address: '10.3.0.3', port: 83, tags: ['_blue'] },
      ]);
      const all = ['10.3.0.1:81', '10.3.0.2:82'];
      for (const name of [
        'api',
        'API',
        'api.service.consul',
        '_api._tcp.service.consul',
        '_api._tcp.consul',
        'api.service.dc1.consul',
      ]) {
        expect([name, await find(name)]).toEqual([name, all]);
      }
      expect(await find('v1.2.3.api.service.consul')).toEqual(['10.3.0.1:81']);
      expect(await find({ service: 'api', tag: 'blue', datacenter: 'dc1' })).toEqual(['10.3.0.2:82']);
      expect(await find('_api._blue.service.consul')).toEqual(['10.3.0.2:82']);
      expect(await find({ service: '_api', tag: '_blue' })).toEqual(['10.3.0.3:83']);
      await expect(find('api.service.dc9.consul')).rejects.toMatchObject({ code: 'ERR_SERVICE_NOT_FOUND' });
    });

    it('may use every character that we let through', async () => {
      const odd = { name: 'a_b/c=d-E9', address: '10.3.1.1', port: 80, tags: ['t_/=-9'] };
      await agent.register(odd);
      expect(await find({ service: odd.name, tag: 't_/=-9' })).toEqual(['10.3.1.1:80']);
      const longest = 'x'.repeat(63);
      await agent.register({ name: longest, address: '10.3.1.2', port: 80 });
      expect(await find(longest)).toEqual(['10.3.1.2:80']);
    });

    it('of prepared queries', async () => {
      await agent.register({ name: 'queried', address: '10.3.2.1', port: 80 });
      await agent.http('POST', '/v1/query', { Name: 'near.est', Service: { Service: 'queried' } });
      expect(await find({ query: 'near.est' })).toEqual(['10.3.2.1:80']);
      expect(await find('near.est.query.consul')).toEqual(['10.3.2.1:80']);
    });

    it('with records A take the given port', async () => {
      expect(await find('api', { records: 'A', port: 9_000 })).toEqual(['10.3.0.1:9000', '10.3.0.2:9000']);
    });
  });

  it('weights follow the health of an instance', async () => {
    const check = { TTL: '1h', Status: 'passing' };
    await agent.register({
      name: 'weighty',
      id: 'weighty',
      address: '10.4.0.1',
      port: 80,
      weights: { passing: 10, warning: 3 },
      check,
    });
    const discovery = createDiscovery({ servers: [agent.dnsAddress] });
    const weights = async () =>
      (await discovery.resolve('weighty', { fresh: true })).addresses.map(({ weight }) => weight);
    expect(await weights()).toEqual([10]);
    await agent.http('PUT', '/v1/agent/check/warn/service:weighty');
    await expect.poll(weights).toEqual([3]);
    await agent.http('PUT', '/v1/agent/check/fail/service:weighty');
    await expect.poll(() => weights().catch((error) => error.code)).toBe('ERR_SERVICE_NOT_FOUND');
    await discovery.close();
  });

  it('200 at once are one question, with all answers', async () => {
    const instances = Array.from({ length: 30 }, (_, i) => ({
      name: 'busy',
      address: `10.6.0.${i + 1}`,
      port: 1_000 + i,
    }));
    await agent.registerMany(instances);
    const discovery = createDiscovery({ servers: [agent.dnsAddress] });
    const all = await Promise.all(Array.from({ length: 200 }, () => discovery.resolve('busy')));
    expect(new Set(all.map(({ addresses }) => addresses.length))).toEqual(new Set([30]));
    expect(discovery.stats().dns.sent).toBe(1);
    await discovery.close();
  });
});
