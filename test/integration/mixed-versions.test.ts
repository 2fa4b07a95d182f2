import { request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDispatcher } from '../../src/adapter/undici.ts';
import { createDiscovery, type Discovery } from '../../src/index.ts';
import { Backend } from './chaos/backend.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

/** By id: `{ version, weight }`. */
const plan = {
  'one-a': { version: 'v1', weight: 3 },
  'one-b': { version: 'v1', weight: 1 },
  'two-a': { version: 'v2', weight: 1 },
  'two-b': { version: 'v2', weight: 1 },
} as const;

describeWithConsul('a service of which two versions run, told apart by tag', () => {
  let agent: Agent;
  let discovery: Discovery;
  const backends = new Map<string, Backend>();

  beforeAll(async () => {
    agent = await startAgent();
    for (const [id, { version, weight }] of Object.entries(plan)) {
      const backend = await Backend.start(id);
      backends.set(id, backend);
      await agent.register({
        name: 'web',
        id,
        address: '127.0.0.1',
        port: backend.port,
        tags: [version],
        weights: { passing: weight, warning: 1 },
        check: { TTL: '10m', Status: 'passing' },
      });
    }
    discovery = createDiscovery({
      servers: [agent.dnsAddress],
      ttl: { min: 200, max: 400 },
      onWarning: () => {},
    });
  });
  afterAll(async () => {
    await discovery.close();
    await Promise.all([...backends.values()].map((backend) => backend.crash()));
    await agent.stop();
  });

  /** How often each instance answered, and which Host it was shown. */
  async function ask(
    host: string,
    times: number,
  ): Promise<{ served: Record<string, number>; hosts: string[] }> {
    const dispatcher = createDispatcher(discovery);
    const served: Record<string, number> = {};
    const hosts = new Set<string>();
    for (let i = 0; i < times; i++) {
      const { body } = await request(`http://${host}/`, { dispatcher });
      const answer = (await body.json()) as { id: string; host: string };
      served[answer.id] = (served[answer.id] ?? 0) + 1;
      hosts.add(answer.host);
    }
    await dispatcher.close();
    return { served, hosts: [...hosts] };
  }

  /** Weights are kept to within a few requests at any moment. */
  function shared(expected: Record<string, number>, served: Record<string, number>): void {
    expect(Object.keys(served).sort()).toEqual(Object.keys(expected).sort());
    for (const [id, times] of Object.entries(expected))
      expect(Math.abs(served[id]! - times), `${id}: ${served[id]}, not ${times}`).toBeLessThanOrEqual(4);
  }

  it('a tag in the host name reaches only that version, by the weights that Consul says', async () => {
    const one = await ask('v1.web.service.consul', 400);
    shared({ 'one-a': 300, 'one-b': 100 }, one.served);
    expect(one.hosts).toEqual(['v1.web.service.consul']);
    const two = await ask('v2.web.service.consul', 100);
    shared({ 'two-a': 50, 'two-b': 50 }, two.served);
    expect(two.hosts).toEqual(['v2.web.service.consul']);
  });

  it('no tag reaches both', async () => {
    const { served, hosts } = await ask('web.service.consul', 600);
    shared({ 'one-a': 300, 'one-b': 100, 'two-a': 100, 'two-b': 100 }, served);
    expect(hosts).toEqual(['web.service.consul']);
  });

  it('RFC 2782 names reach a version as well', async () => {
    const { served } = await ask('_web._v2.service.consul', 100);
    shared({ 'two-a': 50, 'two-b': 50 }, served);
  });

  it('a version that never was fails with a reason; one that is rolled back leaves its requests to the other', async () => {
    const dispatcher = createDispatcher(discovery);
    const get = async (host: string) => {
      const { statusCode, body } = await request(`http://${host}/`, { dispatcher });
      await body.dump();
      return statusCode;
    };
    await expect(get('v3.web.service.consul')).rejects.toMatchObject({ code: 'ERR_SERVICE_NOT_FOUND' });
    await Promise.all(['two-a', 'two-b'].map((id) => agent.deregister(id)));
    const one = ['one-a', 'one-b'].map((id) => backends.get(id)!.address).sort();
    const web = discovery.service('web.service.consul');
    await expect.poll(() => web.endpoints.map(({ address }) => address), { timeout: 10_000 }).toEqual(one);
    expect(await get('web.service.consul')).toBe(200);
    expect(await get('v1.web.service.consul')).toBe(200);
    await dispatcher.close();
  });
});
