import type { RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { RetriesExhaustedError } from '../../../src/errors.ts';
import { loadable } from '../undici-majors.ts';
import { breaking, breakingLate, failing, gone, loopback, soon, wellAnswered } from './loopback.ts';

const text = 'as much as is wanted';
const bytes = () => new TextEncoder().encode(text);

describe.each(loadable)('retries over real connections, $name', ({ undici }) => {
  describe('where no connection is made, send the whole body to the next', () => {
    it.each<[string, () => unknown]>([
      ['text', () => text],
      ['a buffer', () => Buffer.from(text)],
      ['an ArrayBuffer', () => bytes().buffer],
      ['a blob', () => new Blob([text])],
      ['a stream', () => Readable.from([text.slice(0, 5), text.slice(5)])],
      [
        'a generator',
        () =>
          (async function* () {
            yield text.slice(0, 5);
            yield text.slice(5);
          })(),
      ],
      ['an iterable', () => [Buffer.from(text.slice(0, 5)), Buffer.from(text.slice(5))]],
    ])('%s', async (_what, body) => {
      const world = await loopback(undici, [await gone(), wellAnswered]);
      const response = await world.request('/', { method: 'POST', body: body() as never });
      expect(await response.body.text()).toBe(`POST ${text}`);
      expect(world.said).toEqual(['0 failed', '1 ok']);
    });

    it('a form', async () => {
      const world = await loopback(undici, [await gone(), wellAnswered]);
      const body = new undici.FormData();
      body.set('a', 'b');
      const response = await world.request('/', { method: 'POST', body: body as never });
      expect(await response.body.text()).toMatch(/^POST -+.*name="a"/s);
    });
  });

  describe('where the connection broke later, send through fetch what it was given', () => {
    const again: Record<string, () => unknown> = {
      text: () => text,
      'a typed array': bytes,
      'an ArrayBuffer': () => bytes().buffer,
      'a blob': () => new Blob([text]),
      parameters: () => new URLSearchParams({ a: 'b c' }),
    };

    it.each(Object.entries(again))('%s, for PUT', async (_what, body) => {
      const world = await loopback(undici, [breakingLate, wellAnswered]);
      const response = await world.fetch('http://web.service.consul/', {
        method: 'PUT',
        body: body() as never,
      });
      expect(await response.text()).toBe(_what === 'parameters' ? 'PUT a=b+c' : `PUT ${text}`);
      expect(world.said).toEqual(['0 failed', '1 ok']);
    });

    it('text, for POST, where a function says yes', async () => {
      const world = await loopback(undici, [failing, wellAnswered], {
        retryOn: ({ status }) => status === 503,
      });
      const response = await world.fetch('http://web.service.consul/', { method: 'POST', body: text });
      expect(await response.text()).toBe(`POST ${text}`);
    });

    it('with its content type', async () => {
      const types: unknown[] = [];
      const answer: RequestListener = (request, response) => {
        types.push(request.headers['content-type'], request.headers['content-length']);
        failing(request, response);
      };
      const world = await loopback(undici, [answer, answer], { retryOn: [503] });
      await world.fetch('http://web.service.consul/', {
        method: 'PUT',
        body: new URLSearchParams({ a: 'b' }),
      });
      const type = 'application/x-www-form-urlencoded;charset=UTF-8';
      expect(types).toEqual([type, '3', type, '3']);
    });

    const once: Record<string, () => object> = {
      'a stream': () => ({ body: new Blob([text]).stream(), duplex: 'half' }),
      'a generator': () => ({
        body: (async function* () {
          yield text;
        })(),
        duplex: 'half',
      }),
      'a form': () => {
        const body = new undici.FormData();
        body.set('a', 'b');
        return { body };
      },
    };

    it.each(Object.entries(once))('but not %s', async (_what, init) => {
      const world = await loopback(undici, [breakingLate, wellAnswered], { retries: 3, retryOn: () => true });
      const asked = world.fetch('http://web.service.consul/', { method: 'PUT', ...init() } as never);
      await expect(asked).rejects.toThrow('fetch failed');
      expect(world.asked).toEqual([1, 0]);
      expect(world.said).toEqual(['0 failed']);
    });

    it('and not the body of a Request', async () => {
      const world = await loopback(undici, [breakingLate, wellAnswered], { retries: 3, retryOn: () => true });
      const request = new undici.Request('http://web.service.consul/', { method: 'PUT', body: text });
      await expect(world.fetch(request)).rejects.toThrow('fetch failed');
      expect(world.asked).toEqual([1, 0]);
    });

    it('and not POST, unless it is said to be idempotent', async () => {
      const world = await loopback(undici, [breakingLate, wellAnswered]);
      const url = 'http://web.service.consul/';
      await expect(world.fetch(url, { method: 'POST', body: text })).rejects.toThrow('fetch failed');
      expect(world.asked).toEqual([1, 0]);
      const second = await loopback(undici, [breakingLate, wellAnswered]);
      const headers = { 'idempotency-key': '1' };
      const response = await second.fetch(url, { method: 'POST', body: text, headers });
      expect(await response.text()).toBe(`POST ${text}`);
    });
  });

  describe('below fetch', () => {
    it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'] as const)('%s goes to the next', async (method) => {
      const world = await loopback(undici, [breaking, wellAnswered]);
      const { statusCode, body } = await world.request('/', { method });
      await body.dump();
      expect(statusCode).toBe(200);
      expect(world.said).toEqual(['0 failed', '1 ok']);
    });

    it.each(['POST', 'PATCH'] as const)('%s fails as it is, once', async (method) => {
      const world = await loopback(undici, [breaking, wellAnswered]);
      await expect(world.request('/', { method, body: text })).rejects.toMatchObject({
        code: 'UND_ERR_SOCKET',
      });
      expect(world.asked).toEqual([1, 0]);
    });

    it('POST with idempotent: true goes to the next', async () => {
      const world = await loopback(undici, [breaking, wellAnswered]);
      const { body } = await world.request('/', { method: 'POST', body: text, idempotent: true });
      expect(await body.text()).toBe(`POST ${text}`);
    });

    it('a stream that was half sent is not sent again, and is destroyed', async () => {
      const world = await loopback(
        undici,
        [(request) => void request.once('data', () => request.socket.destroy()), wellAnswered],
        { retries: 3, retryOn: () => true },
      );
      const body = new PassThrough();
      body.write('first half');
      await expect(world.request('/', { method: 'PUT', body })).rejects.toMatchObject({
        code: expect.any(String),
      });
      expect(world.asked).toEqual([1, 0]);
      expect(body.destroyed).toBe(true);
    });
  });

  it('tell the whole story where nobody is there', async () => {
    const world = await loopback(undici, [await gone(), await gone()]);
    const error: RetriesExhaustedError = await world.request().then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED', cause: { code: 'ECONNREFUSED' } });
    expect(error.attempts).toHaveLength(2);
    for (const { port } of world.instances) {
      expect(error.message).toContain(`127.0.0.1:${port}, 0 ms: connect ECONNREFUSED 127.0.0.1:${port}.`);
    }
    const failed = await world.fetch('http://web.service.consul/').catch((thrown) => thrown);
    expect(failed.cause).toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED' });
  });

  it('are none with retries: 0: the error is as it is', async () => {
    const world = await loopback(undici, [await gone(), wellAnswered], { retries: 0 });
    await expect(world.request()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(world.asked).toEqual([0, 0]);
  });

  describe('after a 503', () => {
    it('use its connection again, where the body is short', async () => {
      const world = await loopback(undici, [failing, wellAnswered], { retryOn: [503] });
      for (let i = 0; i < 4; i++) {
        const { statusCode, body } = await world.request();
        await body.text();
        expect(statusCode).toBe(200);
        await soon(() => expect(world.inFlight).toBe(0));
        await new Promise(setImmediate);
      }
      expect(world.instances.map(({ accepted }) => accepted)).toEqual([1, 1]);
    });

    it('close its connection, where the body is long', async () => {
      let socket: Socket | undefined;
      const answer: RequestListener = (request, response) => {
        socket = request.socket;
        response.writeHead(503).end(Buffer.alloc(1_000_000));
      };
      const world = await loopback(undici, [answer, wellAnswered], { retryOn: [503] });
      const { body } = await world.request();
      expect(await body.text()).toBe('GET ');
      await soon(() => expect(socket!.destroyed).toBe(true));
      await soon(() => expect(world.said.toSorted()).toEqual(['0 failed', '1 ok']));
      expect(world.inFlight).toBe(0);
    });

    it('close its connection after a second, where the body has no end', async () => {
      const world = await loopback(
        undici,
        [(_, response) => void response.writeHead(503).write('and then'), wellAnswered],
        { retryOn: [503] },
      );
      const { body } = await world.request();
      await body.text();
      const [socket] = world.instances[0]!.sockets;
      expect(world.inFlight).toBe(1);
      await world.clock.advance(1_000);
      expect(world.inFlight).toBe(0);
      await soon(() => expect(socket!.destroyed).toBe(true));
    });

    it('pass the last one on, with its body', async () => {
      const world = await loopback(undici, [failing, failing, failing], { retries: 2, retryOn: [503] });
      const { statusCode, body } = await world.request();
      expect([statusCode, await body.text()]).toEqual([503, 'not now']);
      expect(world.asked).toEqual([1, 1, 1]);
    });

    it('do not let an upload be buffered: the 503 is the answer', async () => {
      const world = await loopback(undici, [failing, wellAnswered], { retries: 2, retryOn: [503] });
      const { statusCode, body } = await world.request('/', { method: 'PUT', body: Readable.from([text]) });
      await body.dump();
      expect(statusCode).toBe(503);
      expect(world.asked).toEqual([1, 0]);
    });
  });

  describe('after an attempt that took too long', () => {
    /** Connects to the first only when it is told to. */
    function held() {
      const waiting: (() => void)[] = [];
      return {
        connect(
          options: { hostname: string; port: string },
          callback: (error: Error | null, socket: unknown) => void,
        ) {
          const open = () => {
            const socket = connect(Number(options.port), options.hostname);
            socket.once('connect', () => callback(null, socket));
          };
          if (waiting.length > 0 || this.released) open();
          else waiting.push(open);
        },
        released: false,
        release() {
          this.released = true;
          for (const open of waiting.splice(0)) open();
        },
      };
    }

    it('send to the next what was not sent; the connection that comes late sends nothing', async () => {
      const gate = held();
      const world = await loopback(undici, [wellAnswered, wellAnswered], {
        attemptTimeout: 500,
        pool: { connect: gate.connect.bind(gate) as never },
      });
      const asked = world.request('/', { method: 'POST', body: text });
      await world.clock.advance(500);
      const { body } = await asked;
      expect(await body.text()).toBe(`POST ${text}`);
      expect(world.said).toEqual(['0 failed', '1 ok']);
      gate.release();
      await soon(() => expect(world.instances[0]!.accepted).toBe(1));
      await world.clock.advance(0);
      expect(world.asked).toEqual([0, 1]);
      expect(world.inFlight).toBe(0);
    });

    it('do not send a stream to the next that the first would destroy as it comes late', async () => {
      const gate = held();
      const world = await loopback(undici, [wellAnswered, wellAnswered], {
        attemptTimeout: 500,
        pool: { connect: gate.connect.bind(gate) as never },
      });
      const asked = world.request('/', { method: 'POST', body: Readable.from([text]) });
      const failed = expect(asked).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
      await world.clock.advance(500);
      await failed;
      gate.release();
      await soon(() => expect(world.instances[0]!.accepted).toBe(1));
      expect(world.asked).toEqual([0, 0]);
    });

    it('leave the queue of a pool', async () => {
      const world = await loopback(undici, [(_, response) => void response.write('some'), wellAnswered], {
        attemptTimeout: 500,
        pool: { connections: 1, pipelining: 1 },
      });
      // Its answer has begun and does not end.
      const { body: endless } = await world.request();
      const other = await world.request();
      await other.body.text();
      const queued = world.request('/', { method: 'POST', body: text });
      await world.clock.advance(500);
      expect(await (await queued).body.text()).toBe(`POST ${text}`);
      expect(world.asked).toEqual([1, 2]);
      expect(world.said).toEqual(['1 ok', '0 failed', '1 ok']);
      expect(world.inFlight).toBe(1);
      endless.on('error', () => {});
      endless.destroy();
      await soon(() => expect(world.inFlight).toBe(0));
      // Its turn has come, too late.
      await world.clock.advance(0);
      expect(world.asked).toEqual([1, 2]);
    });
  });

  it('end with the deadline of the whole, in the body too', async () => {
    const world = await loopback(undici, [(_, response) => void response.write('some')], { timeout: 2_000 });
    const { body } = await world.request();
    const text = expect(body.text()).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    await world.clock.advance(2_000);
    await text;
    await soon(() => expect(world.said).toEqual(['0 failed']));
  });

  it('look the same to both servers', async () => {
    const heads: string[][] = [];
    const answer: RequestListener = (request, response) => {
      heads.push(request.rawHeaders);
      failing(request, response);
    };
    const world = await loopback(undici, [answer, answer], { retryOn: [503] });
    const { body } = await world.request('/', { method: 'PUT', body: text, headers: { a: 'b' } });
    await body.dump();
    expect(heads).toHaveLength(2);
    expect(heads[0]).toEqual(heads[1]);
  });
});
