import { Resolver } from 'node:dns/promises';
import { afterEach, expect, test } from 'vitest';
import { type Agent, describeWithConsul, findConsul, startAgent } from './consul-agent.ts';

describeWithConsul('a Consul agent of the tests', () => {
  const agents: Agent[] = [];

  async function started(...options: Parameters<typeof startAgent>): Promise<Agent> {
    const agent = await startAgent(...options);
    agents.push(agent);
    return agent;
  }

  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.stop()));
  });

  function resolverOf(agent: Agent): Resolver {
    const resolver = new Resolver();
    resolver.setServers([agent.dnsAddress]);
    return resolver;
  }

  test('is of the version that was found', async () => {
    const found = await findConsul();
    const agent = await started();
    if (found.kind === 'binary') expect(agent.version).toBe(found.version);
    else expect(agent.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('answers for an instance from its registration to its removal', async () => {
    const agent = await started();
    const resolver = resolverOf(agent);
    const id = await agent.register({ name: 'web', address: '10.0.0.7', port: 8080, tags: ['v1'] });
    await expect(resolver.resolveSrv('web.service.consul')).resolves.toEqual([
      { name: '0a000007.addr.dc1.consul', port: 8080, priority: 1, weight: 1 },
    ]);
    await expect(resolver.resolveSrv('v1.web.service.consul')).resolves.toHaveLength(1);
    await agent.deregister(id);
    await expect(resolver.resolveSrv('web.service.consul')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  test('passes weights, checks and node metadata on', async () => {
    const agent = await started({ node: 'east-1', nodeMeta: { rack: 'r7' } });
    await agent.registerMany([
      { name: 'web', address: '10.0.0.1', port: 1, weights: { passing: 7, warning: 2 } },
      { name: 'web', address: '10.0.0.2', port: 2, check: { TTL: '1h', Status: 'critical' } },
    ]);
    await expect(resolverOf(agent).resolveSrv('web.service.consul')).resolves.toEqual([
      { name: '0a000001.addr.dc1.consul', port: 1, priority: 1, weight: 7 },
    ]);
    await expect(agent.http('GET', '/v1/catalog/node/east-1')).resolves.toMatchObject({
      Node: { Node: 'east-1', Meta: { rack: 'r7' } },
    });
  });

  test('takes 900 instances at once', async () => {
    const agent = await started();
    const instances = Array.from({ length: 900 }, (_, n) => ({
      name: 'wide',
      address: `10.1.${Math.floor(n / 250)}.${(n % 250) + 1}`,
      port: 10_000 + n,
    }));
    const ids = await agent.registerMany(instances);
    expect(new Set(ids).size).toBe(900);
    await expect(agent.http('GET', '/v1/health/service/wide?passing')).resolves.toHaveLength(900);
    await agent.deregisterMany(ids);
    await expect(agent.http('GET', '/v1/catalog/service/wide')).resolves.toHaveLength(0);
  });

  test('takes further configuration', async () => {
    const agent = await started({ config: { datacenter: 'dc7' } });
    await agent.register({ name: 'web', address: '10.0.0.7', port: 8080 });
    const [answer] = await resolverOf(agent).resolveSrv('web.service.dc7.consul');
    expect(answer).toMatchObject({ name: '0a000007.addr.dc7.consul' });
  });

  test('comes back on its ports after a crash, empty as dev agents do', async () => {
    const agent = await started();
    const { dnsAddress, pid } = agent;
    await agent.register({ name: 'web', address: '10.0.0.7', port: 8080 });
    await agent.kill();
    expect(agent.pid).toBeUndefined();
    await expect(resolverOf(agent).resolveSrv('web.service.consul')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    await agent.restart();
    expect(agent.dnsAddress).toBe(dnsAddress);
    if (pid !== undefined) expect(agent.pid).not.toBe(pid);
    await expect(resolverOf(agent).resolveSrv('web.service.consul')).rejects.toMatchObject({
      code: 'ENOTFOUND',
    });
    await agent.register({ name: 'web', address: '10.0.0.8', port: 8080 });
    await expect(resolverOf(agent).resolveSrv('web.service.consul')).resolves.toHaveLength(1);
  });

  test('keeps its data over a restart where it is no dev agent', async () => {
    const agent = await started({ dev: false });
    await agent.register({ name: 'web', address: '10.0.0.7', port: 8080 });
    await agent.restart();
    await expect(resolverOf(agent).resolveSrv('web.service.consul')).resolves.toHaveLength(1);
  });

  test('says so when a port that was asked for is taken', async () => {
    const first = await started();
    await expect(startAgent({ ports: { dns: first.ports.dns } })).rejects.toThrow('address already in use');
  });

  test('leaves no process after stop()', async () => {
    const agent = await started();
    const { pid } = agent;
    await agent.stop();
    if (pid !== undefined) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await expect(agent.http('GET', '/v1/status/leader')).rejects.toThrow('ECONNREFUSED');
    await agent.stop();
  });
});
