import type { RequestListener } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createDispatcher, type DispatcherOptions, interceptor } from '../../src/adapter/undici.ts';
import type { Discovery } from '../../src/discovery.ts';
import { readyWorld } from '../service-world.ts';
import { authority, certificate } from './undici-certificates.ts';
import { type Instance, listOf, tlsInstance } from './undici-instances.ts';
import { loadable } from './undici-majors.ts';

/** Says by which name it was called. */
const names: RequestListener = (request, response) => {
  const { servername } = request.socket as TLSSocket;
  const reused = (request.socket as TLSSocket).isSessionReused();
  response.end(JSON.stringify({ servername, host: request.headers.host, reused }));
};

const serve = (name: 'web' | 'other' | 'stranger') => tlsInstance(certificate(name), names);

describe.each(loadable)('TLS, $name', ({ undici }) => {
  /** allowH2 is another file's business: undici-http2.test.ts. */
  const trusting = { allowH2: false, connect: { ca: authority } };

  function client(discovery: Discovery, options: DispatcherOptions = {}) {
    const dispatcher = createDispatcher(discovery, { undici, pool: trusting, ...options });
    return asking(dispatcher);
  }

  function asking(dispatcher: ReturnType<typeof createDispatcher>) {
    return async (host = 'web.service.consul', headers: Record<string, string> = {}) => {
      const { body } = await undici.request(`https://${host}/`, { dispatcher, headers });
      const said = (await body.json()) as { servername: string; host: string; reused: boolean };
      await new Promise(setImmediate);
      return said;
    };
  }

  it("asks for the service's name and checks it, whatever the address", async () => {
    const two = [await serve('web'), await serve('web')];
    const { discovery } = await readyWorld({}, listOf(...two));
    const get = client(discovery);
    for (const host of ['web.service.consul', 'v1.web.service.consul'])
      for (let i = 0; i < 4; i++) expect(await get(host)).toMatchObject({ servername: host, host });
    // One connection to each for each name.
    expect(two.map(({ accepted }) => accepted)).toEqual([2, 2]);
  });

  it.each([
    ['other', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['stranger', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ] as const)('refuses the certificate of %s, and no request reaches who shows it', async (name, code) => {
    const bad = await serve(name);
    const { discovery, web } = await readyWorld({}, listOf(bad));
    const get = client(discovery, { retries: 0 });
    for (let i = 0; i < 3; i++) await expect(get()).rejects.toMatchObject({ code });
    expect(bad.requests).toBe(0);
    expect(web.stats().inFlight).toBe(0);
  });

  describe('serverName', () => {
    const atTarget = (of: Instance, target?: string) => ({
      addresses: [{ ...of.address, ...(target !== undefined && { target, serverName: target }) }],
    });

    it("'service', the default, is the name in the URL", async () => {
      const one = await serve('web');
      const { discovery } = await readyWorld({}, atTarget(one, 'other.service.consul'));
      expect(await client(discovery, { serverName: 'service' })()).toMatchObject({
        servername: 'web.service.consul',
      });
    });

    it("'target' is the host name that Consul gives for the instance", async () => {
      const one = await serve('other');
      const { discovery } = await readyWorld({}, atTarget(one, 'other.service.consul'));
      expect(await client(discovery, { serverName: 'target' })()).toMatchObject({
        servername: 'other.service.consul',
        host: 'web.service.consul',
      });
      await expect(client(discovery, { retries: 0 })()).rejects.toMatchObject({
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      });
    });

    it("'target' is the service's where Consul gives none", async () => {
      const one = await serve('web');
      const { discovery } = await readyWorld({}, atTarget(one));
      expect(await client(discovery, { serverName: 'target' })()).toMatchObject({
        servername: 'web.service.consul',
      });
    });

    it('or a name of its own', async () => {
      const one = await serve('other');
      const { discovery } = await readyWorld({}, listOf(one));
      const get = client(discovery, { serverName: 'other.service.consul' });
      expect(await get()).toMatchObject({ servername: 'other.service.consul', host: 'web.service.consul' });
    });

    it('holds with the endpoint as Host, which is no name', async () => {
      const one = await serve('web');
      const { discovery } = await readyWorld({}, listOf(one));
      const get = client(discovery, { hostHeader: 'endpoint' });
      for (let i = 0; i < 3; i++)
        expect(await get()).toMatchObject({
          servername: 'web.service.consul',
          host: `127.0.0.1:${one.port}`,
        });
      expect(one.accepted).toBe(1);
    });
  });

  it('asks under the Host that a request brings, as undici does', async () => {
    const one = await serve('web');
    const { discovery } = await readyWorld({}, listOf(one));
    const through = new undici.Agent(trusting).compose(interceptor(discovery, { undici }));
    for (const get of [client(discovery), asking(through)])
      expect(await get('web.service.consul', { host: 'v2.web.service.consul' })).toMatchObject({
        servername: 'v2.web.service.consul',
        host: 'v2.web.service.consul',
      });
  });

  it('goes through the interceptor under the same names', async () => {
    const [web, other] = [await serve('web'), await serve('other')];
    const { discovery, source } = await readyWorld({}, listOf(web));
    const agent = new undici.Agent(trusting);
    const name = 'other.service.consul';
    const through = (options = {}) => asking(agent.compose(interceptor(discovery, { undici, ...options })));
    const own = { servername: 'web.service.consul', host: 'web.service.consul' };
    expect(await through()()).toMatchObject(own);
    expect(await through({ hostHeader: 'endpoint' })()).toMatchObject({
      servername: 'web.service.consul',
      host: `127.0.0.1:${web.port}`,
    });
    source.answer = { addresses: [{ ...other.address, target: name, serverName: name }] };
    await discovery.service('web').refresh();
    expect(await through({ serverName: 'target' })()).toMatchObject({ ...own, servername: name });
    expect(await through({ serverName: name })()).toMatchObject({ ...own, servername: name });
    await agent.close();
  });

  it('takes a session up again', async () => {
    const one = await serve('web');
    const { discovery } = await readyWorld({}, listOf(one));
    const get = client(discovery);
    expect(await get()).toMatchObject({ reused: false });
    for (const socket of one.sockets) socket.destroy();
    // Until both sides know.
    for (let turn = 0; turn < 5 || one.sockets.size > 0; turn++) await new Promise(setImmediate);
    expect(await get()).toMatchObject({ reused: true });
    expect(one.accepted).toBe(2);
  });

  it('and plain text have connections of their own', async () => {
    const one = await serve('web');
    const { discovery } = await readyWorld({}, listOf(one));
    const get = client(discovery, { retries: 0 });
    await get();
    const dispatcher = createDispatcher(discovery, { undici, retries: 0 });
    await expect(undici.request('http://web.service.consul/', { dispatcher })).rejects.toThrow();
    expect(await get()).toMatchObject({ servername: 'web.service.consul' });
  });
});
