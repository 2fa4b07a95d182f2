import { connect, createServer } from 'node:net';
import { hostname } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createConsulDouble } from '../../../src/testing/consul-double.ts';
import { eventually, openWorld } from './world.ts';

const web = { name: 'web', id: 'web-1', port: 8080 };

describe('to register', () => {
  it('puts all that was said into the catalogue', async () => {
    const { registry } = await openWorld();
    const registration = await registry.register({
      ...web,
      address: '10.0.0.1',
      tags: ['v1', 'blue'],
      meta: { version: '2' },
    });
    expect(registration).toMatchObject({
      id: 'web-1',
      name: 'web',
      address: '10.0.0.1',
      port: 8080,
      state: 'registered',
    });
    expect(await registry.instances('web')).toEqual([
      {
        id: 'web-1',
        name: 'web',
        address: '10.0.0.1',
        port: 8080,
        tags: ['v1', 'blue'],
        meta: { version: '2' },
      },
    ]);
  });

  it('says no address to an agent on this host, which knows how others reach it', async () => {
    const { registry, double } = await openWorld();
    const registration = await registry.register(web);
    expect(registration.address).toBeUndefined();
    expect(JSON.parse(double.requests[0]!.body)).not.toHaveProperty('Address');
  });

  it('makes an id that is the same for the same place as long as the process lives', async () => {
    const { registry } = await openWorld();
    const { id, deregister } = await registry.register({ name: 'web', port: 80 });
    expect(id).toBe(`web-${hostname()}-80-${process.pid}`);
    expect(deregister).toBeTypeOf('function');
    const other = await registry.register({ name: 'web', port: 80, address: '10.0.0.1' });
    expect(other.id).toBe(`web-${hostname()}-10.0.0.1-80-${process.pid}`);
  });

  it('refuses an id that this client holds already, and leaves the first alone', async () => {
    const { registry } = await openWorld();
    const first = await registry.register(web);
    await expect(registry.register(web)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(await registry.instances('web')).toHaveLength(1);
    await first.deregister();
    await (await registry.register(web)).deregister();
  });

  it('has checks by a path made at the address that callers use', async () => {
    const { registry, double } = await openWorld();
    await registry.register({ ...web, check: { http: '/health' } });
    const body = JSON.parse(double.requests.at(-1)!.body);
    // The advertised address of the double's node.
    expect(body.Checks[0].HTTP).toBe('http://127.0.0.1:8080/health');
    await registry.register({
      ...web,
      id: 'web-2',
      address: '2001:db8::5',
      secure: true,
      check: { http: '/health' },
    });
    expect(JSON.parse(double.requests.at(-1)!.body).Checks[0].HTTP).toBe('https://[2001:db8::5]:8080/health');
  });

  it('does without the address of the node where the token may not read it', async () => {
    const { registry, double } = await openWorld();
    double.http.only(({ path }) => path === '/v1/agent/self');
    double.http.error(403, 'Permission denied');
    await registry.register({ ...web, check: { tcp: true } });
    expect(JSON.parse(double.requests.at(-1)!.body).Checks[0].TCP).toBe('127.0.0.1:8080');
  });

  it('is refused at once where Consul refuses, and nothing is left of it', async () => {
    const { registry, double, clock } = await openWorld();
    double.http.failNext(1, 403, 'Permission denied');
    await expect(registry.register(web)).rejects.toMatchObject({ code: 'ERR_CONSUL', status: 403 });
    expect(double.requests).toHaveLength(1);
    expect(clock.pending).toBe(0);
    await registry.register(web);
  });

  it('is tried again, with growing pauses, while the agent has trouble, which is said once', async () => {
    const world = await openWorld();
    world.double.http.error(500, 'no');
    const registering = world.registry.register(web, { onWarning: world.onWarning });
    await world.pass(1_100);
    expect(world.asked()).toHaveLength(2);
    await world.pass(1_000);
    expect(world.asked().length).toBeLessThanOrEqual(3);
    await world.pass(60_000);
    expect(world.warnings.map(({ code }) => code)).toEqual(['REGISTRATION_FAILED']);
    world.double.http.error(undefined);
    await world.pass(31_000);
    expect((await registering).state).toBe('registered');
  });

  it('gives up after its time, and says why', async () => {
    const world = await openWorld();
    world.double.http.error(503, 'no leader');
    const failed = expect(
      world.registry.register(web, { timeout: 5_000, onWarning: world.onWarning }),
    ).rejects.toMatchObject({ code: 'ERR_TIMEOUT', message: expect.stringContaining('no leader') });
    await world.pass(6_000);
    await failed;
    expect(world.clock.pending).toBe(0);
  });

  it("rejects with its signal's reason, and takes back what Consul may have heard", async () => {
    const world = await openWorld();
    // Heard and done, only the answer does not come.
    world.double.http.only(({ path }) => path.endsWith('/register'));
    world.double.http.delay(60_000);
    const enough = new AbortController();
    const reason = new Error('enough');
    const registering = world.registry.register(web, { signal: enough.signal });
    await eventually(() => world.asked().length).toBe(1);
    enough.abort(reason);
    await expect(registering).rejects.toBe(reason);
    expect(world.asked()).toEqual(['PUT register', 'PUT deregister']);
    await expect(world.registry.register(web, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(world.asked()).toHaveLength(2);
  });

  it('rejects after the client was closed', async () => {
    const { registry, http } = await openWorld();
    await http.close();
    await expect(registry.register(web)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });
});

describe('an address that spreads over several agents', () => {
  it('is noticed when another answers, and said once', async () => {
    const other = await createConsulDouble({ node: 'node-b' });
    onTestFinished(() => other.close());
    const first = { port: 0 };
    let ports: number[] = [];
    let turn = 0;
    const balancer = createServer((socket) => {
      const up = connect(ports[turn]!, '127.0.0.1');
      socket.pipe(up).pipe(socket);
      for (const one of [socket, up]) one.on('error', () => {});
    });
    await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void balancer.close());
    const world = await openWorld((double) => {
      first.port = double.httpPort;
      ports = [double.httpPort, other.httpPort];
      return `127.0.0.1:${(balancer.address() as { port: number }).port}`;
    });
    const registration = await world.registry.register(web, { onWarning: world.onWarning });
    await world.pass(10_000);
    turn = 1;
    world.double.http.disconnect();
    await eventually(async () => {
      await world.pass(5_000);
      return world.warnings.map(({ code }) => code);
    }).toEqual(expect.arrayContaining(['AGENT_CHANGED']));
    expect(world.warnings.find(({ code }) => code === 'AGENT_CHANGED')?.message).toContain(
      'the agent node-b answers',
    );
    await eventually(() => registration.state).toBe('registered');
    await world.pass(120_000);
    expect(world.warnings.filter(({ code }) => code === 'AGENT_CHANGED')).toHaveLength(1);
  });
});

describe('the registry', () => {
  it('deregisters by id what it registered, and what it did not', async () => {
    const { registry, http, double } = await openWorld();
    const registration = await registry.register(web);
    await registry.deregister('web-1');
    expect(registration.state).toBe('deregistered');
    await http.request('PUT', '/v1/agent/service/register', { body: { ID: 'other', Name: 'web', Port: 1 } });
    await registry.deregister('other');
    await registry.deregister('nobody');
    expect(await registry.instances('web')).toEqual([]);
    expect(double.requests.filter(({ method }) => method === 'PUT')).toHaveLength(5);
  });

  it('shows instances whatever their health', async () => {
    const { registry } = await openWorld();
    await registry.register({
      ...web,
      check: { ttl: 60_000, initial: 'critical', status: () => 'critical' },
    });
    expect(await registry.instances('web')).toHaveLength(1);
  });
});
