import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { registerConsulResolver } from '../../src/adapter/grpc.ts';
import { createDiscovery, type Discovery, type DiscoveryWarning } from '../../src/index.ts';
import {
  closeClients,
  closeServers,
  type EchoClient,
  type EchoServer,
  echoClient,
  echoServer,
  versions,
} from '../adapter/grpc-servers.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

const [, newest] = versions.at(-1)!;

/** Calls without a pause, until it is stopped. */
function load(client: EchoClient) {
  const result = { calls: 0, failures: [] as unknown[] };
  let running = true;
  const work = Array.from({ length: 4 }, async () => {
    while (running) {
      await client.say().catch((error) => result.failures.push(error));
      result.calls++;
      await sleep(2);
    }
  });
  const stop = async () => {
    running = false;
    await Promise.all(work);
    return result;
  };
  return { result, stop };
}

describeWithConsul('gRPC channels', () => {
  let agent: Agent;
  const discoveries: Discovery[] = [];
  const warnings: DiscoveryWarning[] = [];

  beforeAll(async () => {
    agent = await startAgent({ dev: false });
  });
  afterEach(async () => {
    closeClients();
    for (const discovery of discoveries.splice(0)) await discovery.close();
    await closeServers();
  });
  afterAll(() => agent.stop());

  function registered(options: { hold?: { empty: number } } = {}): Discovery {
    const discovery = createDiscovery({
      servers: [agent.dnsAddress],
      ttl: { min: 1_000, max: 2_000 },
      onWarning: (warning) => void warnings.push(warning),
      ...options,
    });
    discoveries.push(discovery);
    for (const [, grpc] of versions) registerConsulResolver(discovery, { grpc });
    return discovery;
  }

  const register = (name: string, { port }: EchoServer, tags: string[] = []) =>
    agent.register({ name, id: `${name}-${port}`, address: '127.0.0.1', port, tags });

  /** How long it takes, in ms, until every one of `servers` has been called since now. */
  async function untilCalled(servers: readonly EchoServer[], timeout = 15_000): Promise<number> {
    const began = performance.now();
    const before = servers.map(({ calls }) => calls);
    const silent = () => servers.filter(({ calls }, i) => calls === before[i]).length;
    await expect.poll(silent, { timeout, interval: 5 }).toBe(0);
    return Math.round(performance.now() - began);
  }

  it('follow 2 → 4 → 1 instances and outlive Consul, without a failed call and with the connections they have', async () => {
    const servers = await Promise.all([1, 2, 3, 4].map(() => echoServer(newest)));
    const [a, b, c, d] = servers as [EchoServer, EchoServer, EchoServer, EchoServer];
    const ids = [await register('web', a), await register('web', b)];
    const discovery = registered();
    const loads = versions.map(([version, grpc]) => ({
      version,
      ...load(echoClient(grpc, 'consul:///web')),
    }));
    await untilCalled([a, b]);

    const refreshed = new Promise<number>((resolve) => {
      const stop = discovery.service('web').subscribe(({ endpoints }) => {
        if (endpoints.length < 4) return;
        stop();
        resolve(performance.now());
      });
    });
    ids.push(...(await Promise.all([register('web', c), register('web', d)])));
    await untilCalled([c, d]);
    const grown = Math.round(performance.now() - (await refreshed));
    expect(grown).toBeLessThan(2_000);

    await agent.kill();
    const during = loads.map(({ result }) => result.calls);
    await sleep(6_000);
    expect(await untilCalled(servers)).toBeLessThan(2_000);
    for (const [i, { result }] of loads.entries()) expect(result.calls).toBeGreaterThan(during[i]! + 100);
    await agent.restart();

    await agent.deregisterMany([ids[0]!, ids[2]!, ids[3]!]);
    await expect.poll(() => discovery.service('web').endpoints.length, { timeout: 30_000 }).toBe(1);
    await untilCalled([b]);
    const left = [a, c, d].map(({ calls }) => calls);
    await sleep(500);
    expect([a, c, d].map(({ calls }) => calls)).toEqual(left);

    const results = await Promise.all(loads.map(({ stop }) => stop()));
    expect(results.flatMap(({ failures }) => failures)).toEqual([]);
    // One connection for each of the three channels, from the beginning to the end.
    expect(servers.map(({ accepted }) => accepted)).toEqual([3, 3, 3, 3]);
    // An agent that has just started may say for a moment that there is nothing, which is held off.
    expect(['CONSUL_UNAVAILABLE', 'SERVICE_EMPTY']).toEqual(
      expect.arrayContaining(warnings.map(({ code }) => code)),
    );
    console.info(
      `Consul ${agent.version}, 2 → 4 → 1 instances and 6 s without Consul: ${results.map(({ calls }, i) => `${calls} calls through grpc-js ${loads[i]!.version}`).join(', ')}, 0 failed; newcomers called ${grown} ms after the refresh`,
    );
    await agent.deregister(ids[1]!);
  });

  it('fail fast without the service, find it when it comes, and fail fast again when it has gone', async () => {
    registered({ hold: { empty: 0 } });
    const clients = versions.map(([, grpc]) => echoClient(grpc, 'consul:///late'));
    const missing = {
      code: newest.status.UNAVAILABLE,
      details: expect.stringContaining('consul:///late: ERR_SERVICE_NOT_FOUND: late.service.consul'),
    };
    for (const client of clients) await expect(client.say({ within: 5_000 })).rejects.toMatchObject(missing);
    const server = await echoServer(newest);
    const id = await register('late', server);
    for (const client of clients) expect(await client.say({ waitForReady: true })).toBe(server.port);
    await agent.deregister(id);
    for (const client of clients) {
      await expect
        .poll(() => client.say({ within: 5_000 }).catch((error) => error), { timeout: 10_000 })
        .toMatchObject(missing);
    }
  });

  it('call only the instances of their tag', async () => {
    const [blue, green] = [await echoServer(newest), await echoServer(newest)];
    const ids = [await register('shop', blue, ['blue']), await register('shop', green, ['green'])];
    registered();
    for (const [, grpc] of versions) {
      const byQuery = echoClient(grpc, 'consul:///shop?tag=blue');
      const byName = echoClient(grpc, 'consul:///green.shop.service.consul');
      for (let i = 0; i < 10; i++) {
        expect(await byQuery.say()).toBe(blue.port);
        expect(await byName.say()).toBe(green.port);
      }
    }
    await agent.deregisterMany(ids);
  });
});
