import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDiscovery, type DiscoveryOptions, type Endpoint } from '../../src/index.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

const ttl = { min: 200, max: 400 };

/** Calls an endpoint; a status of 500 or more is a failure, as an adapter would see it. */
async function call(endpoint: Endpoint, signal?: AbortSignal): Promise<string> {
  const response = await fetch(endpoint.url('/'), signal === undefined ? {} : { signal });
  if (response.status >= 500) throw new Error(`HTTP ${response.status}`);
  return response.text();
}

describeWithConsul('strategies, leases and ejection on instances that Consul lists', () => {
  let agent: Agent;
  const open = new Set<Server>();
  const behaviours = new Map<number, 'well' | 'fails'>();

  /** A real server that answers with its port, or with 500 at once. */
  async function serve(name: string, weights?: { passing: number; warning: number }): Promise<number> {
    const server = createServer((_request, response) => {
      const { port } = server.address() as AddressInfo;
      response.statusCode = behaviours.get(port) === 'fails' ? 500 : 200;
      response.end(String(port));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.add(server);
    const { port } = server.address() as AddressInfo;
    await agent.register({
      name,
      id: `${name}-${port}`,
      address: '127.0.0.1',
      port,
      ...(weights && { weights }),
      check: { TTL: '10m', Status: 'passing' },
    });
    return port;
  }

  function discover(options: DiscoveryOptions = {}) {
    return createDiscovery({ servers: [agent.dnsAddress], ttl, ...options });
  }

  beforeAll(async () => {
    agent = await startAgent();
    for (let i = 0; i < 5; i++) await serve('five');
  });
  afterAll(async () => {
    for (const server of open) {
      server.closeAllConnections();
      server.close();
    }
    await agent.stop();
  });

  it("shares by Consul's weights without being told, and follows when a warning changes them", async () => {
    const light = await serve('weighed', { passing: 1, warning: 1 });
    const middle = await serve('weighed', { passing: 3, warning: 1 });
    const heavy = await serve('weighed', { passing: 6, warning: 1 });
    const discovery = discover();
    const web = discovery.service('weighed');
    await web.ready();
    const shares = () => {
      const counts = new Map<number, number>();
      for (let i = 0; i < 1_000; i++) {
        const { port } = web.pick();
        counts.set(port, (counts.get(port) ?? 0) + 1);
      }
      return [light, middle, heavy].map((port) => Math.round((counts.get(port) ?? 0) / 10));
    };
    expect(shares()).toEqual([10, 30, 60]);
    const [a, b, c] = web.endpoints;
    await agent.http('PUT', `/v1/agent/check/warn/service:weighed-${heavy}`);
    await expect
      .poll(() => web.endpoints.find(({ port }) => port === heavy)?.weight, { timeout: 10_000 })
      .toBe(1);
    expect(shares()).toEqual([20, 60, 20]);
    expect(web.endpoints).toEqual([a, b, c]);
    await discovery.close();
  });

  it.each([
    'random',
    'first',
    'round-robin',
    'weighted-round-robin',
    'weighted-random',
    'least-used',
    'least-in-flight',
    'power-of-two-choices',
    'peak-ewma',
    'fastest',
    'consistent-hash',
  ])('%s: who was chosen answers, a hundred at a time, and nothing stays in flight', async (balancer) => {
    const discovery = discover({ balancer });
    const web = discovery.service('five');
    await web.ready();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        web.run(async (endpoint, { signal }) => [String(endpoint.port), await call(endpoint, signal)], {
          key: `user ${i}`,
        }),
      ),
    );
    for (const [asked, answered] of answers) expect(answered).toBe(asked);
    const used = new Set(answers.map(([asked]) => asked)).size;
    if (balancer === 'first') expect(used).toBe(1);
    else expect(used).toBeGreaterThan(1);
    expect(web.stats().inFlight).toBe(0);
    await discovery.close();
  });

  it('one server that fails at once: with ejection and one retry at least 999 of 1000 calls succeed', async () => {
    const ports = [];
    for (let i = 0; i < 4; i++) ports.push(await serve('flaky'));
    behaviours.set(ports[1]!, 'fails');
    for (const balancer of ['weighted-round-robin', 'least-in-flight', 'peak-ewma']) {
      const discovery = discover({ balancer, outlier: { ejectionTime: 60_000 } });
      const web = discovery.service('flaky');
      await web.ready();
      let failures = 0;
      for (let i = 0; i < 100; i++) {
        const calls = Array.from({ length: 10 }, () =>
          web.run((endpoint, { signal }) => call(endpoint, signal), { retries: 1 }).catch(() => failures++),
        );
        await Promise.all(calls);
      }
      expect(failures).toBeLessThanOrEqual(1);
      expect(web.stats().inFlight).toBe(0);
      // peak-ewma leaves it alone after its first failures, so that there may be nothing to eject.
      if (balancer !== 'peak-ewma') expect(web.available.map(({ port }) => port)).not.toContain(ports[1]);
      await discovery.close();
    }
  });

  it('an instance that dies, and that Consul still lists: no call fails, without any option', async () => {
    await serve('mortal');
    await serve('mortal');
    const discovery = discover();
    const web = discovery.service('mortal');
    await web.ready();
    const [dying] = web.endpoints;
    for (const server of open) {
      if ((server.address() as AddressInfo | null)?.port !== dying!.port) continue;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      open.delete(server);
    }
    for (let i = 0; i < 40; i++) {
      expect(await web.run((endpoint, { signal }) => call(endpoint, signal))).not.toBe(String(dying!.port));
    }
    await discovery.close();
  });

  it('a key stays with its instance while others come and go', async () => {
    for (let i = 0; i < 4; i++) await serve('sticky');
    const discovery = discover({ balancer: 'consistent-hash' });
    const web = discovery.service('sticky');
    await web.ready();
    const keys = Array.from({ length: 400 }, (_, i) => `user ${i}`);
    const before = keys.map((key) => web.pick(key));
    const port = await serve('sticky');
    await expect.poll(() => web.endpoints.length, { timeout: 10_000 }).toBe(5);
    await expect.poll(() => keys.some((key) => web.pick(key).port === port)).toBe(true);
    const moved = keys.filter((key, i) => web.pick(key) !== before[i]);
    expect(moved.every((key) => web.pick(key).port === port)).toBe(true);
    expect(moved.length).toBeLessThan(140);
    await agent.deregister(`sticky-${port}`);
    await expect.poll(() => web.endpoints.length, { timeout: 10_000 }).toBe(4);
    expect(keys.map((key) => web.pick(key))).toEqual(before);
    await discovery.close();
  });

  it('another strategy and slow start for a live service', async () => {
    for (let i = 0; i < 3; i++) await serve('live');
    const discovery = discover({ balancer: 'least-used', slowStart: 60_000 });
    const web = discovery.service('live');
    await web.ready();
    for (let i = 0; i < 30; i++) web.pick();
    const counts = web.endpoints.map(({ picks }) => picks);
    web.setBalancer('weighted-round-robin');
    const port = await serve('live');
    await expect.poll(() => web.available.length, { timeout: 10_000 }).toBe(4);
    const picked = Array.from({ length: 1_000 }, () => web.pick().port);
    expect(picked.filter((each) => each === port).length).toBeLessThan(100);
    web.setBalancer('least-used');
    expect(web.endpoints.filter((each) => each.port !== port).map(({ picks }) => picks)).toEqual(counts);
    await discovery.close();
  });
});
