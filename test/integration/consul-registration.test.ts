import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Consul,
  createConsul,
  freePort,
  type RegisterOptions,
  type RegistrationWarning,
} from '../../src/consul/index.ts';
import { instanceId } from '../../src/consul/registration/instance-id.ts';
import { registryContract } from '../../src/testing/registry-contract.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

const soon: RegisterOptions = { checkInterval: 1_000 };

async function until<T>(what: string, ask: () => Promise<T | undefined>, within = 60_000): Promise<T> {
  const deadline = Date.now() + within;
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${within} ms: ${what}`);
    await sleep(50);
  }
}

describeWithConsul('a registration at a real Consul', () => {
  let agent: Agent;
  let consul: Consul;
  let server: Server;
  let port: number;

  beforeAll(async () => {
    agent = await startAgent();
    consul = createConsul({ address: agent.httpAddress });
    server = createServer((request, response) => {
      response.statusCode = request.url === '/health' ? 200 : 500;
      response.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterAll(async () => {
    await consul.close();
    server.close();
    await agent.stop();
  });

  const statusOf = (name: string, wanted: string) =>
    until(`${name} is ${wanted}`, async () => {
      const [one] = (await consul.instances(name, { passing: false })).instances;
      return one?.status === wanted ? one : undefined;
    });
  const gone = (name: string) =>
    until(`${name} is gone`, async () => {
      const { instances } = await consul.instances(name, { passing: false });
      return instances.length === 0 ? true : undefined;
    });

  it('is found by others with all that was said of it, until it is taken back', async () => {
    const registration = await consul.register({
      name: 'whole',
      port,
      tags: ['v1'],
      meta: { version: '2' },
      weights: { passing: 7, warning: 3 },
    });
    expect(registration.address).toBeUndefined();
    const one = await statusOf('whole', 'passing');
    expect(one).toMatchObject({
      id: registration.id,
      port,
      address: '127.0.0.1',
      tags: ['v1'],
      meta: { version: '2' },
      weights: { passing: 7, warning: 3 },
    });
    await registration.deregister();
    await gone('whole');
    expect(registration.state).toBe('deregistered');
  });

  it('passes by HTTP, by TCP and by heartbeat, and not where the service does not answer', async () => {
    const path = await consul.register({
      name: 'by-http',
      port,
      check: { http: '/health', interval: 1_000 },
    });
    const tcp = await consul.register({ name: 'by-tcp', port, check: { tcp: true, interval: 1_000 } });
    let health: 'passing' | 'warning' = 'passing';
    const ttl = await consul.register({
      name: 'by-heartbeat',
      port,
      check: { ttl: 1_500, status: () => ({ status: health, output: 'so it is' }) },
    });
    const grpc = await consul.register({ name: 'by-grpc', port, check: { grpc: '/web', interval: 1_000 } });
    const wrong = await consul.register({
      name: 'wrong',
      port,
      checks: [{ http: '/else', interval: 1_000 }],
    });
    await statusOf('by-http', 'passing');
    await statusOf('by-tcp', 'passing');
    await statusOf('by-heartbeat', 'passing');
    const { checks } = await statusOf('wrong', 'critical');
    expect(checks.find(({ ofNode }) => !ofNode)?.name).toBe('wrong HTTP');
    expect((await statusOf('by-grpc', 'critical')).checks.find(({ ofNode }) => !ofNode)?.type).toBe('grpc');
    health = 'warning';
    const warned = await statusOf('by-heartbeat', 'warning');
    expect(warned.checks.find(({ ofNode }) => !ofNode)?.output).toBe('so it is');
    // Three TTLs: only heartbeats keep it from being critical.
    await sleep(4_500);
    await statusOf('by-heartbeat', 'warning');
    await Promise.all([path, tcp, ttl, grpc, wrong].map((one) => one.deregister()));
    await gone('by-heartbeat');
  });

  it('is in maintenance mode and comes back from it', async () => {
    await using registration = await consul.register({ name: 'resting', port });
    await registration.maintenance('a b');
    const one = await statusOf('resting', 'maintenance');
    expect(one.checks.find(({ status }) => status === 'maintenance')?.notes).toBe('a b');
    await registration.resume();
    await statusOf('resting', 'passing');
  });

  it('comes without the maintenance mode that an earlier process of the same id died in', async () => {
    const dead = createConsul({ address: agent.httpAddress });
    const earlier = await dead.register({ name: 'again', id: 'again-1', port });
    await earlier.maintenance();
    await dead.close();
    expect(earlier.state).toBe('abandoned');
    await using _ = await consul.register({ name: 'again', id: 'again-1', port });
    await statusOf('again', 'passing');
  });

  it('takes back what dead processes left at its place, and nothing else', async () => {
    const warnings: RegistrationWarning[] = [];
    const place = { name: 'ghosts', port, address: undefined };
    const dead = [instanceId(place, 999_999_991), instanceId(place, 999_999_992)];
    const alive = instanceId(place, process.ppid);
    for (const id of [...dead, alive, 'ghosts-of-others'])
      await agent.http('PUT', '/v1/agent/service/register', { ID: id, Name: 'ghosts', Port: port });
    const onWarning = (warning: RegistrationWarning) => warnings.push(warning);
    await using registration = await consul.register({ name: 'ghosts', port }, { onWarning });
    await until('said', async () => warnings[0]);
    const left = (await consul.localServices()).filter(({ name }) => name === 'ghosts').map(({ id }) => id);
    expect(left.sort()).toEqual([registration.id, alive, 'ghosts-of-others'].sort());
    expect(warnings.map(({ code }) => code)).toEqual(['LEFTOVER_REMOVED']);
    for (const id of [alive, 'ghosts-of-others'])
      await agent.http('PUT', `/v1/agent/service/deregister/${id}`);
  });

  it('comes back when somebody takes it away, and says so', async () => {
    const warnings: RegistrationWarning[] = [];
    const onWarning = (warning: RegistrationWarning) => warnings.push(warning);
    await using registration = await consul.register({ name: 'taken', port }, { ...soon, onWarning });
    await agent.http('PUT', `/v1/agent/service/deregister/${registration.id}`);
    await gone('taken');
    await statusOf('taken', 'passing');
    expect(warnings.map(({ code, id }) => [code, id])).toEqual([['REGISTRATION_LOST', registration.id]]);
  });

  it('does not fight with another that takes its id, and leaves that one alone', async () => {
    const warnings: RegistrationWarning[] = [];
    const onWarning = (warning: RegistrationWarning) => warnings.push(warning);
    const registration = await consul.register({ name: 'mine', id: 'one-id', port }, { ...soon, onWarning });
    await agent.http('PUT', '/v1/agent/service/register', { Name: 'mine', ID: 'one-id', Port: 9 });
    await until('replaced', async () => (registration.state === 'replaced' ? true : undefined));
    expect(warnings.map(({ code }) => code)).toEqual(['REGISTRATION_REPLACED']);
    await registration.deregister();
    expect((await consul.localServices()).find(({ id }) => id === 'one-id')?.port).toBe(9);
    await agent.http('PUT', '/v1/agent/service/deregister/one-id');
  });

  it('is refused at once where Consul refuses', async () => {
    const refused = consul.register({
      name: 'bad',
      port,
      check: {
        http: '/',
        interval: 1_000,
        method: 'GET',
        failuresBeforeWarning: 5,
        failuresBeforeCritical: 1,
      },
    });
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CONSUL', status: 400 });
    expect((await consul.localServices()).some(({ name }) => name === 'bad')).toBe(false);
  });
});

describeWithConsul('registrations at a Consul that restarts', () => {
  it('wait for an agent that is not there yet', async () => {
    const agent = await startAgent();
    await agent.kill();
    await using consul = createConsul({ address: agent.httpAddress });
    const warnings: string[] = [];
    const registering = consul.register(
      { name: 'early', port: 80 },
      { onWarning: ({ code }) => warnings.push(code) },
    );
    await until('said', async () => warnings[0]);
    await agent.restart();
    const registration = await registering;
    expect(registration.state).toBe('registered');
    expect(warnings).toEqual(['REGISTRATION_FAILED']);
    await agent.stop();
  });

  it('are renewed, with their maintenance mode and their heartbeats, by an agent that comes back empty', async () => {
    const agent = await startAgent();
    await using consul = createConsul({ address: agent.httpAddress });
    const options = { ...soon, onWarning: () => {} };
    const plain = await consul.register({ name: 'plain', port: 80 }, options);
    const resting = await consul.register({ name: 'resting', port: 81 }, options);
    const beating = await consul.register({ name: 'beating', port: 82, check: { ttl: 2_000 } }, options);
    await resting.maintenance();
    await agent.restart();
    for (const [name, status] of [
      ['plain', 'passing'],
      ['resting', 'maintenance'],
      ['beating', 'passing'],
    ] as const) {
      await until(`${name} is ${status}`, async () => {
        const { instances } = await consul.instances(name, { passing: false });
        return instances[0]?.status === status ? true : undefined;
      });
    }
    await Promise.all([plain, resting, beating].map((one) => one.deregister()));
    expect(await consul.localServices()).toEqual([]);
    await agent.stop();
  });

  describe.each([
    { dev: true, comesBack: 'empty' },
    { dev: false, comesBack: 'as it was' },
  ])('1 000 of them, the agent killed in the middle and $comesBack afterwards', ({ dev }) => {
    it('are all there, and none is left behind when they are taken back', async () => {
      const count = 1_000;
      const agent = await startAgent({ dev });
      await using consul = createConsul({ address: agent.httpAddress });
      const options = { ...soon, onWarning: () => {} };
      /** Kills the agent when a fourth is done. */
      const interrupted = async (work: (i: number) => Promise<unknown>) => {
        let done = 0;
        let fourth = () => {};
        const killed = new Promise<void>((resolve) => {
          fourth = resolve;
        }).then(() => agent.kill());
        const all = Promise.all(
          Array.from({ length: count }, async (_, i) => {
            await work(i);
            if (++done === count / 4) fourth();
          }),
        );
        await killed;
        const before = done;
        await agent.restart();
        await all;
        return before;
      };
      const registrations = new Array(count);
      const here = async () => (await consul.localServices()).length;
      const began = performance.now();
      const beforeKill = await interrupted(async (i) => {
        registrations[i] = await consul.register({ name: `many-${i % 10}`, port: 1_000 + i }, options);
      });
      await until('all are there', async () => ((await here()) === count ? true : undefined));
      const registered = performance.now();
      const goneBeforeKill = await interrupted((i) => registrations[i].deregister());
      const done = performance.now();
      // Whoever would renew would do it in this time.
      await sleep(3_000);
      expect(await here()).toBe(0);
      console.log(
        `1 000 registrations, agent killed in the middle (${dev ? 'comes back empty' : 'keeps its data'}, ${agent.version}): ` +
          `${beforeKill} before it; all there after ${Math.round(registered - began)} ms; ${goneBeforeKill} gone before it, all gone after ${Math.round(done - registered)} ms`,
      );
      await until('the catalogue is empty too', async () => {
        const names = (await consul.services()).filter(({ name }) => name.startsWith('many-'));
        return names.length === 0 ? true : undefined;
      });
      await agent.stop();
    });
  });
});

describeWithConsul('the registry of a real Consul', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
  });
  afterAll(() => agent.stop());
  registryContract(
    'a client of real Consul',
    async () => {
      const consul = createConsul({ address: agent.httpAddress });
      return { registry: consul.registry, close: () => consul.close() };
    },
    { describe, it, expect },
  );
});

describe('a free port', () => {
  it('can be listened on', async () => {
    const port = await freePort('127.0.0.1');
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
  });
});
