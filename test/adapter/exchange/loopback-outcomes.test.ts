import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { loadable } from '../undici-majors.ts';
import { breaking, failing, gone, loopback, silent, soon, wellAnswered } from './loopback.ts';

describe.each(loadable)('outcomes over real connections, $name', ({ undici }) => {
  it('of an answer: to the first byte and to the end', async () => {
    const world = await loopback(undici, [wellAnswered]);
    const { statusCode, body } = await world.request();
    expect([statusCode, await body.text()]).toEqual([200, 'GET ']);
    expect(world.outcomes.map(({ outcome }) => outcome)).toEqual([{ ok: true, elapsed: 0, firstByte: 0 }]);
    expect(world.inFlight).toBe(0);
  });

  it.each([
    [404, '0 ok'],
    [500, '0 failed'],
    [501, '0 ok'],
    [503, '0 failed'],
  ])('of a %i', async (status, said) => {
    const world = await loopback(undici, [(_, response) => void response.writeHead(status).end('why')]);
    const { statusCode, body } = await world.request();
    expect([statusCode, await body.text()]).toEqual([status, 'why']);
    expect(world.said).toEqual([said]);
  });

  it('of HEAD, of 204 and of 304, which have no body', async () => {
    const world = await loopback(undici, [
      (request, response) => void response.writeHead(request.url === '/204' ? 204 : 304).end(),
    ]);
    for (const [path, method] of [
      ['/204', 'GET'],
      ['/304', 'GET'],
      ['/304', 'HEAD'],
    ] as const) {
      const { body } = await world.request(path, { method });
      await body.dump();
    }
    expect(world.said).toEqual(['0 ok', '0 ok', '0 ok']);
    expect(world.inFlight).toBe(0);
  });

  it('of early hints and the answer after them', async () => {
    const world = await loopback(undici, [
      (_, response) => {
        response.writeEarlyHints({ link: '</style.css>; rel=preload' });
        response.end('done');
      },
    ]);
    const { body } = await world.request();
    expect(await body.text()).toBe('done');
    expect(world.said).toEqual(['0 ok']);
  });

  it('of an answer that came before the upload was over: it is the answer, and is not repeated', async () => {
    const world = await loopback(
      undici,
      [
        (request, response) => {
          response.writeHead(413, { connection: 'close' }).end('too large');
          request.socket.end();
        },
        wellAnswered,
      ],
      { retries: 3, retryOn: () => true },
    );
    const upload = new PassThrough();
    upload.write('some');
    const { statusCode, body } = await world.request('/', { method: 'PUT', body: upload });
    expect([statusCode, await body.text()]).toEqual([413, 'too large']);
    expect(world.said).toEqual(['0 ok']);
    expect(world.asked).toEqual([1, 0]);
    expect(world.inFlight).toBe(0);
    await soon(() => expect(upload.destroyed).toBe(true));
  });

  it('of a body that breaks off', async () => {
    const world = await loopback(undici, [
      (request, response) => {
        response.writeHead(200, { 'content-length': '9' });
        response.write('half', () => request.socket.destroy());
      },
      wellAnswered,
    ]);
    const { body } = await world.request();
    await expect(body.text()).rejects.toThrow();
    expect(world.said).toEqual(['0 failed']);
    expect(world.asked).toEqual([1, 0]);
    expect(world.inFlight).toBe(0);
  });

  it('of an answer that is none', async () => {
    const world = await loopback(undici, [(request) => void request.socket.end('SSH-2.0-x\r\n')], {
      retries: 0,
    });
    await expect(world.request()).rejects.toThrow(/HTTP|Expected/);
    expect(world.said).toEqual(['0 failed']);
  });

  it('of a body that nobody reads, and that is destroyed', async () => {
    const world = await loopback(undici, [
      (_, response) => {
        response.write('some');
      },
    ]);
    const { body } = await world.request();
    expect(world.inFlight).toBe(1);
    const [socket] = world.instances[0]!.sockets;
    body.on('error', () => {});
    body.destroy();
    await soon(() => expect(world.inFlight).toBe(0));
    expect(world.said).toEqual(['0 nothing']);
    await soon(() => expect(socket!.destroyed).toBe(true));
  });

  it('of a body that fetch does not want', async () => {
    const world = await loopback(undici, [
      (_, response) => {
        response.write('some');
      },
    ]);
    const response = await world.fetch('http://web.service.consul/');
    await response.body!.cancel();
    await soon(() => expect(world.said).toEqual(['0 nothing']));
    expect(world.inFlight).toBe(0);
  });

  it('of a large body that is read slowly', async () => {
    const large = Buffer.alloc(2_000_000, 'x');
    const world = await loopback(undici, [(_, response) => void response.end(large)]);
    const { body } = await world.request();
    let length = 0;
    for await (const chunk of body) {
      length += chunk.length;
      await new Promise(setImmediate);
    }
    expect(length).toBe(large.length);
    expect(world.said).toEqual(['0 ok']);
  });

  it('of trailers', async () => {
    const world = await loopback(undici, [
      (_, response) => {
        response.writeHead(200, { trailer: 'digest' });
        response.write('done');
        response.addTrailers({ digest: 'x' });
        response.end();
      },
    ]);
    const { body, trailers } = await world.request();
    await body.text();
    expect(trailers).toEqual({ digest: 'x' });
  });

  it('of an upgrade: at once; it is in flight until its socket closes', async () => {
    const world = await loopback(undici, [wellAnswered]);
    world.instances[0]!.server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: talk\r\n\r\nhello');
      socket.on('end', () => socket.end());
      socket.on('error', () => {});
    });
    const { dispatcher } = world;
    const { socket } = await undici.upgrade('http://web.service.consul/', { dispatcher, protocol: 'talk' });
    const [greeting] = await once(socket, 'data');
    expect(String(greeting)).toBe('hello');
    expect(world.reports.map(({ outcome }) => outcome.ok)).toEqual([true]);
    expect(world.inFlight).toBe(1);
    socket.end();
    await soon(() => expect(world.said).toEqual(['0 nothing']));
    expect(world.reports).toHaveLength(1);
    expect(world.inFlight).toBe(0);
  });

  it('of undici.stream() and undici.pipeline()', async () => {
    const world = await loopback(undici, [wellAnswered]);
    const { dispatcher } = world;
    const parts: string[] = [];
    await undici.stream(
      'http://web.service.consul/',
      { dispatcher, method: 'GET' },
      () =>
        new Writable({
          write(part, _encoding, callback) {
            parts.push(String(part));
            callback();
          },
        }),
    );
    const pipeline = undici.pipeline(
      'http://web.service.consul/',
      { dispatcher, method: 'PUT' },
      ({ body }) => body,
    );
    pipeline.end('upload');
    for await (const part of pipeline) parts.push(String(part));
    expect(parts.join()).toBe('GET ,PUT upload');
    expect(world.said).toEqual(['0 ok', '0 ok']);
  });

  it('of a function that throws at the head of undici.stream()', async () => {
    const world = await loopback(undici, [wellAnswered, wellAnswered], { retries: 1, retryOn: () => true });
    const { dispatcher } = world;
    const asked = undici.stream('http://web.service.consul/', { dispatcher, method: 'GET' }, () => {
      throw new Error('no place for it');
    });
    await expect(asked).rejects.toThrow('no place for it');
    expect(world.said).toEqual(['0 nothing']);
    expect(world.asked).toEqual([1, 0]);
  });

  describe('of a caller who gives up', () => {
    const reason = new Error('not wanted any more');

    it('before the request', async () => {
      const world = await loopback(undici, [wellAnswered]);
      await expect(world.request('/', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      expect(world.said).toEqual([]);
      expect(world.asked).toEqual([0]);
    });

    it('in the same turn', async () => {
      const world = await loopback(undici, [wellAnswered]);
      const controller = new AbortController();
      const asked = world.request('/', { signal: controller.signal });
      controller.abort(reason);
      await expect(asked).rejects.toBe(reason);
      expect(world.said).toEqual(['0 nothing']);
      // The connection was under way; the request was not.
      await soon(() => expect(world.instances[0]!.accepted).toBe(1));
      expect(world.asked).toEqual([0]);
    });

    it('while it waits for an answer', async () => {
      const world = await loopback(undici, [silent, wellAnswered], { retries: 2, retryOn: () => true });
      const controller = new AbortController();
      const asked = world.request('/', { signal: controller.signal });
      await soon(() => expect(world.asked).toEqual([1, 0]));
      const [socket] = world.instances[0]!.sockets;
      controller.abort(reason);
      await expect(asked).rejects.toBe(reason);
      expect(world.said).toEqual(['0 nothing']);
      await soon(() => expect(socket!.destroyed).toBe(true));
    });

    it('in the body', async () => {
      const world = await loopback(undici, [(_, response) => void response.write('some')]);
      const controller = new AbortController();
      const { body } = await world.request('/', { signal: controller.signal });
      const text = body.text();
      controller.abort(reason);
      await expect(text).rejects.toBe(reason);
      await soon(() => expect(world.said).toEqual(['0 nothing']));
    });

    it('in fetch, at each of these times', async () => {
      const world = await loopback(undici, [
        (request, response) => void (request.url === '/silent' || response.write('some')),
      ]);
      const before = AbortSignal.abort(reason);
      await expect(world.fetch('http://web.service.consul/silent', { signal: before })).rejects.toBe(reason);
      const during = new AbortController();
      const asked = world.fetch('http://web.service.consul/silent', { signal: during.signal });
      await soon(() => expect(world.asked).toEqual([1]));
      during.abort(reason);
      await expect(asked).rejects.toBe(reason);
      const after = new AbortController();
      const response = await world.fetch('http://web.service.consul/', { signal: after.signal });
      after.abort(reason);
      await expect(response.text()).rejects.toBe(reason);
      await soon(() => expect(world.said).toEqual(['0 nothing', '0 nothing']));
      expect(world.inFlight).toBe(0);
    });
  });

  describe('of mistakes of the caller: against nobody, once, with the words of undici', () => {
    const mistakes: Record<string, [object, RegExp]> = {
      'a header that is none': [{ headers: { 'no spaces': 'x' } }, /invalid header key/],
      'a value that is none': [{ headers: { a: 'x\r\nb: y' } }, /invalid a header/],
      'a symbol in a header': [{ headers: { a: Symbol('x') } }, /Symbol/],
      'a method that is none': [{ method: 'GET IT' }, /invalid request method/],
      'a query beside a query': [{ path: '/?a=1', query: { b: 2 } }, /[Qq]uery params cannot be passed/],
      'a body that is none': [{ method: 'PUT', body: 5 }, /body must be/],
      'a length that is not its own': [
        { method: 'PUT', body: 'text', headers: { 'content-length': '9' } },
        /content-length/,
      ],
      'an iterable that throws': [
        {
          method: 'PUT',
          body: (async function* () {
            yield 'a';
            throw new Error('no more');
          })(),
        },
        /no more/,
      ],
      'an iterable of something else': [
        {
          method: 'PUT',
          body: (async function* () {
            yield 5;
          })(),
        },
        /string|Buffer/,
      ],
    };

    it.each(Object.entries(mistakes))('%s', async (_what, [more, message]) => {
      const world = await loopback(undici, [silent, wellAnswered], { retries: 3, retryOn: () => true });
      const { dispatcher } = world;
      const options = { origin: 'http://web.service.consul', path: '/', method: 'GET', ...more };
      await expect(dispatcher.request(options as never)).rejects.toThrow(message);
      expect(world.said).toEqual(['0 nothing']);
      expect(world.asked[1]).toBe(0);
      expect(world.inFlight).toBe(0);
    });

    it.each([
      ['breaks', new Error('disk full'), /disk full/],
      ['is closed', undefined, /abort/i],
    ])('a stream that %s', async (_how, error, message) => {
      const world = await loopback(undici, [silent, wellAnswered], { retries: 3, retryOn: () => true });
      const body = new PassThrough();
      body.write('some');
      const asked = world.request('/', { method: 'PUT', body });
      await soon(() => expect(world.asked).toEqual([1, 0]));
      body.destroy(error);
      await expect(asked).rejects.toThrow(message);
      expect(world.said).toEqual(['0 nothing']);
      expect(world.asked).toEqual([1, 0]);
      expect(world.inFlight).toBe(0);
    });

    it('a stream that was broken before', async () => {
      const world = await loopback(undici, [silent, wellAnswered], { retries: 3, retryOn: () => true });
      const body = new PassThrough();
      body.on('error', () => {});
      body.destroy(new Error('disk full'));
      await expect(world.request('/', { method: 'PUT', body })).rejects.toThrow();
      expect(world.said).toEqual(['0 nothing']);
      expect(world.asked[1]).toBe(0);
    });

    it('a body of fetch that throws', async () => {
      const world = await loopback(undici, [silent, wellAnswered], { retries: 3, retryOn: () => true });
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('some'));
        },
        pull() {
          throw Object.assign(new Error('disk full'), { code: 'EIO' });
        },
      });
      const asked = world.fetch('http://web.service.consul/', {
        method: 'PUT',
        body,
        duplex: 'half',
      } as never);
      await expect(asked).rejects.toThrow();
      await soon(() => expect(world.said).toEqual(['0 nothing']));
      expect(world.asked[1]).toBe(0);
    });
  });

  it('of a dispatcher that is destroyed, whatever it is destroyed with', async () => {
    for (const error of [null, new Error('shutting down')]) {
      const world = await loopback(undici, [silent, wellAnswered]);
      const asked = world.request();
      await soon(() => expect(world.asked).toEqual([1, 0]));
      const ended = expect(asked).rejects.toThrow(error === null ? /destroyed/ : 'shutting down');
      await world.dispatcher.destroy(error as never);
      await ended;
      expect(world.said).toEqual(['0 nothing']);
      expect(world.inFlight).toBe(0);
    }
  });

  it('of connections that are refused or break: against their endpoints', async () => {
    const world = await loopback(undici, [await gone(), breaking, failing], { retries: 2 });
    const { statusCode, body } = await world.request();
    expect([statusCode, await body.text()]).toEqual([503, 'not now']);
    expect(world.said).toEqual(['0 failed', '1 failed', '2 failed']);
    expect(world.asked).toEqual([0, 1, 1]);
  });

  it('of an upload whose server breaks off in the middle', async () => {
    const world = await loopback(
      undici,
      [(request) => void request.once('data', () => request.socket.destroy())],
      {
        retries: 0,
      },
    );
    const body = Readable.from(
      (async function* () {
        for (let i = 0; i < 1_000; i++) {
          yield Buffer.alloc(16_384);
          await new Promise(setImmediate);
        }
      })(),
    );
    await expect(world.request('/', { method: 'PUT', body })).rejects.toThrow();
    expect(world.said).toEqual(['0 failed']);
    expect(world.inFlight).toBe(0);
  });
});
