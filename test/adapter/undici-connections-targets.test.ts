import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import type { DispatcherOptions } from '../../src/adapter/undici.ts';
import type { Discovery } from '../../src/discovery.ts';
import { InvalidOptionError } from '../../src/index.ts';
import { readyWorld } from '../service-world.ts';
import { accepted, clientOf, open, soon } from './undici-client.ts';
import { echo, instance, instances, listOf, ownPort } from './undici-instances.ts';
import { loadable } from './undici-majors.ts';

describe.each(loadable)('where connections lead, $name', ({ undici }) => {
  const client = (discovery: Discovery, options?: DispatcherOptions) => clientOf(undici, discovery, options);

  describe('of other hosts', () => {
    it('are those of an Agent of its own, closed with it', async () => {
      const one = await instance();
      const { discovery } = await readyWorld({}, listOf(one));
      const { get } = client(discovery);
      for (let i = 0; i < 3; i++) await get(`http://127.0.0.1:${one.port}/`);
      expect(one.accepted).toBe(1);
      await discovery.close();
      await soon(() => expect(open([one])).toEqual([0]));
    });

    it('are the business of `others`, which is left open', async () => {
      const one = await instance();
      const { discovery } = await readyWorld({}, listOf(one));
      const others = new undici.Agent();
      const { get } = client(discovery, { others });
      await get(`http://127.0.0.1:${one.port}/`);
      await discovery.close();
      expect(one.sockets.size).toBe(1);
      const { body } = await undici.request(`http://127.0.0.1:${one.port}/`, { dispatcher: others });
      await body.text();
      expect(one.accepted).toBe(1);
      await others.close();
    });

    it('come to nothing where there is no such host, with the error as it is', async () => {
      const { discovery } = await readyWorld();
      const { get } = client(discovery);
      await expect(get('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    });
  });

  describe('names', () => {
    it('are those of the service in the Host header, unless the request brings one', async () => {
      const one = await instance(echo);
      const { discovery } = await readyWorld({}, listOf(one));
      const { get } = client(discovery);
      const hostOf = async (headers: unknown) =>
        JSON.parse((await get('http://v1.web.service.consul/', { headers })).text).headers.host;
      expect(await hostOf({})).toBe('v1.web.service.consul');
      expect(await hostOf({ Host: 'shop.example.com' })).toBe('shop.example.com');
      expect(await hostOf(['host', 'shop.example.com'])).toBe('shop.example.com');
      expect(await hostOf(new Map([['host', 'shop.example.com']]))).toBe('shop.example.com');
      expect(one.accepted).toBe(1);
    });

    it("are the endpoint's with hostHeader: 'endpoint'", async () => {
      const one = await instance(echo);
      const { discovery } = await readyWorld({}, listOf(one));
      const { get } = client(discovery, { hostHeader: 'endpoint' });
      const hostOf = async (headers: object) =>
        JSON.parse((await get(undefined, { headers })).text).headers.host;
      expect(await hostOf({})).toBe(`127.0.0.1:${one.port}`);
      expect(await hostOf({ host: 'shop.example.com' })).toBe('shop.example.com');
    });
  });

  describe('ports', () => {
    it('of the URL are an error, unless they are to override', async () => {
      const [one, two] = await instances(2, echo);
      const { discovery } = await readyWorld({}, listOf(one!));
      await expect(client(discovery).get('http://web.service.consul:8080/')).rejects.toMatchObject({
        code: 'ERR_INVALID_NAME',
      });
      const { get } = client(discovery, { port: 'override' });
      const { headers, port } = JSON.parse((await get(`http://web.service.consul:${two!.port}/`)).text);
      expect(port).toBe(two!.port);
      expect(headers.host).toBe(`web.service.consul:${two!.port}`);
      expect(JSON.parse((await get()).text).port).toBe(one!.port);
    });

    it('are those of the URL for a node, whose ports DNS does not know', async () => {
      const one = await instance(echo);
      const list = { addresses: [{ host: '127.0.0.1', port: 0, priority: 1, weight: 1 }] };
      const { discovery } = await readyWorld({}, list);
      const { get } = client(discovery);
      const { headers, port } = JSON.parse((await get(`http://x.node.consul:${one.port}/`)).text);
      expect(port).toBe(one.port);
      expect(headers.host).toBe(`x.node.consul:${one.port}`);
    });
  });

  it('lead to IPv6 endpoints', async () => {
    const two = [await instance(echo, '::1'), await instance(echo)];
    const { discovery } = await readyWorld({}, listOf(...two));
    const plain = client(discovery);
    const own = client(discovery, { hostHeader: 'endpoint' });
    const hosts = new Set<string>();
    for (let i = 0; i < 2; i++) hosts.add(JSON.parse((await plain.get()).text).headers.host);
    for (let i = 0; i < 2; i++) hosts.add(JSON.parse((await own.get()).text).headers.host);
    expect(hosts).toEqual(
      new Set(['web.service.consul', `[::1]:${two[0]!.port}`, `127.0.0.1:${two[1]!.port}`]),
    );
  });

  describe('that an instance closes as a request is on its way', () => {
    /** Two instances with an open connection each; whoever gets the next request ends its connection, once. */
    async function closing() {
      let armed = false;
      const two = await instances(2, (request, response) => {
        if (armed) {
          armed = false;
          request.socket.destroy();
        } else ownPort(request, response);
      });
      const { discovery, web } = await readyWorld({}, listOf(...two));
      const { get } = client(discovery);
      await get();
      await get();
      armed = true;
      return { two, web, get };
    }

    it('have a GET repeated elsewhere', async () => {
      const { get, two, web } = await closing();
      expect((await get()).statusCode).toBe(200);
      expect(two.map(({ requests }) => requests).sort()).toEqual([2, 2]);
      expect(accepted(two)).toEqual([1, 1]);
      expect(web.stats().inFlight).toBe(0);
    });

    it('have a POST fail with the error as it is, once', async () => {
      const { get, two, web } = await closing();
      await expect(get(undefined, { method: 'POST', body: 'x' })).rejects.toMatchObject({
        code: 'UND_ERR_SOCKET',
        name: 'SocketError',
      });
      expect(two.map(({ requests }) => requests).sort()).toEqual([1, 2]);
      expect(web.stats().inFlight).toBe(0);
    });
  });

  it.each([{ connections: -1 }, { keepAliveTimeout: 'long' }, { connect: 'me' }, { headersTimeout: 0.5 }])(
    'are not made with what undici does not take: %o',
    async (pool) => {
      const { discovery } = await readyWorld();
      expect(() => client(discovery, { pool: pool as never })).toThrow(InvalidOptionError);
      expect(() => client(discovery, { pool: pool as never })).toThrow(/^createDispatcher\.pool: /);
    },
  );

  describe('that are not made', () => {
    const timeouts: [DispatcherOptions['pool'], number][] = [
      [undefined, 2_000],
      [{ connectTimeout: 300 }, 300],
      [{ connect: { timeout: 400 } }, 400],
    ];
    it.each(timeouts)('are given up: pool: %o', async (pool, timeout) => {
      const one = await instance();
      const { discovery } = await readyWorld({}, listOf(one));
      const buildConnector = vi.fn(undici.buildConnector);
      const { get } = client(discovery, {
        undici: { ...undici, buildConnector },
        ...(pool !== undefined && { pool }),
      });
      await get();
      expect(buildConnector).toHaveBeenCalledWith(expect.objectContaining({ timeout }));
    });

    it('in time, not even to their TLS, have any request repeated elsewhere', async () => {
      const silent = createServer(() => {}).listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { port } = silent.address() as AddressInfo;
      const { discovery, web } = await readyWorld({}, listOf(...(await instances(2, echo))));
      const connect = undici.buildConnector({ timeout: 50 });
      const seen: string[] = [];
      const { get } = client(discovery, {
        pool: {
          connect: ((options: object, callback: never) => {
            seen.push((options as { protocol: string }).protocol);
            // The first attempt comes to one who never says anything.
            if (seen.length > 1)
              undici.buildConnector({})({ ...(options as object), protocol: 'http:' } as never, callback);
            else connect({ ...(options as object), port: String(port) } as never, callback);
          }) as never,
        },
      });
      const { text } = await get('https://web.service.consul/', { method: 'POST', body: 'x' });
      expect(JSON.parse(text)).toMatchObject({ method: 'POST', body: 'x' });
      expect(seen).toEqual(['https:', 'https:']);
      expect(web.stats().inFlight).toBe(0);
      silent.close();
    });

    it("by a connector of one's own are told of as they are; it is told where to go", async () => {
      const connect = vi.fn((_options: unknown, callback: (error: Error, socket: null) => void) => {
        queueMicrotask(() => callback(Object.assign(new Error('no way'), { code: 'NO_WAY' }), null));
      });
      const one = await instance();
      const { discovery } = await readyWorld({}, listOf(one));
      const { get } = client(discovery, { pool: { connect: connect as never }, retries: 0 });
      await expect(get()).rejects.toMatchObject({ code: 'NO_WAY' });
      expect(connect.mock.calls[0]![0]).toMatchObject({
        protocol: 'http:',
        hostname: '127.0.0.1',
        port: String(one.port),
        host: 'web.service.consul',
      });
    });
  });
});
