import { createHash, randomBytes } from 'node:crypto';
import type { RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import {
  createDispatcher,
  createFetch,
  type DispatcherOptions,
  interceptor,
} from '../../src/adapter/undici.ts';
import type { Discovery } from '../../src/discovery.ts';
import { createDiscovery } from '../../src/index.ts';
import { readyWorld } from '../service-world.ts';
import { echo, instance, instances, listOf, ownPort } from './undici-instances.ts';
import { loadable, nodeMajor } from './undici-majors.ts';

interface Echoed {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
  port: number;
}

const url = 'http://web.service.consul/';
const digest = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

/** Three ways to one protocol: what is asked must not depend on them. */
describe.each(loadable)('what passes through, $name', ({ name, undici }) => {
  type Fetch = (input: string | URL, init?: object) => Promise<Response>;
  const ways: Record<string, (discovery: Discovery, options?: DispatcherOptions) => Fetch> = {
    'createFetch()': (discovery, options) => createFetch(discovery, { undici, ...options }) as never,
    [`the global fetch of Node ${nodeMajor}`]: (discovery, options) => {
      const dispatcher = createDispatcher(discovery, { undici, ...options });
      return (input, init) => fetch(input, { ...init, dispatcher } as never);
    },
    "undici's fetch over the interceptor": (discovery, options) => {
      const dispatcher = new undici.Agent().compose(interceptor(discovery, { undici, ...options }));
      return (input, init) => undici.fetch(input, { ...init, dispatcher } as never) as never;
    },
  };

  describe.each(Object.entries(ways))('%s', (wayName, way) => {
    async function world(answer: RequestListener = echo, options?: DispatcherOptions) {
      const one = await instance(answer);
      const { discovery, web } = await readyWorld({}, listOf(one));
      return { one, discovery, web, ask: way(discovery, options) };
    }

    it('follows a redirect from one service to another, and out of the domain', async () => {
      const foreign = await instance(echo);
      const shop = await instance(echo);
      const web = await instance((request, response) => {
        const locations: Record<string, string> = {
          '/shop': 'http://shop.service.consul/basket?all',
          '/out': `http://localhost:${foreign.port}/there`,
          '/self': '/elsewhere',
        };
        const location = locations[request.url!];
        if (location === undefined) echo(request, response);
        else response.writeHead(307, { location }).end();
      });
      const lists: Record<string, object> = {
        'web.service.consul': listOf(web),
        'shop.service.consul': listOf(shop),
      };
      const discovery = createDiscovery({
        source: {
          resolve: async (asked) => {
            const { dnsName } = await import('../../src/dns/name.ts');
            return { ...lists[dnsName(asked, 'consul')], ttl: 10_000, complete: true } as never;
          },
        },
      });
      const ask = way(discovery);
      const get = async (path: string, init?: object) => {
        const response = await ask(`http://web.service.consul${path}`, init);
        return { response, said: (await response.json()) as Echoed };
      };
      const toShop = await get('/shop', { method: 'POST', body: 'carried along' });
      expect(toShop.response).toMatchObject({
        redirected: true,
        url: 'http://shop.service.consul/basket?all',
      });
      expect(toShop.said).toMatchObject({ method: 'POST', url: '/basket?all', body: 'carried along' });
      expect(toShop.said.headers.host).toBe('shop.service.consul');
      expect((await get('/out', { headers: { authorization: 'secret' } })).said).toMatchObject({
        url: '/there',
        port: foreign.port,
        headers: expect.not.objectContaining({ authorization: expect.anything() }),
      });
      expect((await get('/self')).said).toMatchObject({ url: '/elsewhere', port: web.port });
      expect((await ask('http://web.service.consul/shop', { redirect: 'manual' })).status).toBe(307);
      await expect(ask('http://web.service.consul/shop', { redirect: 'error' })).rejects.toThrow(TypeError);
      await discovery.close();
    });

    it('passes headers and cookies on in both directions', async () => {
      const { ask } = await world((request, response) => {
        response.setHeader('set-cookie', ['a=1; Path=/', 'b=2; HttpOnly']);
        response.setHeader('vary', 'accept');
        echo(request, response);
      });
      const response = await ask(url, {
        headers: [
          ['cookie', 'c=3'],
          ['x-many', 'one'],
          ['x-many', 'two'],
        ],
      });
      expect(response.headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2; HttpOnly']);
      const { headers } = (await response.json()) as Echoed;
      expect(headers).toMatchObject({ cookie: 'c=3', 'x-many': 'one, two', host: 'web.service.consul' });
    });

    it('passes answers without a body', async () => {
      const { ask, web } = await world((request, response) => {
        const status = Number(request.url!.slice(1));
        response.writeHead(status, { etag: '"1"', ...(status === 200 && { 'content-length': 7 }) }).end();
      });
      for (const status of [204, 304]) {
        const response = await ask(`${url}${status}`);
        expect(response).toMatchObject({ status, body: null });
        expect(response.headers.get('etag')).toBe('"1"');
      }
      const head = await ask(`${url}200`, { method: 'HEAD' });
      expect(head.headers.get('content-length')).toBe('7');
      expect(await head.text()).toBe('');
      await vi.waitFor(() => expect(web.stats().inFlight).toBe(0), { interval: 2 });
    });

    it('passes a response that only announces another', async () => {
      const { ask, web } = await world((request, response) => {
        response.writeEarlyHints({ link: '</style.css>; rel=preload' });
        response.writeProcessing();
        if (request.url === '/nothing') response.writeHead(204).end();
        else ownPort(request, response);
      });
      // What undici 7 composes waits for somebody to read, from the announcement on, with or without us.
      const stuck = name === 'undici 7' && way === ways["undici's fetch over the interceptor"];
      for (let i = 0; i < 3; i++) {
        const response = await ask(url);
        expect(response.status).toBe(200);
        await response.text();
        if (!stuck) expect((await ask(`${url}nothing`)).status).toBe(204);
      }
      await vi.waitFor(() => expect(web.stats().inFlight).toBe(0), { interval: 2 });
    });

    it('carries bodies of every kind whole', async () => {
      const { ask } = await world();
      const text = 'x'.repeat(200_000);
      const stream = () =>
        new ReadableStream({
          async start(controller) {
            for (let i = 0; i < 20; i++) {
              controller.enqueue(new TextEncoder().encode(text.slice(i * 10_000, (i + 1) * 10_000)));
              await sleep(0);
            }
            controller.close();
          },
        });
      const bodies: Record<string, () => object | string> = {
        text: () => text,
        bytes: () => new TextEncoder().encode(text),
        buffer: () => new TextEncoder().encode(text).buffer,
        blob: () => new Blob([text]),
        stream,
        iterable: async function* () {
          for (let i = 0; i < 20; i++)
            yield new TextEncoder().encode(text.slice(i * 10_000, (i + 1) * 10_000));
        } as never,
      };
      for (const [kind, body] of Object.entries(bodies)) {
        const response = await ask(url, { method: 'POST', body: body(), duplex: 'half' });
        const said = (await response.json()) as Echoed;
        expect([kind, said.body.length, digest(said.body)]).toEqual([kind, text.length, digest(text)]);
      }
      const form = await ask(url, { method: 'POST', body: new URLSearchParams({ a: '1', b: 'ü' }) });
      expect((await form.json()) as Echoed).toMatchObject({
        body: 'a=1&b=%C3%BC',
        headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
      });
    });

    it('carries forms whole', async () => {
      const { ask } = await world();
      // createFetch() takes either; the others know their own.
      const known = {
        'createFetch()': [FormData, undici.FormData],
        [`the global fetch of Node ${nodeMajor}`]: [FormData],
        "undici's fetch over the interceptor": [undici.FormData],
      }[wayName]!;
      for (const Form of known) {
        const form = new Form();
        form.append('name', 'value');
        form.append('file', new Blob(['content of a file'], { type: 'text/x' }) as never, 'file.txt');
        const response = await ask(url, { method: 'POST', body: form });
        const { headers, body } = (await response.json()) as Echoed;
        expect(headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
        for (const part of ['name="name"', 'value', 'filename="file.txt"', 'text/x', 'content of a file'])
          expect(body).toContain(part);
      }
    });

    it('holds back a large download that nobody reads, and passes it whole', async () => {
      const piece = randomBytes(64 * 1024);
      const pieces = 1_024;
      let sent = 0;
      const { ask, web } = await world((request, response) => {
        request.resume();
        const push = () => {
          while (sent < pieces) {
            sent++;
            if (!response.write(piece)) return void response.once('drain', push);
          }
          response.end();
        };
        push();
      });
      const response = await ask(url);
      const reader = response.body!.getReader();
      await reader.read();
      // Until nothing moves any more.
      for (let before = -1; before !== sent; ) {
        before = sent;
        await sleep(20);
      }
      // What sockets and streams hold on both sides; the kernel takes up to 6 MB of it.
      expect(sent).toBeLessThan(pieces / 3);
      expect(web.stats().inFlight).toBe(1);
      let bytes = 0;
      const hash = createHash('sha256');
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        bytes += read.value.length;
        hash.update(read.value);
      }
      expect(sent).toBe(pieces);
      expect(bytes).toBeGreaterThan((pieces - 1) * piece.length - 1);
      expect(web.stats().inFlight).toBe(0);
    });

    it('holds back an upload that nobody takes', async () => {
      let response: ServerResponse | undefined;
      const { ask } = await world((request, answer) => {
        // Reads nothing for now.
        request.pause();
        response = answer;
      });
      let pulled = 0;
      const body = new ReadableStream({
        pull(controller) {
          pulled++;
          if (pulled > 1_024) controller.close();
          else controller.enqueue(new Uint8Array(64 * 1024));
        },
      });
      const asked = ask(url, { method: 'POST', body, duplex: 'half' });
      await vi.waitFor(() => expect(response).toBeDefined(), { interval: 2 });
      for (let before = -1; before !== pulled; ) {
        before = pulled;
        await sleep(20);
      }
      expect(pulled).toBeLessThan(512);
      response!.req.resume();
      response!.req.on('end', () => response!.end('taken'));
      expect(await (await asked).text()).toBe('taken');
      expect(pulled).toBe(1_025);
    });
  });

  it("has createFetch() take Requests of Node's own", async () => {
    const { discovery } = await readyWorld({}, listOf(await instance(echo)));
    const ask = createFetch(discovery, { undici }) as unknown as Fetch;
    for (const Request of [globalThis.Request, undici.Request]) {
      const asked = new Request(`${url}path`, {
        method: 'POST',
        headers: { 'x-mine': '1' },
        body: 'hello',
      });
      const response = await ask(asked as never);
      expect(await response.json()).toMatchObject({
        method: 'POST',
        url: '/path',
        body: 'hello',
        headers: expect.objectContaining({ 'x-mine': '1', 'content-type': 'text/plain;charset=UTF-8' }),
      });
      // Its body is gone.
      await expect(ask(asked as never)).rejects.toThrow(TypeError);
      const changed = await ask(new Request(url) as never, { method: 'PUT', body: 'other' });
      expect(await changed.json()).toMatchObject({ method: 'PUT', body: 'other' });
      const controller = new AbortController();
      const aborted = new Request(url, { signal: controller.signal });
      controller.abort(new Error('enough'));
      await expect(ask(aborted as never)).rejects.toThrow('enough');
    }
  });

  it('takes trailers, early responses and Expect as undici does', async () => {
    const one = await instance((request, response) => {
      request.resume();
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeHead(200, { trailer: 'x-checksum' });
      response.write('body');
      response.addTrailers({ 'x-checksum': '42' });
      response.end();
    });
    const { discovery } = await readyWorld({}, listOf(one));
    const dispatcher = createDispatcher(discovery, { undici });
    const early: [number, unknown][] = [];
    const { body, trailers } = await undici.request(url, {
      dispatcher,
      onInfo: ({ statusCode, headers }: { statusCode: number; headers: object }) =>
        void early.push([statusCode, headers]),
    } as never);
    expect(await body.text()).toBe('body');
    expect(trailers).toEqual({ 'x-checksum': '42' });
    expect(early).toEqual([[103, { link: '</style.css>; rel=preload' }]]);
    await expect(
      undici.request(url, { dispatcher, headers: { expect: '100-continue' } }),
    ).rejects.toMatchObject({ code: 'UND_ERR_NOT_SUPPORTED' });
  });

  it('goes with the interceptors of undici above it', async () => {
    const answers: RequestListener = (request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/there' }).end();
      else if (request.url === '/large') response.end('x'.repeat(1_000));
      else ownPort(request, response);
    };
    const two = await instances(2, answers);
    const { discovery, web } = await readyWorld({}, listOf(...two));
    const dispatcher = createDispatcher(discovery, { undici }).compose(
      undici.interceptors.redirect({ maxRedirections: 2 }),
    );
    const ports: string[] = [];
    for (let i = 0; i < 2; i++) {
      const { body } = await undici.request(`${url}moved`, { dispatcher });
      ports.push(await body.text());
    }
    for (const port of ports) expect(two.map((each) => String(each.port))).toContain(port);
    const dumping = createDispatcher(discovery, { undici }).compose(
      undici.interceptors.dump({ maxSize: 10 }),
    );
    await expect(
      undici.request(`${url}large`, { dispatcher: dumping }).then(({ body }) => body.dump()),
    ).rejects.toThrow(/size/);
    expect(web.stats().inFlight).toBe(0);
  });

  it(`has undici's other functions work: ${name}`, async () => {
    const one = await instance(echo);
    const { discovery } = await readyWorld({}, listOf(one));
    const dispatcher = createDispatcher(discovery, { undici });
    const piped = undici.pipeline(url, { dispatcher, method: 'PUT' }, ({ body }) => body);
    piped.end('through a pipe');
    let text = '';
    for await (const chunk of piped) text += chunk;
    expect(JSON.parse(text)).toMatchObject({ method: 'PUT', body: 'through a pipe' });
  });
});
