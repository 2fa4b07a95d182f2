import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createConsul } from '../../src/consul/index.ts';
import type { ConsulOptions } from '../../src/consul/options.ts';
import { ScriptedAgent } from './scripted-agent.ts';

/** Canaries with what URLs, JSON and HTML write otherwise. */
const token = 'canary+t0ken/"<&>';
const password = 'canary p4ss"w<o>rd';
const auth = `me:${password}`;
const forms = [token, password].flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  JSON.stringify(secret)
    .slice(1, -1)
    .replace(/</g, '\\u003c')
    .replace(/>/g, '\\u003e')
    .replace(/&/g, '\\u0026'),
  Buffer.from(secret).toString('base64'),
]);
forms.push(Buffer.from(auth).toString('base64'));

let agent: ScriptedAgent;
const warnings: Error[] = [];
const hear = (warning: Error) => warnings.push(warning);

beforeEach(async () => {
  agent = await ScriptedAgent.start(() => ({ body: 'fine' }));
  warnings.length = 0;
  process.on('warning', hear);
});
afterEach(async () => {
  process.off('warning', hear);
  await agent.close();
});

const consul = (options: ConsulOptions = {}) =>
  createConsul({ address: agent.address, token, auth, retries: 0, ...options });

/** Everything that a log may show of it. */
function shown(value: unknown): string {
  const causes: unknown[] = [];
  for (let one = value; one instanceof Error && causes.length < 9; one = one.cause)
    causes.push(one.message, one.stack);
  const whole = inspect(value, {
    depth: 12,
    showHidden: true,
    maxStringLength: null,
    maxArrayLength: null,
    getters: true,
  });
  return [whole, JSON.stringify(value), String(value), ...causes.map(String)].join('\n');
}

function expectNoSecret(value: unknown): void {
  const text = shown(value);
  for (const form of forms) expect(text).not.toContain(form);
  expect(text).not.toMatch(/canary/);
}

const failureOf = (attempt: Promise<unknown>): Promise<Error> =>
  attempt.then(
    () => Promise.reject(new Error('it did not fail')),
    (error) => error,
  );

describe('token and password are not shown', () => {
  it('by the client and what it gives out', async () => {
    const client = consul();
    expectNoSecret(client);
    expectNoSecret({ client, kv: client.kv });
    expectNoSecret(Object.getOwnPropertySymbols(client).map((key) => (client as never)[key]));
    const config = client.liveConfig('a', String, { initial: 'x', onError: () => {} });
    expectNoSecret(config);
    await client.close();
    expectNoSecret(client);
  });

  it('where Consul repeats them, in whatever form', async () => {
    for (const form of forms) {
      agent.script = () => ({
        status: 403,
        body: `token ${form} and again ${form}`,
        headers: { location: `/?token=${encodeURIComponent(token)}` },
      });
      const client = consul();
      const error = await failureOf(client.request('GET', '/v1/x'));
      expect(error).toMatchObject({ status: 403 });
      expect(error.message).toContain('(secret)');
      expectNoSecret(error);
      await client.close();
    }
  });

  it('where one is cut in two by the end of what is shown', async () => {
    for (let before = 470; before <= 500; before += 3) {
      agent.script = () => ({ status: 500, body: `${'x'.repeat(before)}${token}` });
      const client = consul();
      expectNoSecret(await failureOf(client.request('GET', '/v1/x')));
      await client.close();
    }
  });

  it('where the answer is no JSON, or no HTTP', async () => {
    const client = consul();
    agent.script = () => ({ body: `{"${token}` });
    expectNoSecret(await failureOf(client.request('GET', '/v1/x')));
    await client.close();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(`HTTP/1.1 ${token}\r\n${password}\r\n\r\n`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const other = consul({ address: `127.0.0.1:${port}` });
    const error = await failureOf(other.request('GET', '/v1/x'));
    expect(error).toMatchObject({ code: 'ERR_UNREACHABLE' });
    expectNoSecret(error);
    await other.close();
    server.close();
  });

  it('where nobody answers, or too late, or the caller gives up', async () => {
    const unreachable = consul({ address: '127.0.0.1:1' });
    expectNoSecret(await failureOf(unreachable.request('PUT', '/v1/x', { body: 'y' })));
    await unreachable.close();
    agent.script = () => undefined;
    const client = consul({ timeout: 20 });
    expectNoSecret(await failureOf(client.request('GET', '/v1/x')));
    expectNoSecret(await failureOf(client.request('GET', '/v1/x', { signal: AbortSignal.timeout(5) })));
    const pending = failureOf(client.request('GET', '/v1/x', { timeout: 60_000 }));
    await client.close();
    expectNoSecret(await pending);
  });

  it('where they were given for one request alone', async () => {
    agent.script = ({ url }) => ({ status: 403, body: `no: ${url} other-canary` });
    const client = createConsul({ address: agent.address });
    const headers = { 'X-Consul-Token': 'other-canary' };
    expectNoSecret(await failureOf(client.request('GET', '/v1/x', { headers })));
    expectNoSecret(
      await failureOf(client.request('GET', '/v1/x', { headers: { authorization: 'Bearer other-canary' } })),
    );
    expectNoSecret(await failureOf(client.request('GET', '/v1/x?token=other-canary')));
    expectNoSecret(await failureOf(client.request('GET', '/v1/x', { query: { token: 'other-canary' } })));
    await client.close();
  });

  it('by warnings of the process', async () => {
    agent.script = () => ({ status: 500, body: token });
    const client = consul();
    const config = client.liveConfig('a', String);
    const stop = new AbortController();
    const watched = failureOf(
      (async () => {
        for await (const _ of client.kv.watch('a', { signal: stop.signal }));
      })(),
    );
    while (warnings.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expectNoSecret(config);
    expectNoSecret(config.error);
    stop.abort();
    await watched;
    await client.close();
    expect(warnings.map(({ message }) => message.replace(/: .*/, ''))).toEqual(
      expect.arrayContaining(['liveConfig a', 'kv.watch a goes on without news']),
    );
    for (const warning of warnings) expectNoSecret(warning);
  });
});
