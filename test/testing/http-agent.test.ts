import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts';
import { askUdp } from './ask.ts';
import { caller } from './http-requests.ts';

let clock: FakeClock;
let double: ConsulDouble;
let consul: ReturnType<typeof caller>;
const start = async (version: '1.8.7' | '1.22.7' = '1.22.7') => {
  clock = createFakeClock();
  double = await createConsulDouble({ version, clock, seed: 1 });
  consul = caller(double.httpAddress);
};
beforeEach(() => start());
afterEach(() => double.close());

const register = (definition: object, query = '') =>
  consul.put(`/v1/agent/service/register${query}`, {
    Name: 'web',
    Address: '127.0.0.9',
    Port: 80,
    ...definition,
  });
const status = async (service = 'web') =>
  (await consul.get(`/v1/health/checks/${service}`)).json.map(
    ({ CheckID, Status, Output }: Record<string, string>) => [CheckID, Status, Output],
  );
const inDns = async () => (await askUdp(double, { name: 'web.service.consul' })).instances;

describe('a service registered over HTTP', () => {
  it('is in DNS, and out of it once it is deregistered', async () => {
    expect((await register({})).status).toBe(200);
    expect(await inDns()).toEqual(['127.0.0.9:80']);
    await consul.put('/v1/agent/service/deregister/web');
    expect(await inDns()).toEqual([]);
  });

  it('leaves DNS when a check turns critical, and stays while one warns', async () => {
    await register({ Check: { TTL: '10s' } });
    expect(await inDns()).toEqual([]);
    await consul.put('/v1/agent/check/warn/service:web?note=slow');
    expect(await inDns()).toEqual(['127.0.0.9:80']);
    expect(await status()).toEqual([['service:web', 'warning', 'slow']]);
    await consul.put('/v1/agent/check/fail/service:web');
    expect(await inDns()).toEqual([]);
  });

  it('leaves DNS in maintenance, and comes back', async () => {
    await register({});
    await consul.put('/v1/agent/service/maintenance/web?enable=true&reason=upgrade');
    expect(await inDns()).toEqual([]);
    const { status: code, json } = await consul.get('/v1/agent/health/service/id/web');
    expect([code, json.AggregatedStatus, json.Checks[0].Notes]).toEqual([503, 'maintenance', 'upgrade']);
    await consul.put('/v1/agent/service/maintenance/web?enable=false');
    expect(await inDns()).toEqual(['127.0.0.9:80']);
  });

  it('keeps its checks and how they stood when it is registered again; replace-existing-checks drops the others', async () => {
    await register({
      Checks: [
        { CheckID: 'one', TTL: '10s' },
        { CheckID: 'two', TTL: '10s' },
      ],
    });
    await consul.put('/v1/agent/check/pass/one');
    await register({ Check: { CheckID: 'one', TTL: '10s', Status: 'critical' } });
    expect(await status()).toEqual([
      ['one', 'passing', ''],
      ['two', 'critical', ''],
    ]);
    await register({ Check: { CheckID: 'one', TTL: '10s' } }, '?replace-existing-checks');
    expect(await status()).toEqual([['one', 'passing', '']]);
  });

  it('is gone with all its checks after forget(), as after the restart of an agent without a data directory', async () => {
    await register({ Check: { TTL: '10s' } });
    double.register({ name: 'other' });
    double.http.forget();
    expect(Object.keys((await consul.get('/v1/agent/services')).json)).toEqual(['other-1']);
    expect((await consul.get('/v1/agent/checks')).json).toEqual({});
    expect(clock.pending).toBe(0);
  });
});

describe('a TTL check', () => {
  it('turns critical when no heartbeat came in time, and says what came last', async () => {
    await register({ Check: { TTL: '10s' } });
    await consul.put('/v1/agent/check/pass/service:web?note=fine');
    await clock.advance(9_999);
    expect(await status()).toEqual([['service:web', 'passing', 'fine']]);
    await clock.advance(1);
    expect(await status()).toEqual([
      ['service:web', 'critical', 'TTL expired (last output before timeout follows): fine'],
    ]);
  });

  it('begins anew with each heartbeat', async () => {
    await register({ Check: { TTL: '10s', Status: 'passing' } });
    for (let beats = 0; beats < 5; beats++) {
      await clock.advance(9_000);
      await consul.put('/v1/agent/check/update/service:web', { Status: 'passing' });
    }
    expect(await status()).toEqual([['service:web', 'passing', '']]);
  });

  it('takes the service away when it has been critical for long enough, at the next of its rounds every 30 s', async () => {
    await register({ Check: { TTL: '10s', DeregisterCriticalServiceAfter: '90s', Status: 'passing' } });
    await clock.advance(10_000);
    await clock.advance(109_999);
    expect(await status()).toHaveLength(1);
    await clock.advance(1);
    expect((await consul.get('/v1/agent/services')).json).toEqual({});
    expect(clock.pending).toBe(0);
  });

  it('that recovers in time keeps its service', async () => {
    await register({ Check: { TTL: '200s', DeregisterCriticalServiceAfter: '1m' } });
    await clock.advance(50_000);
    await consul.put('/v1/agent/check/pass/service:web');
    await clock.advance(100_000);
    expect(Object.keys((await consul.get('/v1/agent/services')).json)).toEqual(['web']);
  });

  it('new output alone reaches the agent at once, the catalogue within 2.5 to 7.5 minutes', async () => {
    await register({ Check: { TTL: '1h', Status: 'passing' } });
    const { index } = await consul.get('/v1/health/service/web');
    await consul.put('/v1/agent/check/pass/service:web?note=new');
    expect((await consul.get('/v1/agent/checks')).json['service:web'].Output).toBe('new');
    await clock.advance(149_000);
    expect(await status()).toEqual([['service:web', 'passing', '']]);
    expect((await consul.get('/v1/health/service/web')).index).toBe(index);
    await clock.advance(301_000);
    expect(await status()).toEqual([['service:web', 'passing', 'new']]);
  });
});

describe('checks that the agent runs itself', () => {
  const servers: ReturnType<typeof createServer>[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });
  const serve = async (answer: () => [number, string]) => {
    const server = createServer((_, response) => {
      const [code, text] = answer();
      response.writeHead(code, { connection: 'close' }).end(text);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  /** Real sockets on a clock that stands still: until what is to be seen is there. */
  const until = async (wanted: string) => {
    for (let tries = 0; tries < 500; tries++) {
      const [, found] = (await status())[0];
      if (found === wanted) return (await status())[0];
      await new Promise((resolve) => setImmediate(resolve));
    }
    return (await status())[0];
  };

  it('HTTP: 2xx passes, 429 warns, anything else is critical', async () => {
    let code = 200;
    const port = await serve(() => [code, 'said']);
    const url = `http://127.0.0.1:${port}/health`;
    await register({ Check: { HTTP: url, Interval: '10s' } });
    expect(await status()).toEqual([['service:web', 'critical', '']]);
    await clock.advance(10_000);
    expect(await until('passing')).toEqual([
      'service:web',
      'passing',
      `HTTP GET ${url}: 200 OK Output: said`,
    ]);
    code = 429;
    await clock.advance(10_000);
    expect(await until('warning')).toContain(`HTTP GET ${url}: 429 Too Many Requests Output: said`);
    code = 500;
    await clock.advance(10_000);
    expect(await until('critical')).toContain(`HTTP GET ${url}: 500 Internal Server Error Output: said`);
  });

  it.each(['TCP', 'GRPC'])('%s: an open port passes, a closed one is critical', async (kind) => {
    const port = await serve(() => [200, '']);
    await register({ Check: { [kind]: `127.0.0.1:${port}`, Interval: '10s' } });
    await clock.advance(10_000);
    expect((await until('passing'))[1]).toBe('passing');
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    await clock.advance(10_000);
    expect(await until('critical')).toEqual([
      'service:web',
      'critical',
      `dial tcp 127.0.0.1:${port}: connect: connection refused`,
    ]);
  });

  it('waits for as many failures as it was told to', async () => {
    let asked = 0;
    const port = await serve(() => {
      asked++;
      return [503, ''];
    });
    const HTTP = `http://127.0.0.1:${port}`;
    await register({ Check: { HTTP, Interval: '10s', FailuresBeforeCritical: 3, Status: 'passing' } });
    for (const failures of [1, 2]) {
      while (asked < failures) await clock.advance(1_000);
      expect((await status())[0][1]).toBe('passing');
    }
    while (asked < 3) await clock.advance(1_000);
    expect((await until('critical'))[1]).toBe('critical');
  });

  it('reach out to no other machine', async () => {
    await register({ Check: { HTTP: 'http://192.0.2.1/', Interval: '10s' } });
    await clock.advance(10_000);
    expect((await status())[0][1]).toBe('critical');
    expect((await consul.get('/v1/agent/checks')).json['service:web'].Output).toContain(
      '192.0.2.1 is not on loopback',
    );
  });

  it('rest while the agent is down', async () => {
    const port = await serve(() => [200, '']);
    await register({ Check: { HTTP: `http://127.0.0.1:${port}`, Interval: '10s' } });
    await double.stop();
    expect(clock.pending).toBe(0);
    await double.start();
    expect(clock.pending).toBe(1);
  });
});

describe('what Consul refuses, in its words', () => {
  it.each([
    [{ Name: '' }, 'Missing service name'],
    [{ Bogus: 1 }, 'Request decode failed: json: unknown field "Bogus"'],
    [{ Check: { HTTP: 'http://x' } }, /^Invalid check: Interval must be > 0 for Script, HTTP/],
    [{ Check: { Name: 'x' } }, 'Invalid check: TTL must be > 0 for TTL checks'],
    [{ Check: { TTL: 'x' } }, 'Request decode failed: time: invalid duration "x"'],
    [{ Check: { TTL: '1s', Status: 'no' } }, "Status for checks must 'passing', 'warning', 'critical'"],
    [{ Weights: { Passing: 0, Warning: 1 } }, 'Invalid Weights: Passing must be greater than 0'],
    [{ Address: '0.0.0.0' }, 'Invalid service address'],
  ])('%j', async (definition, said) => {
    const { status: code, text } = await register(definition);
    expect(code).toBe(400);
    expect(text).toMatch(said);
  });

  it.each([
    ['1.8.7', 200, ''],
    ['1.22.7', 404, 'Unknown service ID "no". Ensure that the service ID is passed, not the service name.'],
  ] as const)('%s: to deregister what is not there is %i', async (version, code, text) => {
    await double.close();
    await start(version);
    expect(await consul.put('/v1/agent/service/deregister/no')).toMatchObject({ status: code, text });
  });
});

describe('what a test registers by hand', () => {
  it('is a registration with the agent as any other', async () => {
    const web = double.register({ name: 'web', id: 'w', port: 80, tags: ['v1'], meta: { a: 'b' } });
    expect((await consul.get('/v1/agent/services')).json.w).toMatchObject({
      Service: 'web',
      Port: 80,
      Tags: ['v1'],
      Meta: { a: 'b' },
    });
    expect(await status()).toEqual([]);
    web.setStatus('warning');
    expect(await status()).toEqual([['service:w', 'warning', '']]);
    await consul.put('/v1/agent/check/pass/service:w');
    expect(await status()).toEqual([['service:w', 'passing', '']]);
    await consul.put('/v1/agent/service/deregister/w');
    expect((await consul.get('/v1/health/service/web')).json).toEqual([]);
    web.setStatus('critical');
    expect((await consul.get('/v1/health/service/web')).json).toEqual([]);
  });
});
