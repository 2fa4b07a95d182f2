import type * as http from 'node:http';
import type * as https from 'node:https';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { HttpAgent, HttpsAgent } from '../../src/adapter/http.ts';
import { ask, backend, backends, failed, httpWorld, refusing } from './http/world.ts';

const url = 'http://web.service.consul/users/1';

describe('HttpAgent', () => {
  it('gives each request to the next instance, and keeps connections to each', async () => {
    const three = await backends(3);
    const world = await httpWorld(three.map(({ port }) => port));
    const agent = world.agent();
    for (let i = 0; i < 12; i++) expect((await ask(url, { agent })).status).toBe(200);
    expect(three.map(({ asked }) => asked.length)).toEqual([4, 4, 4]);
    expect(three.map(({ accepted }) => accepted.length)).toEqual([1, 1, 1]);
    expect(world.inFlight()).toBe(0);
  });

  it("leaves the Host header the service's", async () => {
    const one = await backend();
    const { agent } = await httpWorld([one.port]);
    await ask(url, { agent: agent() });
    expect(one.asked).toEqual([{ method: 'GET', url: '/users/1', host: 'web.service.consul' }]);
  });

  it('goes to another instance where one refuses, unnoticed', async () => {
    const one = await backend();
    const dead = await refusing();
    const world = await httpWorld([dead, one.port]);
    const { body } = await ask(url, { agent: world.agent(), method: 'POST', body: 'x'.repeat(100_000) });
    expect(body).toBe(`hello from ${one.port}`);
    expect(world.told.map(({ port, outcome }) => [port, outcome.ok])).toEqual([
      [dead, false],
      [one.port, true],
    ]);
  });

  it('waits for the first list', async () => {
    const one = await backend();
    const world = await httpWorld([one.port]);
    const open = world.source.hold();
    const asked = ask('http://unknown.service.consul/', { agent: world.agent() });
    expect(one.asked).toEqual([]);
    open();
    expect((await asked).status).toBe(200);
  });

  it('does not touch hosts outside the domain', async () => {
    const one = await backend();
    const world = await httpWorld([1]);
    const agent = world.agent();
    await ask(`http://127.0.0.1:${one.port}/`, { agent });
    await ask(`http://localhost:${one.port}/`, { agent });
    expect(one.asked.map(({ host }) => host)).toEqual([`127.0.0.1:${one.port}`, `localhost:${one.port}`]);
    expect(world.keys).toEqual([]);
  });
});

describe('HttpsAgent', () => {
  it("checks the certificate against the service's name", async () => {
    const [good, stranger] = [
      await backend(undefined, { tls: 'web' }),
      await backend(undefined, { tls: 'other' }),
    ];
    const world = await httpWorld([good.port, stranger.port]);
    const agent = world.tlsAgent({ retries: 0 });
    expect((await ask('https://web.service.consul/', { agent })).body).toBe(`hello from ${good.port}`);
    const error = await failed(ask('https://web.service.consul/', { agent }));
    expect(error).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });
});

it('are agents to the compiler', () => {
  expectTypeOf<HttpAgent>().toExtend<http.Agent>();
  expectTypeOf<HttpsAgent>().toExtend<https.Agent>();
  expectTypeOf<HttpsAgent>().toExtend<http.Agent>();
});
