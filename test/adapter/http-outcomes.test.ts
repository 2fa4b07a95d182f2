import { once } from 'node:events';
import * as http from 'node:http';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { nothingNew } from '../../src/adapter/nothing-new.ts';
import { backend, httpWorld, until } from './http/world.ts';

const url = 'http://web.service.consul/';

/** One instance that answers as it is told, and one request to it. */
async function exchange(answer: Parameters<typeof backend>[0], options: http.RequestOptions = {}) {
  const one = await backend(answer);
  const world = await httpWorld([one.port]);
  const agent = world.agent();
  const events: string[] = [];
  const request = http.request(url, { agent, ...options });
  request.on('error', ({ code }: NodeJS.ErrnoException) => events.push(`error ${code}`));
  request.on('close', () => events.push('close'));
  const outcomes = () => world.told.map(({ outcome }) => outcome);
  /** The one outcome, once the request is closed. */
  const outcome = async () => {
    await until(() => events.includes('close') && world.inFlight() === 0);
    expect(world.told).toHaveLength(1);
    return outcomes()[0]!;
  };
  return { ...world, one, request, events, outcome, outcomes };
}

describe('what the balancer is told of a request', () => {
  it('when it has ended: how long it took, and how long to the first byte', async () => {
    let response!: http.ServerResponse;
    const { clock, request, one, outcome } = await exchange((_request, answer) => {
      response = answer;
    });
    request.end();
    await until(() => one.asked.length === 1);
    await clock.advance(30);
    response.write('some');
    const [incoming] = (await once(request, 'response')) as [http.IncomingMessage];
    incoming.resume();
    await clock.advance(12);
    response.end();
    expect(await outcome()).toEqual({ ok: true, firstByte: 30, elapsed: 42 });
  });

  it.each([
    [200, true],
    [404, true],
    [500, false],
    [501, true],
    [503, false],
  ])('that status %i speaks for the instance: %s', async (status, ok) => {
    const { request, outcome } = await exchange((_request, response) => response.writeHead(status).end('x'));
    request.end().on('response', (response) => response.resume());
    expect(await outcome()).toMatchObject({ ok });
  });

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('of a %s with status %i, which has no body', async (method, status) => {
    const answer = (_: unknown, response: http.ServerResponse) => response.writeHead(status).end();
    const { request, outcome, one } = await exchange(answer, { method });
    request.end().on('response', (response) => response.resume());
    expect(await outcome()).toMatchObject({ ok: true });
    expect(one.accepted).toHaveLength(1);
  });

  it('that what comes before an answer is none', async () => {
    const { request, events, outcome } = await exchange(
      (_request, response) => {
        response.writeEarlyHints({ link: '</style.css>; rel=preload' });
        response.end('x');
      },
      { method: 'POST', headers: { expect: '100-continue' } },
    );
    request.on('continue', () => request.end('body')).on('information', () => events.push('information'));
    request.flushHeaders();
    request.on('response', (response) => response.resume());
    expect(await outcome()).toMatchObject({ ok: true });
    expect(events).toEqual(['information', 'information', 'close']);
  });

  it('when the connection breaks before an answer', async () => {
    const { request, events, outcome } = await exchange(({ socket }) => socket.destroy());
    request.end();
    expect(await outcome()).toMatchObject({ ok: false, error: { code: 'ECONNRESET' } });
    expect((await outcome()).aborted).toBeUndefined();
    expect(events).toEqual(['error ECONNRESET', 'close']);
  });

  it.each(['reset', 'end'])('when the connection breaks in the middle of the body, by %s', async (how) => {
    const { request, outcome, one } = await exchange((_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('some');
    });
    request.end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.on('error', () => {}).resume();
    if (how === 'reset') one.accepted[0]!.resetAndDestroy();
    else one.accepted[0]!.end();
    const { ok, aborted, firstByte, error } = await outcome();
    expect([ok, aborted, firstByte, error]).toEqual([false, undefined, 0, expect.any(Error)]);
  });

  it('when the answer is no HTTP', async () => {
    const { request, outcome } = await exchange(({ socket }) => void socket.end('SSH-2.0-x\r\n\r\n'));
    request.end();
    expect(await outcome()).toMatchObject({ ok: false, error: { code: /^HPE_/ } });
  });

  it('nothing for or against it, when the caller gives up', async () => {
    const never = () => {};
    for (const abort of [
      (request: http.ClientRequest) => request.destroy(),
      (request: http.ClientRequest) => request.destroy(new Error('changed my mind')),
      (request: http.ClientRequest) => request.abort(),
    ]) {
      const { request, one, outcome, clock } = await exchange(never);
      request.end();
      await until(() => one.asked.length === 1);
      await clock.advance(7);
      abort(request);
      expect(await outcome()).toMatchObject({ ok: false, aborted: true, elapsed: 7 });
    }
  });

  it('nothing for or against it, when the caller gives up in the middle of the body', async () => {
    for (const abort of [
      (response: http.IncomingMessage) => response.destroy(),
      (response: http.IncomingMessage) => response.destroy(new Error('enough')),
      (_: unknown, request: http.ClientRequest) => request.destroy(),
      (_: unknown, request: http.ClientRequest) => request.destroy(new Error('enough')),
      (_: unknown, request: http.ClientRequest) => request.abort(),
    ]) {
      const { request, outcome } = await exchange((_request, response) => void response.write('some'));
      request.end();
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      response.on('error', () => {}).resume();
      abort(response, request);
      expect(await outcome()).toMatchObject({ ok: false, aborted: true, firstByte: 0 });
    }
  });

  it('nothing for or against it, when the signal of the caller aborts', async () => {
    const stop = new AbortController();
    const { request, one, outcome, events } = await exchange(() => {}, { signal: stop.signal });
    request.end();
    await until(() => one.asked.length === 1);
    stop.abort();
    expect(await outcome()).toMatchObject({ aborted: true });
    expect(events).toEqual(['error ABORT_ERR', 'close']);
  });

  it("a failure, when the caller's patience ends", async () => {
    const late = Object.assign(new Error('Timeout awaiting request'), { code: 'ETIMEDOUT' });
    const stop = new AbortController();
    for (const end of [
      (request: http.ClientRequest) => request.destroy(late),
      (request: http.ClientRequest) => {
        request.emit('timeout');
        request.destroy();
      },
      () => stop.abort(new DOMException('in vain', 'TimeoutError')),
    ]) {
      const { request, one, outcome } = await exchange(() => {}, { signal: stop.signal });
      request.end();
      await until(() => one.asked.length === 1);
      end(request);
      const { ok, aborted } = await outcome();
      expect([ok, aborted]).toEqual([false, undefined]);
    }
  });

  it("a failure, when Node's own timeout strikes", async () => {
    const { request, outcome, events } = await exchange(() => {}, { timeout: 20 });
    request.end().on('timeout', () => request.destroy());
    const { ok, aborted } = await outcome();
    expect([ok, aborted]).toEqual([false, undefined]);
    expect(events).toEqual(['error ECONNRESET', 'close']);
  });

  it('of an early answer, which is one though the upload breaks off', async () => {
    const { request, outcome } = await exchange(
      ({ socket }, response) => {
        response.writeHead(413, { connection: 'close' }).end('too much', () => socket.destroySoon());
      },
      { method: 'POST' },
    );
    request.on('response', (response) => response.resume());
    const more = () => {
      while (!request.destroyed && request.write('x'.repeat(100_000)));
    };
    request.on('drain', more);
    more();
    const { ok, aborted } = await outcome();
    expect([ok, aborted]).toEqual([true, undefined]);
  });

  it('nothing yet, when the answer is there before the upload has ended', async () => {
    const { request, outcome, outcomes, clock } = await exchange(
      (incoming, response) => {
        incoming.resume();
        response.end('enough');
      },
      { method: 'POST' },
    );
    request.write('some');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    await once(response.resume(), 'end');
    await clock.advance(5);
    expect(outcomes()).toEqual([]);
    request.end('more');
    expect(await outcome()).toEqual({ ok: true, firstByte: 0, elapsed: 5 });
  });

  it('that it has ended, when nobody listens to the answer', async () => {
    const { request, outcome, agent } = await exchange((_request, response) =>
      response.end('x'.repeat(500_000)),
    );
    request.end();
    expect(await outcome()).toMatchObject({ ok: true });
    expect(agent).toBeDefined();
  });

  it('that it has ended, when it has all arrived and nobody reads it', async () => {
    const { request, outcomes, inFlight } = await exchange((_request, response) => response.end('short'));
    request.end();
    await once(request, 'response');
    await until(() => inFlight() === 0);
    expect(outcomes()).toMatchObject([{ ok: true, firstByte: 0, elapsed: 0 }]);
  });

  it('nothing, while a long body is not read', async () => {
    const { request, outcomes, outcome, inFlight } = await exchange((_request, response) => {
      response.end('x'.repeat(10_000_000));
    });
    request.end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect([inFlight(), outcomes()]).toEqual([1, []]);
    response.on('error', () => {}).destroy();
    expect(await outcome()).toMatchObject({ aborted: true });
  });
});

describe('that somebody watches', () => {
  it('is seen by no listener that Node or others would take for one of the caller', async () => {
    const { request, outcome } = await exchange((_request, response) => response.end('x'));
    request.removeAllListeners('error');
    request.end();
    await once(request, 'socket');
    for (const event of ['response', 'upgrade', 'connect', 'error', 'continue', 'information'])
      expect([event, request.listenerCount(event)]).toEqual([event, 0]);
    expect(await outcome()).toMatchObject({ ok: true });
  });

  it('does not keep others who watch from reading what nobody else wants', async () => {
    const { request, outcome, one } = await exchange((_request, response) =>
      response.end('x'.repeat(500_000)),
    );
    // As OpenTelemetry does it.
    request.prependListener('response', (response) => {
      if (request.listenerCount('response') <= 1) response.resume();
    });
    request.end();
    expect(await outcome()).toMatchObject({ ok: true });
    expect(one.accepted).toHaveLength(1);
  });
});

describe('an upgrade', () => {
  it('is judged by its handshake, at once, and in flight until its socket closes', async () => {
    const one = await backend();
    const sockets = new WebSocketServer({ server: one.server as http.Server });
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
    const world = await httpWorld([one.port]);
    const agent = world.agent();
    const socket = new WebSocket('ws://web.service.consul/', { agent });
    await once(socket, 'open');
    socket.send('hello');
    const [echo] = await once(socket, 'message');
    expect(String(echo)).toBe('hello');
    const handshake = { ok: true, elapsed: 0, firstByte: 0 };
    expect(world.inFlight()).toBe(1);
    expect(world.told.map(({ outcome }) => outcome)).toEqual([handshake]);
    await world.clock.advance(60_000);
    socket.close();
    await once(socket, 'close');
    await until(() => world.inFlight() === 0);
    expect(world.told.map(({ outcome }) => outcome)).toEqual([handshake, nothingNew]);
    sockets.close();
  });

  it('over TLS', async () => {
    const one = await backend(undefined, { tls: 'web' });
    const sockets = new WebSocketServer({ server: one.server as http.Server });
    sockets.on('connection', (socket) => socket.send('hello'));
    const world = await httpWorld([one.port]);
    const socket = new WebSocket('wss://web.service.consul/', { agent: world.tlsAgent() });
    const [hello] = await once(socket, 'message');
    expect(String(hello)).toBe('hello');
    socket.terminate();
    await until(() => world.inFlight() === 0);
    sockets.close();
  });

  it('that is refused is an answer like another', async () => {
    const { request, outcome } = await exchange((_request, response) => response.writeHead(503).end(), {
      headers: { connection: 'upgrade', upgrade: 'websocket' },
    });
    request.on('upgrade', () => {});
    request.end().on('response', (response) => response.resume());
    expect(await outcome()).toMatchObject({ ok: false });
  });

  it('that nobody listens to has ended with its answer', async () => {
    const one = await backend();
    one.server.on('upgrade', (_request, socket: Duplex) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
    });
    const world = await httpWorld([one.port]);
    const headers = { connection: 'upgrade', upgrade: 'x' };
    http.get(url, { agent: world.agent(), headers });
    await until(() => world.told.length === 1);
    expect(world.inFlight()).toBe(0);
  });

  it('by CONNECT as well', async () => {
    const one = await backend();
    one.server.on('connect', (_request, socket: Duplex) => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      socket.pipe(socket);
    });
    const world = await httpWorld([one.port]);
    const request = http.request(url, { agent: world.agent(), method: 'CONNECT', path: 'x:1' }).end();
    const [, socket] = (await once(request, 'connect')) as [unknown, Duplex];
    onTestFinished(() => void socket.destroy());
    expect(world.inFlight()).toBe(1);
    socket.write('ping');
    expect(String((await once(socket, 'data'))[0])).toBe('ping');
    socket.destroy();
    await until(() => world.inFlight() === 0);
    expect(world.told).toMatchObject([{ outcome: { ok: true } }, { outcome: nothingNew }]);
  });
});
