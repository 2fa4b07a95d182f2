import { readFileSync } from 'node:fs';
import { Redis, type RedisOptions } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { redisConnector } from '../../src/adapter/net.ts';
import type { Service } from '../../src/index.ts';
import { discover, seen } from './asking.ts';
import { describeWithServer } from './child-server.ts';
import { describeWithConsul, startAgent } from './consul-agent.ts';
import { freePorts } from './free-ports.ts';
import { findRedis, startRedis } from './redis-server.ts';

const reason = 'no Redis: REDIS_BIN is not set, and there is no /usr/bin/redis-server (see .ci/servers.sh)';

/** Three servers, known to Consul, and a way to make clients of them. */
async function scene(binary: string, { name = 'cache', tls = false } = {}) {
  const agent = await startAgent();
  onTestFinished(() => agent.stop());
  const { servers, stop } = await startRedis(binary, await freePorts(3), { tls });
  onTestFinished(stop);
  const ids = await agent.registerMany(servers.map(({ port }) => ({ name, address: '127.0.0.1', port })));
  const { discovery } = discover(agent, { ttl: { min: 1_000 } });
  const cache = discovery.service(name, { balancer: 'least-in-flight' });
  const errors: Error[] = [];
  const client = (options: RedisOptions = {}) => {
    const redis = new Redis({ Connector: redisConnector(cache), ...options });
    redis.on('error', (error) => errors.push(error));
    onTestFinished(() => redis.disconnect());
    return redis;
  };
  return { agent, ids, cache, servers, client, errors };
}

/** A busy machine takes its time. */
const patiently = { timeout: 20_000 };

const inFlight = (cache: Service) => cache.endpoints.map((endpoint) => endpoint.inFlight);

async function portOf(redis: Redis): Promise<number> {
  const info = await redis.info('server');
  return Number(/^tcp_port:(\d+)/m.exec(info)?.[1]);
}

describeWithConsul('ioredis over the instances of a service', () => {
  describeWithServer('with real servers of Redis', findRedis(), reason, (binary) => {
    it('spreads its clients; those of a server that is killed go on with the others, and no command is lost', async () => {
      const { agent, cache, servers, client } = await scene(binary);
      const clients = Array.from({ length: 6 }, () => client());
      const before = await Promise.all(clients.map(portOf));
      expect(before.sort()).toEqual(servers.flatMap(({ port }) => [port, port]).sort());
      expect(inFlight(cache)).toEqual([2, 2, 2]);

      const [victim] = servers as [(typeof servers)[0]];
      let answered = 0;
      let stop = false;
      onTestFinished(() => {
        stop = true;
      });
      const load = clients.map(async (redis) => {
        while (!stop) {
          expect(await redis.echo('hello')).toBe('hello');
          answered++;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      });
      await expect.poll(() => answered, patiently).toBeGreaterThan(500);
      const atKill = answered;
      await victim.kill();
      const dead = cache.endpoints.find(({ port }) => port === victim.port)!;
      await expect.poll(() => inFlight(cache).sort(), patiently).toEqual([0, 3, 3]);
      expect(dead.inFlight).toBe(0);
      await expect.poll(() => answered, patiently).toBeGreaterThan(atKill + 3_000);
      stop = true;
      await Promise.all(load);

      await victim.restart();
      // At the latest when it is no longer ejected.
      const since = performance.now();
      let back = false;
      while (!back && performance.now() - since < 20_000) {
        const one = client();
        back = (await portOf(one)) === victim.port;
        await one.quit();
      }
      expect(back).toBe(true);
      seen(agent, 'Redis killed', {
        'commands without one lost': answered,
        'used again after ms': Math.round(performance.now() - since),
      });
      await Promise.all(clients.map((redis) => redis.quit()));
      await expect.poll(() => inFlight(cache), patiently).toEqual([0, 0, 0]);
    });

    it('connects again, as its retryStrategy says, where all were away for a while', async () => {
      const { cache, servers, client, errors } = await scene(binary);
      const redis = client();
      await redis.set('a', 1);
      await Promise.all(servers.map((server) => server.kill()));
      await expect.poll(() => errors.length, patiently).toBeGreaterThan(1);
      expect(errors.at(-1)).toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED', attempts: [{}, {}, {}] });
      const waiting = redis.echo('back');
      await servers[1]!.restart();
      expect(await waiting).toBe('back');
      expect(await portOf(redis)).toBe(servers[1]!.port);
      await redis.quit();
      await expect.poll(() => inFlight(cache), patiently).toEqual([0, 0, 0]);
    });

    it('ends at disconnect(), also while it connects', async () => {
      const { cache, client, errors } = await scene(binary);
      await cache.ready();
      for (let round = 0; round < 20; round++) {
        const redis = client();
        const ended = new Promise((resolve) => redis.once('end', resolve));
        for (let turn = 0; turn < round % 10; turn++) await new Promise((resolve) => setImmediate(resolve));
        redis.disconnect();
        await ended;
      }
      await expect.poll(() => inFlight(cache), patiently).toEqual([0, 0, 0]);
      expect(errors).toEqual([]);
    });

    it('speaks TLS where Redis is told so, and checks the certificate against the name of the service', async () => {
      const { cache, servers, client } = await scene(binary, { name: 'web', tls: true });
      const ca = readFileSync(new URL('../fixtures/tls/ca.pem', import.meta.url));
      const redis = client({ tls: { ca } });
      expect(await redis.echo('hello')).toBe('hello');
      expect(inFlight(cache).reduce((sum, each) => sum + each)).toBe(1);
      await redis.quit();
      const stranger = client({ tls: {}, retryStrategy: () => null, maxRetriesPerRequest: 0 });
      const error = await new Promise((resolve) => stranger.once('error', resolve));
      expect(error).toMatchObject({
        code: 'ERR_RETRIES_EXHAUSTED',
        attempts: servers.map(() => ({ cause: { code: 'SELF_SIGNED_CERT_IN_CHAIN' } })),
      });
      await expect.poll(() => inFlight(cache), patiently).toEqual([0, 0, 0]);
    });
  });
});
