import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDiscovery, fastest, leastUsed, roundRobin } from '../../src/index.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

describeWithConsul('the main job: ask, keep, pick, call', () => {
  let agent: Agent;
  const servers: Server[] = [];
  const slow = 2;

  beforeAll(async () => {
    agent = await startAgent();
    for (let i = 0; i < 4; i++) {
      const server = createServer((request, response) => {
        setTimeout(
          () => response.end(`${request.socket.localAddress}:${request.socket.localPort}`),
          i === slow ? 80 : 0,
        );
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      servers.push(server);
      const { port } = server.address() as AddressInfo;
      await agent.register({ name: 'called', id: `called-${i}`, address: '127.0.0.1', port });
    }
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await agent.stop();
  });

  it.each([roundRobin(), leastUsed()])(
    'by $name: who was picked answers, each equally often',
    async (balancer) => {
      const discovery = createDiscovery({ servers: [agent.dnsAddress], balancer });
      const service = discovery.service('called');
      await service.ready();
      const answered = new Map<string, number>();
      for (let i = 0; i < 40; i++) {
        const endpoint = service.pick();
        const who = await (await fetch(endpoint.url('/'))).text();
        expect(who).toBe(endpoint.address);
        answered.set(who, (answered.get(who) ?? 0) + 1);
      }
      expect([...answered.values()]).toEqual([10, 10, 10, 10]);
      await discovery.close();
    },
  );

  it('by fastest: the slow one is measured and left alone', async () => {
    const balancer = fastest({ probe: { http: '/' }, margin: 30 });
    const discovery = createDiscovery({ servers: [agent.dnsAddress], balancer });
    const service = discovery.service('called');
    await service.ready();
    await expect.poll(() => service.endpoints.every(({ latency }) => latency !== undefined)).toBe(true);
    const { port } = servers[slow]!.address() as AddressInfo;
    await expect
      .poll(() => new Set(Array.from({ length: 12 }, () => service.pick().port)).has(port))
      .toBe(false);
    const picked = new Set(Array.from({ length: 300 }, () => service.pick().port));
    expect(picked.size).toBe(3);
    await discovery.close();
  });

  it('follows what is registered and deregistered, keeping the objects of those that stay', async () => {
    const discovery = createDiscovery({ servers: [agent.dnsAddress], ttl: { min: 200, max: 400 } });
    const service = discovery.service('scaled');
    await agent.register({ name: 'scaled', id: 's1', address: '10.8.0.1', port: 80 });
    await service.ready({ timeout: 5_000 });
    const [first] = service.endpoints;
    const lists: number[] = [];
    const watching = (async () => {
      for await (const { endpoints } of service.watch()) lists.push(endpoints.length);
    })();
    await agent.register({ name: 'scaled', id: 's2', address: '10.8.0.2', port: 80 });
    await expect.poll(() => service.endpoints.length).toBe(2);
    await agent.deregister('s2');
    await expect.poll(() => service.endpoints.length).toBe(1);
    expect(service.endpoints[0]).toBe(first);
    service.close();
    await watching;
    expect(lists).toEqual([1, 2, 1]);
    await discovery.close();
  });
});
