import * as http from 'node:http';
import * as tls from 'node:tls';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  HttpAgent,
  type HttpAgentOptions,
  HttpsAgent,
  type HttpsAgentOptions,
} from '../../src/adapter/http.ts';
import { createDiscovery } from '../../src/index.ts';
import { ask, at, backend, backends, failed, httpWorld, pem, refusing } from './http/world.ts';

const url = 'http://web.service.consul/';
const secure = 'https://web.service.consul/';

describe('options', () => {
  it.each([
    [{ hostheader: 'service' }, /^HttpAgent: unknown option "hostheader"; known are port, hostHeader/],
    [{ hostHeader: 'mine' }, /^HttpAgent\.hostHeader: expected "service" or "endpoint", got "mine"/],
    [{ retries: -1 }, /^HttpAgent\.retries: expected a whole number from 0 to 100/],
    [{ connectTimeout: 0 }, /^HttpAgent\.connectTimeout: expected/],
    [{ port: 8080 }, /^HttpAgent\.port: expected "error" or "override"/],
    [{ serverName: '' }, /^HttpAgent\.serverName: expected a non-empty string/],
    [{ host: '10.0.0.1' }, /^HttpAgent\.host: where to connect is for the discovery to say/],
    [{ proxyEnv: process.env }, /^HttpAgent\.proxyEnv: instances are reached directly/],
    [new Map(), /^HttpAgent: expected an object/],
  ])('%o are refused', async (options, message) => {
    const { discovery } = await httpWorld([1]);
    const making = () => new HttpAgent(discovery, options as HttpAgentOptions);
    expect(making).toThrow(message);
    expect(making).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }));
  });

  it('need a discovery', () => {
    expect(() => new HttpAgent({} as never)).toThrow(
      'new HttpAgent(discovery): expected the discovery that createDiscovery() returned.',
    );
    expect(() => new HttpsAgent(undefined as never)).toThrow(/new HttpsAgent/);
  });

  it("that are Node's are Node's, with keepAlive by default", async () => {
    const { agent, tlsAgent } = await httpWorld([1]);
    expect(agent()).toMatchObject({
      keepAlive: true,
      maxSockets: Number.POSITIVE_INFINITY,
      protocol: 'http:',
    });
    expect(tlsAgent({ maxCachedSessions: 7 })).toMatchObject({
      keepAlive: true,
      protocol: 'https:',
      maxCachedSessions: 7,
    });
    const options = {
      keepAlive: false,
      maxSockets: 3,
      maxFreeSockets: 2,
      scheduling: 'fifo',
      timeout: 5_000,
    } as const;
    expect(agent(options)).toMatchObject({
      keepAlive: false,
      maxSockets: 3,
      maxFreeSockets: 2,
      scheduling: 'fifo',
    });
    expect(() => agent({ scheduling: 'random' as never })).toThrow(/scheduling/);
  });

  it('without keepAlive make a connection for each request', async () => {
    const one = await backend();
    const world = await httpWorld([one.port]);
    const agent = world.agent({ keepAlive: false });
    for (let i = 0; i < 3; i++) await ask(url, { agent });
    expect(one.accepted).toHaveLength(3);
  });

  it('have types', () => {
    const discovery = createDiscovery();
    expectTypeOf(new HttpAgent(discovery, { keepAlive: false, port: 'override' })).toExtend<http.Agent>();
    expectTypeOf<HttpsAgentOptions['key']>()
      .extract<(request: http.ClientRequest) => string | undefined>()
      .not.toBeNever();
    expectTypeOf<{ key: Buffer; cert: string }>().toExtend<HttpsAgentOptions>();
    // @ts-expect-error: where to connect is for the discovery to say
    expect(() => new HttpAgent(discovery, { host: '10.0.0.1' })).toThrow();
    return discovery.close();
  });
});

describe('names', () => {
  it.each([
    'v1.web.service.consul',
    '_web._tcp.service.consul',
    'WEB.service.consul.',
    'nearest.query.consul',
  ])('%s is a service', async (name) => {
    const one = await backend();
    const world = await httpWorld([one.port]);
    expect((await ask(`http://${name}/x`, { agent: world.agent() })).status).toBe(200);
    expect(one.asked).toMatchObject([{ host: new URL(`http://${name}`).host }]);
  });

  it('of a node takes the address from Consul, and the port from the URL', async () => {
    const one = await backend();
    const world = await httpWorld([1]);
    world.source.answer = { addresses: at(1) };
    const agent = world.agent();
    expect((await ask(`http://x.node.consul:${one.port}/`, { agent })).status).toBe(200);
    expect(one.asked).toMatchObject([{ host: `x.node.consul:${one.port}` }]);
  });

  it('of a service with a port is an error, which tells what to do', async () => {
    const world = await httpWorld([1]);
    const error = await failed(ask('http://web.service.consul:8080/', { agent: world.agent() }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_NAME' });
    expect(error.message).toContain("port: 'override'");
  });

  it("of a service with a port is called there, with port: 'override'", async () => {
    const one = await backend();
    const world = await httpWorld([1]);
    const agent = world.agent({ port: 'override' });
    expect((await ask(`http://web.service.consul:${one.port}/`, { agent })).status).toBe(200);
    expect(one.asked).toMatchObject([{ host: `web.service.consul:${one.port}` }]);
  });

  it('with the usual port are names without', async () => {
    const one = await backend();
    const world = await httpWorld([one.port]);
    expect((await ask('http://web.service.consul:80/', { agent: world.agent() })).status).toBe(200);
  });

  it('that nobody can ask for are an error of the request, never thrown', async () => {
    const world = await httpWorld([1]);
    const request = http.get('http://a..service.consul/', { agent: world.agent() });
    const error = await new Promise((resolve) => request.on('error', resolve));
    expect(error).toMatchObject({ code: 'ERR_INVALID_NAME' });
  });

  it('are not looked at where the request is for a Unix socket', async () => {
    const world = await httpWorld([1]);
    const options = { agent: world.agent(), socketPath: '/nowhere/x.sock' };
    expect(await failed(ask(url, options))).toMatchObject({ code: 'ENOENT' });
  });
});

describe("hostHeader: 'endpoint'", () => {
  it('names the instance, also after another was tried, whenever the head was written', async () => {
    const [dead, one] = [await refusing(), await backend()];
    const world = await httpWorld([dead, one.port], {}, { retryBudget: false });
    const agent = world.agent({ hostHeader: 'endpoint' });
    const body = 'x'.repeat(70_000);
    await ask(url, { agent });
    await ask(url, { agent, method: 'PUT', body });
    await ask(url, { agent, headers: ['Host', 'web.service.consul', 'X-One', '1'] as never });
    await ask('http://unknown.service.consul/', { agent, method: 'POST', body });
    expect(one.asked.map(({ host }) => host)).toEqual(Array(4).fill(`127.0.0.1:${one.port}`));
  });

  it("leaves a header of the caller's own", async () => {
    const one = await backend();
    const world = await httpWorld([one.port]);
    await ask(url, { agent: world.agent({ hostHeader: 'endpoint' }), headers: { host: 'example.org' } });
    expect(one.asked).toMatchObject([{ host: 'example.org' }]);
  });

  it('sends what follows the head unharmed', async () => {
    let received = '';
    const one = await backend((request, response) => {
      request.on('data', (chunk) => {
        received += chunk;
      });
      request.on('end', () => response.end());
    });
    const world = await httpWorld([one.port]);
    const body = 'Host: web.service.consul\r\n';
    await ask(url, { agent: world.agent({ hostHeader: 'endpoint' }), method: 'POST', body });
    expect([received, one.asked[0]!.host]).toEqual([body, `127.0.0.1:${one.port}`]);
  });
});

describe('serverName', () => {
  /** The name that a TLS client asks for. */
  async function asked(options: HttpsAgentOptions, request: object = {}, address: object = {}) {
    const names: (string | false | undefined)[] = [];
    const one = await backend(
      ({ socket }, response) => {
        names.push((socket as tls.TLSSocket).servername as never);
        response.end();
      },
      { tls: 'web' },
    );
    const world = await httpWorld([1]);
    world.source.answer = { addresses: at(one.port).map((each) => ({ ...each, ...address })) };
    const agent = world.tlsAgent({ checkServerIdentity: () => undefined, ...options });
    await ask('https://other.service.consul/', { agent, ...request });
    return names[0];
  }

  it("is the service's by default, whatever the Host header becomes", async () => {
    expect(await asked({})).toBe('other.service.consul');
    expect(await asked({ hostHeader: 'endpoint' })).toBe('other.service.consul');
    expect(await asked({}, { setHost: false, headers: { host: 'example.org:443' } })).toBe('example.org');
  });

  it("'target' is the host name under which the instance is registered, where it is one", async () => {
    expect(await asked({ serverName: 'target' }, {}, { serverName: 'db.example.org' })).toBe(
      'db.example.org',
    );
    expect(await asked({ serverName: 'target' })).toBe('other.service.consul');
  });

  it("of one's own is for all, but a request's goes before", async () => {
    expect(await asked({ serverName: 'web.service.consul' })).toBe('web.service.consul');
    expect(await asked({ serverName: 'web.service.consul' }, { servername: 'mine.org' })).toBe('mine.org');
  });

  it('keeps connections of one instance apart by name', async () => {
    const one = await backend(undefined, { tls: 'web' });
    const world = await httpWorld([one.port]);
    const agent = world.tlsAgent();
    await ask(secure, { agent });
    await ask(secure, { agent });
    await ask('https://v1.web.service.consul/', { agent });
    expect(one.accepted).toHaveLength(2);
  });
});

describe('key', () => {
  it('is asked for each request and sticks', async () => {
    const three = await backends(3);
    const world = await httpWorld(
      three.map(({ port }) => port),
      { balancer: 'consistent-hash' },
    );
    const agent = world.agent({ key: (request) => request.getHeader('x-user')?.toString() });
    for (let i = 0; i < 12; i++) await ask(url, { agent, headers: { 'x-user': 'ada' } });
    expect(three.map(({ asked }) => asked.length).sort()).toEqual([0, 0, 12]);
  });

  it('reaches the strategy, at a retry as well', async () => {
    const [dead, one] = [await refusing(), await backend()];
    const world = await httpWorld([dead, one.port]);
    await ask(url, { agent: world.agent({ key: ({ path }) => path }) });
    expect(world.keys).toEqual(['/', '/']);
  });

  it('that throws, or is none, fails the request', async () => {
    const one = await backend();
    const world = await httpWorld([one.port]);
    const throws = () => {
      throw new Error('no user');
    };
    expect(await failed(ask(url, { agent: world.agent({ key: throws }) }))).toMatchObject({
      message: 'no user',
    });
    const error = await failed(ask(url, { agent: world.agent({ key: (() => 7) as never }) }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(world.inFlight()).toBe(0);
  });

  it("that is no function is the private key of a client's certificate", async () => {
    const one = await backend(undefined, { tls: 'web', mutual: true });
    const world = await httpWorld([one.port]);
    const agent = world.tlsAgent({ key: pem('web-key'), cert: pem('web') });
    expect((await ask(secure, { agent })).status).toBe(200);
    const both = world.tlsAgent({
      key: () => 'user',
      secureContext: tls.createSecureContext({ key: pem('web-key'), cert: pem('web'), ca: pem('ca') }),
    });
    expect((await ask(secure, { agent: both })).status).toBe(200);
    expect(world.keys.at(-1)).toBe('user');
  });
});
