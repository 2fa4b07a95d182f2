import type * as http from 'node:http';
import type * as https from 'node:https';
import axios from 'axios';
import got from 'got';
import fetch from 'node-fetch';
import superagent from 'superagent';
import { describe, expect, it } from 'vitest';
import { type Answered, ask, backend, backends, failed, httpWorld, refusing, until } from './http/world.ts';

interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

/** As each library is told of agents. */
const libraries: Record<string, (agents: Agents) => (url: string, body?: string) => Promise<Answered>> = {
  'http.request': (agents) => (url, body) =>
    ask(url, { agent: new URL(url).protocol === 'https:' ? agents.https : agents.http, ...post(body) }),
  axios: (agents) => {
    const client = axios.create({ httpAgent: agents.http, httpsAgent: agents.https, proxy: false });
    return async (url, body) => {
      const { status, data } = await client.request({ url, data: body, method: body ? 'POST' : 'GET' });
      return { status, body: String(data) };
    };
  },
  got: (agents) => {
    const client = got.extend({ agent: agents, retry: { limit: 0 } });
    return async (url, body) => {
      const response = body === undefined ? await client.get(url) : await client.post(url, { body });
      return { status: response.statusCode, body: response.body };
    };
  },
  'node-fetch': (agents) => async (url, body) => {
    const agent = ({ protocol }: URL) => (protocol === 'https:' ? agents.https : agents.http);
    const response = await fetch(url, { agent, ...post(body) });
    return { status: response.status, body: await response.text() };
  },
  superagent: (agents) => async (url, body) => {
    const request = body === undefined ? superagent.get(url) : superagent.post(url).send(body);
    const response = await request.agent(url.startsWith('https:') ? agents.https : agents.http);
    return { status: response.status, body: response.text };
  },
};

const post = (body: string | undefined) => (body === undefined ? {} : { method: 'POST', body });

const cases = Object.keys(libraries).flatMap((name) =>
  (['http', 'https'] as const).map((scheme) => ({ name, scheme })),
);

describe.each(cases)('$name over $scheme', ({ name, scheme }) => {
  const url = `${scheme}://web.service.consul/users/1`;
  const tls = scheme === 'https' ? { tls: 'web' } : {};

  async function start(ports: readonly number[], options = {}) {
    const world = await httpWorld(ports);
    const call = libraries[name]!({ http: world.agent(options), https: world.tlsAgent(options) });
    return { ...world, call };
  }

  it('is balanced over connections that are kept', async () => {
    const three = await backends(3, undefined, tls);
    const { call, told, inFlight } = await start(three.map(({ port }) => port));
    for (let i = 0; i < 12; i++) expect((await call(url)).status).toBe(200);
    expect(three.map(({ asked }) => asked.length)).toEqual([4, 4, 4]);
    expect(three.map(({ accepted }) => accepted.length)).toEqual([1, 1, 1]);
    const hosts = new Set(three.flatMap(({ asked }) => asked.map(({ host }) => host)));
    expect([...hosts]).toEqual(['web.service.consul']);
    expect(told.map(({ outcome }) => outcome.ok)).toEqual(Array(12).fill(true));
    expect(inFlight()).toBe(0);
  });

  it('does not notice an instance that refuses, whatever it sends', async () => {
    const [one, dead] = [await backend(undefined, tls), await refusing()];
    const { call, told } = await start([dead, one.port]);
    const answer = { status: 200, body: `hello from ${one.port}` };
    expect(await call(url)).toEqual(answer);
    expect(await call(url, 'x'.repeat(300_000))).toEqual(answer);
    expect(told.map(({ outcome }) => outcome.ok)).toEqual([false, true, false, true]);
  });

  it('rejects with an error that says what is wrong with a URL', async () => {
    const { call } = await start([1]);
    const error = await failed(call(`${scheme}://web.service.consul:8081/`));
    expect(error.message).toMatch(/web\.service\.consul:8081: .* Leave the port out/);
    expect([error.code, error.cause?.code]).toContain('ERR_INVALID_NAME');
  });

  // Node itself follows none.
  if (name === 'http.request') return;

  it('follows a redirect to another service, chosen anew', async () => {
    const target = await backend(undefined, scheme === 'https' ? { tls: 'other' } : {});
    const one = await backend((_request, response) => {
      response.writeHead(302, { location: `${scheme}://other.service.consul/there` }).end();
    }, tls);
    const world = await start([one.port]);
    world.discovery.service('other', { addresses: [`127.0.0.1:${target.port}`] });
    expect((await world.call(url)).body).toBe(`hello from ${target.port}`);
    expect(target.asked).toEqual([{ method: 'GET', url: '/there', host: 'other.service.consul' }]);
  });
});

describe("a caller's timeout speaks against an instance that keeps silent", () => {
  const url = 'http://web.service.consul/';
  const calls: Record<string, (agent: http.Agent) => Promise<unknown>> = {
    axios: (httpAgent) => axios.get(url, { httpAgent, timeout: 20, proxy: false }),
    got: (agent) => got(url, { agent: { http: agent }, timeout: { request: 20 }, retry: { limit: 0 } }),
    'http.request': (agent) => ask(url, { agent, signal: AbortSignal.timeout(20) }),
  };

  it.each(Object.keys(calls))('of %s', async (name) => {
    const silent = await backend(() => {});
    const world = await httpWorld([silent.port]);
    expect(await failed(calls[name]!(world.agent()))).toBeInstanceOf(Error);
    await until(() => world.inFlight() === 0);
    const [{ outcome } = { outcome: undefined }] = world.told;
    expect([outcome?.ok, outcome?.aborted]).toEqual([false, undefined]);
  });
});
