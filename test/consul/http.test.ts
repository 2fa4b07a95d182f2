import { getEventListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { ConsulHttp, longestAnswer } from '../../src/consul/http.ts';
import { type ConsulOptions, completeConsul } from '../../src/consul/options.ts';
import { createPacedClock, type PacedClock } from './paced-clock.ts';
import { type Said, type Script, ScriptedAgent, say, until } from './scripted-agent.ts';

let agent: ScriptedAgent;
let clock: PacedClock;
const opened: { close(): unknown }[] = [];

beforeEach(async () => {
  clock = createPacedClock();
  agent = await ScriptedAgent.start(() => ({ body: { fine: true } }));
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await agent.close();
});

function client(options: ConsulOptions = {}, time = clock): ConsulHttp {
  const http = new ConsulHttp(completeConsul({ address: agent.address, ...options }, {}), time);
  opened.push(http);
  return http;
}

const answering = (said: Said): Script => {
  return () => said;
};
/** Says nothing at all. */
const silent: Script = () => undefined;
const urls = () => agent.asked.map(({ url }) => url);

describe('a request to Consul', () => {
  it('comes back with its status, body and what the headers say of the state', async () => {
    agent.script = answering({
      index: 42,
      headers: { 'x-consul-lastcontact': '17', 'x-consul-knownleader': 'true' },
      body: [1],
    });
    expect(await client().request('GET', '/v1/catalog/nodes')).toMatchObject({
      status: 200,
      body: [1],
      index: 42,
      lastContact: 17,
      knownLeader: true,
    });
    agent.script = answering({ body: 'leader?', headers: { 'x-consul-knownleader': 'false' } });
    expect(await client().request('GET', '/v1/x')).toMatchObject({
      body: 'leader?',
      index: undefined,
      lastContact: undefined,
      knownLeader: false,
    });
  });

  it.each([
    ['{"a":1}', { a: 1 }],
    ['true\n', true],
    ['"127.0.0.1:8300"', '127.0.0.1:8300'],
    ['plain words', 'plain words'],
    ['', undefined],
    [' \n', undefined],
  ])('understands the body %j', async (body, expected) => {
    agent.script = answering({ body });
    expect((await client().request('GET', '/v1/x')).body).toEqual(expected);
  });

  it('gives the bytes as they came', async () => {
    agent.script = answering({ body: Buffer.from([0, 255, 10]) });
    const { body } = await client().request<Buffer>('GET', '/v1/x', { as: 'bytes' });
    expect([...body]).toEqual([0, 255, 10]);
  });

  it('of HEAD has no body, whatever length is announced', async () => {
    agent.script = (_asked, response) => {
      response.writeHead(200, { 'content-length': String(longestAnswer * 2) });
      response.end();
      return undefined;
    };
    expect(await client().request('head', '/v1/x')).toMatchObject({ status: 200, body: undefined });
    expect(agent.asked[0]?.method).toBe('HEAD');
  });

  it('sends text and bytes as they are, all else as JSON', async () => {
    const http = client();
    for (const body of ['tëxt', new Uint8Array([104, 105]), { a: [1] }, false, null, '']) {
      await http.request('PUT', '/v1/x', { body });
    }
    await http.request('PUT', '/v1/x');
    expect(agent.asked.map(({ body, headers }) => [body, headers['content-type']])).toEqual([
      ['tëxt', 'application/octet-stream'],
      ['hi', 'application/octet-stream'],
      ['{"a":[1]}', 'application/json'],
      ['false', 'application/json'],
      ['null', 'application/json'],
      ['', 'application/octet-stream'],
      ['', undefined],
    ]);
  });

  it('encodes its query', async () => {
    const http = client({ consistency: 'default' });
    await http.request('GET', '/v1/x', {
      query: { a: 'b c&d=ü', n: 5, yes: true, no: false, nothing: undefined, tag: ['x', 'y z'], 'odd&': '' },
    });
    await http.request('GET', '/v1/x?recurse', { query: { a: 1 } });
    expect(urls()).toEqual([
      '/v1/x?a=b%20c%26d%3D%C3%BC&n=5&yes&tag=x&tag=y%20z&odd%26=',
      '/v1/x?recurse&a=1',
    ]);
  });

  it('names datacenter, namespace and partition, and how consistent a read has to be', async () => {
    const http = client({ datacenter: 'dc2', namespace: 'n', partition: 'p' });
    await http.request('GET', '/v1/kv/a');
    await http.request('GET', '/v1/kv/a', { query: { dc: 'dc3' }, consistency: 'consistent' });
    await http.request('GET', '/v1/kv/a?consistent&dc=dc4');
    await http.request('GET', '/v1/kv/a', { query: { consistent: true }, consistency: 'default' });
    await http.request('PUT', '/v1/kv/a');
    await http.request('GET', '/v1/agent/self');
    expect(urls()).toEqual([
      '/v1/kv/a?ns=n&partition=p&dc=dc2&stale',
      '/v1/kv/a?ns=n&partition=p&dc=dc3&consistent',
      '/v1/kv/a?consistent&dc=dc4&ns=n&partition=p',
      '/v1/kv/a?ns=n&partition=p&dc=dc2&consistent',
      '/v1/kv/a?ns=n&partition=p&dc=dc2',
      '/v1/agent/self?ns=n&partition=p',
    ]);
  });

  it('carries the token, basic authentication and headers of its own', async () => {
    await client({ token: 'canary', auth: 'me' }).request('GET', '/v1/x', { headers: { 'X-Own': 'yes' } });
    await client({ token: 'canary' }).request('GET', '/v1/x', { headers: { 'X-Consul-Token': 'other' } });
    expect(agent.asked[0]?.headers).toMatchObject({
      'x-consul-token': 'canary',
      authorization: `Basic ${Buffer.from('me:').toString('base64')}`,
      'x-own': 'yes',
    });
    expect(agent.asked[1]?.headers['x-consul-token']).toBe('other');
  });

  it('goes through a proxy that wants a path before its own', async () => {
    await client({ address: `${agent.address}/consul/`, consistency: 'default' }).request('GET', '/v1/x');
    expect(urls()).toEqual(['/consul/v1/x']);
  });

  it('goes through a socket in the file system', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'consul-socket-'));
    const path = join(directory, 'consul.sock');
    const local = await ScriptedAgent.start(answering({ body: 'by socket' }), { path });
    const http = client({ address: `unix://${path}`, retries: 0 });
    expect(http.address).toBe(`unix://${path}`);
    expect((await http.request('GET', '/v1/x')).body).toBe('by socket');
    await local.close();
    await expect(http.request('GET', '/v1/x')).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
    rmSync(directory, { recursive: true });
  });

  it.each([
    [() => client().request('GET', '/agent/self'), "a path like '/v1/agent/self'"],
    [() => client().request('GET', '/v1/a b'), "a path like '/v1/agent/self'"],
    [() => client().request('GET', '/v1/a#b'), "a path like '/v1/agent/self'"],
    [() => client().request('GET', 'http://evil/v1/'), "a path like '/v1/agent/self'"],
    [() => client().request('GET /', '/v1/x'), "a method like 'GET'"],
    [() => client().request('GET', '/v1/x', { query: { a: {} } } as never), 'request.query.a'],
    [() => client().request('GET', '/v1/x', { query: { a: Number.NaN } }), 'request.query.a'],
    [() => client().request('GET', '/v1/x', { headers: { a: 1 } } as never), 'request.headers.a'],
    [() => client().request('GET', '/v1/x', { retries: 1 } as never), 'unknown option "retries"'],
    [() => client().request('PUT', '/v1/x', { body: 1n }), 'request.body'],
    [() => client().request('PUT', '/v1/x', { body: () => {} }), 'request.body'],
  ])('is refused before it is sent where it makes no sense (%#)', async (attempt, why) => {
    const error = await attempt().catch((caught: Error) => caught as Error);
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect((error as Error).message).toContain(why);
    expect(agent.asked).toEqual([]);
  });

  it('with a header that HTTP cannot carry is refused too', async () => {
    const attempt = client().request('GET', '/v1/x', { headers: { 'X-Consul-Token': 'canary\ncanary' } });
    const error = await attempt.catch((caught: Error) => caught as Error);
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect((error as Error).message).not.toContain('canary');
  });
});

describe('an answer that is none', () => {
  it.each([400, 403, 404, 429, 500, 503])('%i is an error with what Consul said', async (status) => {
    agent.script = answering({ status, body: ' No cluster leader \n' });
    await expect(client().request('GET', '/v1/x')).rejects.toMatchObject({
      name: 'ConsulError',
      code: 'ERR_CONSUL',
      status,
      body: 'No cluster leader',
      message: `GET /v1/x: Consul at ${agent.address} answered ${status}: No cluster leader`,
    });
    expect(agent.asked).toHaveLength(1);
  });

  it('may be expected', async () => {
    agent.script = answering({ status: 404 });
    expect(await client().request('GET', '/v1/x', { accept: [404] })).toMatchObject({
      status: 404,
      body: undefined,
    });
  });

  it('is not followed elsewhere', async () => {
    agent.script = answering({ status: 307, headers: { location: '/v1/kv/a/b' }, body: 'moved' });
    await expect(client().request('GET', '/v1/x')).rejects.toMatchObject({
      status: 307,
      message: expect.stringContaining('answered 307 (to /v1/kv/a/b)'),
    });
    expect(agent.asked).toHaveLength(1);
  });

  it('is shown in part where it is long', async () => {
    agent.script = answering({ status: 500, body: 'x'.repeat(10_000) });
    const error = await client()
      .request('GET', '/v1/x')
      .catch((caught) => caught);
    expect(error.body).toHaveLength(500);
  });

  it('is broken JSON, of which nothing is shown', async () => {
    agent.script = answering({ body: '{"canary' });
    const error = await client()
      .request('GET', '/v1/x')
      .catch((caught) => caught);
    expect(error).toMatchObject({ code: 'ERR_CONSUL', status: 200 });
    expect(inspect(error)).not.toContain('canary');
  });

  it('is too long: it is not read to its end, nor asked for again', async () => {
    agent.script = (_asked, response) => {
      response.writeHead(200, { 'content-length': String(longestAnswer + 1) });
      response.write('x');
      return undefined;
    };
    await expect(client().request('GET', '/v1/x')).rejects.toMatchObject({
      code: 'ERR_CONSUL',
      message: expect.stringContaining('more than 268435456 bytes'),
    });
    await until(() => agent.openConnections === 0);
    expect(agent.asked).toHaveLength(1);
  });
});

describe('time and abort', () => {
  it('ends a request that is not answered', async () => {
    agent.script = silent;
    const answer = client({ timeout: 3_000 }).request('GET', '/v1/x');
    const result = expect(answer).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      message: `GET /v1/x: Consul at ${agent.address} did not answer in 3000 ms.`,
    });
    await until(() => agent.asked.length === 1);
    await clock.advance(2_999);
    expect(agent.openConnections).toBe(1);
    await clock.advance(1);
    await result;
    await until(() => agent.openConnections === 0);
    expect(clock.pending).toBe(0);
  });

  it('ends an answer that does not come to its end', async () => {
    agent.script = (_asked, response) => {
      response.write('[1,');
      return undefined;
    };
    const result = expect(client().request('GET', '/v1/x', { timeout: 500 })).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
    });
    await until(() => agent.asked.length === 1);
    await clock.advance(500);
    await result;
  });

  it.each([
    ['/v1/kv/a', { index: 5, wait: '60s' }, 10_000 + 63_750],
    ['/v1/kv/a', { index: 5, wait: '1m30s' }, 10_000 + 95_625],
    ['/v1/kv/a?index=5&wait=500ms', {}, 10_000 + 531],
    ['/v1/kv/a', { index: 5 }, 10_000 + 318_750],
    ['/v1/kv/a', { index: 5, wait: '2h' }, 10_000 + 637_500],
    ['/v1/agent/service/x', { hash: 'abc', wait: '10s' }, 10_000 + 10_625],
    ['/v1/kv/a', { index: 0, wait: '60s' }, 10_000],
    ['/v1/kv/a', { wait: '60s' }, 10_000],
  ])('of %s with %j leaves Consul its wait, and what it adds to it', async (path, query, limit) => {
    agent.script = silent;
    const result = expect(client().request('GET', path, { query })).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
    });
    await until(() => agent.asked.length === 1);
    await clock.advance(limit - 1);
    expect(agent.openConnections).toBe(1);
    await clock.advance(2);
    await result;
  });

  it('rejects with the reason of the signal, before and after it was sent, and leaves no listener', async () => {
    agent.script = silent;
    const reason = new Error('enough');
    const aborted = AbortSignal.abort(reason);
    await expect(client().request('GET', '/v1/x', { signal: aborted })).rejects.toBe(reason);
    expect(agent.asked).toHaveLength(0);
    const controller = new AbortController();
    const { signal } = controller;
    const result = expect(client().request('GET', '/v1/x', { signal })).rejects.toBe(reason);
    await until(() => agent.asked.length === 1);
    controller.abort(reason);
    await result;
    await until(() => agent.openConnections === 0);
    agent.script = answering({ body: 1 });
    const later = new AbortController();
    await client().request('GET', '/v1/x', { signal: later.signal });
    for (const one of [signal, later.signal]) expect(getEventListeners(one, 'abort')).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('rejects with a reason that is no error', async () => {
    agent.script = silent;
    const controller = new AbortController();
    const result = expect(client().request('GET', '/v1/x', { signal: controller.signal })).rejects.toBe(
      'enough',
    );
    await until(() => agent.asked.length === 1);
    controller.abort('enough');
    await result;
  });
});

describe('trying again', () => {
  const breaking = (times: number): Script => {
    let left = times;
    return (_asked, response) => {
      if (left-- > 0) {
        response.destroy();
        return undefined;
      }
      return { body: 'there' };
    };
  };

  it('is for reads whose connection broke, with a pause', async () => {
    agent.script = breaking(2);
    const answer = client().request('GET', '/v1/x');
    await until(() => agent.asked.length === 1 && clock.pauses.length === 1);
    await clock.advance(50);
    await until(() => agent.asked.length === 2 && clock.pauses.length === 1);
    await clock.advance(100);
    expect((await answer).body).toBe('there');
    expect(agent.asked).toHaveLength(3);
  });

  it('ends after `retries`', async () => {
    agent.script = breaking(9);
    const http = new ConsulHttp(completeConsul({ address: agent.address, retries: 1 }, {}), systemClock);
    await expect(http.request('GET', '/v1/x')).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      cause: { code: 'ECONNRESET' },
    });
    expect(agent.asked).toHaveLength(2);
    http.close();
  });

  it('is not for writes, unless twice is the same as once', async () => {
    agent.script = breaking(1);
    const http = new ConsulHttp(completeConsul({ address: agent.address }, {}), systemClock);
    await expect(http.request('PUT', '/v1/x')).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
    expect(agent.asked).toHaveLength(1);
    agent.script = breaking(1);
    expect((await http.request('PUT', '/v1/x', { idempotent: true })).body).toBe('there');
    expect(agent.asked).toHaveLength(3);
    http.close();
  });

  it('is for writes too where there was no connection', async () => {
    const { port } = agent;
    await agent.close();
    const http = client({ address: `127.0.0.1:${port}` });
    const answer = http.request('PUT', '/v1/x');
    await until(() => clock.pauses.length === 1);
    agent = await ScriptedAgent.start(answering({ body: 'back' }), { port });
    await clock.advance(50);
    expect((await answer).body).toBe('back');
  });

  it('says who could not be reached', async () => {
    const { port } = agent;
    await agent.close();
    const http = client({ address: `127.0.0.1:${port}`, retries: 0 });
    await expect(http.request('GET', '/v1/x')).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
      message: expect.stringMatching(
        /^GET \/v1\/x: Consul at http:\/\/127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/,
      ),
      cause: { code: 'ECONNREFUSED' },
    });
    agent = await ScriptedAgent.start(silent);
  });

  it('is of no use where somebody else answers', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.on('error', () => {});
      socket.end('canary: this is no HTTP\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const http = client({ address: `127.0.0.1:${port}` });
    await expect(http.request('GET', '/v1/x')).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' });
    expect(connections).toBe(1);
    server.close();
  });
});

describe('closing the client', () => {
  it('rejects what is under way and what comes later, and closes all connections', async () => {
    agent.script = silent;
    const http = client();
    const under = [http.request('GET', '/v1/x'), http.request('GET', '/v1/kv/a?index=5')];
    const results = under.map((one) => expect(one).rejects.toMatchObject({ code: 'ERR_CLOSED' }));
    await until(() => agent.asked.length === 2);
    const closed = http.close();
    expect(http.lifetime.aborted).toBe(true);
    await Promise.all([...results, closed, http.close()]);
    await expect(http.request('GET', '/v1/x')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await until(() => agent.openConnections === 0);
    expect(clock.pending).toBe(0);
  });

  it('ends the pause between two tries', async () => {
    agent.script = (_asked, response) => void response.destroy();
    const http = client();
    const result = expect(http.request('GET', '/v1/x')).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await until(() => clock.pauses.length === 1);
    http.close();
    await result;
  });

  it('gives those who take leave a second, and no more', async () => {
    const http = client();
    const said: string[] = [];
    http.beforeClose(() => http.request('PUT', '/v1/first').then(() => said.push('first')));
    const stay = http.beforeClose(async () => said.push('not this one'));
    http.beforeClose(() => new Promise(() => {}));
    stay();
    const closed = http.close();
    await until(() => said.length === 1);
    expect(http.lifetime.aborted).toBe(false);
    await clock.advance(1_000);
    await closed;
    expect(said).toEqual(['first']);
    expect(http.lifetime.aborted).toBe(true);
  });
});

describe('what came from the wire', () => {
  it('is compared by the server only: an answer in pieces is one', async () => {
    agent.script = async (_asked, response) => {
      response.write('{"a":');
      await new Promise((resolve) => setImmediate(resolve));
      response.end('1}');
      return undefined;
    };
    expect((await client().request('GET', '/v1/x')).body).toEqual({ a: 1 });
  });

  it('that ends too early is a broken connection', async () => {
    agent.script = (_asked, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('12345');
      setImmediate(() => response.destroy());
      return undefined;
    };
    await expect(client({ retries: 0 }).request('GET', '/v1/x')).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
    });
  });

  it('may be said late', async () => {
    let held: Parameters<typeof say>[0] | undefined;
    agent.script = (_asked, response) => {
      held = response;
      return undefined;
    };
    const answer = client().request('GET', '/v1/x');
    await until(() => held !== undefined);
    say(held!, { body: 'late' });
    expect((await answer).body).toBe('late');
  });
});
