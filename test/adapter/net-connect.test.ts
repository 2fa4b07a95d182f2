import { getEventListeners, once } from 'node:events';
import * as net from 'node:net';
import { describe, expect, it } from 'vitest';
import { connectIn } from '../../src/adapter/net/connect.ts';
import { connect } from '../../src/adapter/net.ts';
import { RequestTimeoutError, RetriesExhaustedError } from '../../src/index.ts';
import { notFound } from '../scripted-source.ts';
import { at, failed, listen, netWorld, refusing, silent, sockets, until } from './net-world.ts';

describe('connect', () => {
  it("hands out Node's own connected socket, in flight until it closes", async () => {
    const { port, accepted } = await listen();
    const { web, clock, inFlight } = await netWorld([port]);
    const socket = await connectIn(clock, web);
    expect(socket).toBeInstanceOf(net.Socket);
    expect([socket.connecting, socket.remotePort, inFlight()]).toEqual([false, port, 1]);
    socket.write('hello');
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    socket.end();
    await once(socket, 'close');
    expect([inFlight(), accepted.length]).toEqual([0, 1]);
  });

  it('leaves no listener on it, and no timer', async () => {
    const { port } = await listen();
    const { web, clock } = await netWorld([port], { outlier: false });
    const before = clock.pending;
    const socket = await connectIn(clock, web);
    const plain = net.connect(port, '127.0.0.1');
    await once(plain, 'connect');
    expect(socket.eventNames()).toEqual(plain.eventNames());
    expect([socket.timeout, clock.pending]).toEqual([plain.timeout, before]);
    plain.destroy();
    socket.destroy();
  });

  it('leaves the flight also where somebody takes all listeners off it', async () => {
    const { port } = await listen();
    const { web, clock, inFlight } = await netWorld([port]);
    const socket = await connectIn(clock, web);
    socket.removeAllListeners();
    socket.destroy();
    expect(inFlight()).toBe(0);
  });

  it('loses nothing of what the server says at once', async () => {
    const { port } = await listen(net.createServer((socket) => void socket.end('220 ready')));
    const { web, clock } = await netWorld([port]);
    const socket = await connectIn(clock, web);
    await new Promise((resolve) => setImmediate(resolve));
    let said = '';
    for await (const part of socket) said += part;
    expect(said).toBe('220 ready');
  });

  it('goes on with the next where one refuses', async () => {
    const [dead, gone, alive] = [await refusing(), await refusing(), await listen()];
    const { web, clock, inFlight } = await netWorld([dead, gone, alive.port]);
    const socket = await connectIn(clock, web);
    expect([socket.remotePort, inFlight()]).toEqual([alive.port, 1]);
    socket.destroy();
    expect(inFlight()).toBe(0);
  });

  it('says of every attempt how it went where all refuse', async () => {
    const ports = [await refusing(), await refusing(), await refusing()];
    const { web, clock, inFlight } = await netWorld(ports);
    const error = await failed(connectIn(clock, web));
    expect(error).toBeInstanceOf(RetriesExhaustedError);
    expect(error.attempts.map(({ endpoint }: never) => (endpoint as { port: number }).port)).toEqual(ports);
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED', port: ports[2] });
    expect(inFlight()).toBe(0);
  });

  it('tries at most three others, unless it is told how many', async () => {
    const ports = [];
    for (let i = 0; i < 6; i++) ports.push(await refusing());
    const { web, clock } = await netWorld(ports);
    expect((await failed(connectIn(clock, web))).attempts).toHaveLength(4);
    expect((await failed(connectIn(clock, web, { retries: 5 }))).attempts).toHaveLength(6);
    expect((await failed(connectIn(clock, web, { retries: 1 }))).attempts).toHaveLength(2);
  });

  it('throws what happened as it is where there is nobody else, or nobody else is wanted', async () => {
    const ports = [await refusing(), await refusing()];
    const { web, clock } = await netWorld(ports);
    expect(await failed(connectIn(clock, web, { retries: 0 }))).toMatchObject({ code: 'ECONNREFUSED' });
    const alone = await netWorld([ports[0]!]);
    expect(await failed(connectIn(alone.clock, alone.web))).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('takes every further attempt from the retry budget', async () => {
    const ports = [await refusing(), await refusing(), await refusing()];
    const { web, clock } = await netWorld(ports, { retryBudget: { share: 0, perSecond: 0.1 } });
    const error = await failed(connectIn(clock, web));
    expect(error.attempts).toHaveLength(2);
    expect(error.message).toContain('budget');
    expect(web.stats().retriesLeft).toBe(0);
  });

  it('goes on after connectTimeout where one does not answer', async () => {
    const [hole, alive] = [await silent(), await listen()];
    const { web, clock, inFlight, told } = await netWorld([hole, alive.port]);
    const connecting = connectIn(clock, web);
    await until(() => inFlight() === 1);
    await clock.advance(1_999);
    expect(alive.accepted).toHaveLength(0);
    await clock.advance(1);
    const socket = await connecting;
    expect([socket.remotePort, inFlight()]).toEqual([alive.port, 1]);
    expect(told[0]).toMatchObject(['reported', hole, { ok: false, elapsed: 2_000 }]);
    socket.destroy();
    expect(inFlight()).toBe(0);
  });

  it('ends at its timeout, whatever is under way', async () => {
    const hole = await silent();
    const { web, clock, inFlight } = await netWorld([hole, await refusing()]);
    const error = failed(connectIn(clock, web, { timeout: 300 }));
    await until(() => inFlight() === 1);
    await clock.advance(300);
    expect(await error).toBeInstanceOf(RequestTimeoutError);
    expect(inFlight()).toBe(0);
  });

  it('waits for a first list, and fails fast where there is none', async () => {
    const { port } = await listen();
    const { web, clock, source, discovery } = await netWorld([port]);
    const open = source.hold();
    const other = discovery.service('other');
    const connecting = connectIn(clock, other);
    source.answer = { addresses: at(port) };
    open();
    (await connecting).destroy();
    source.answer = notFound();
    expect(await failed(connectIn(clock, discovery.service('none')))).toMatchObject({
      code: 'ERR_SERVICE_NOT_FOUND',
    });
    web.close();
    expect(await failed(connectIn(clock, web))).toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('says that all are full as acquire() does', async () => {
    const { port } = await listen();
    const { web, clock } = await netWorld([port], { maxInFlight: 1 });
    const socket = await connectIn(clock, web);
    expect(await failed(connectIn(clock, web))).toMatchObject({ code: 'ERR_OVERLOADED' });
    socket.destroy();
    (await connectIn(clock, web)).destroy();
  });

  it('sticks by key', async () => {
    const [a, b, c] = [await listen(), await listen(), await listen()];
    const { web, clock } = await netWorld([a.port, b.port, c.port], { balancer: 'consistent-hash' });
    const ports = new Set<number | undefined>();
    for (let i = 0; i < 8; i++) {
      const socket = await connectIn(clock, web, { key: 'tenant-7' });
      ports.add(socket.remotePort);
      socket.destroy();
    }
    expect(ports.size).toBe(1);
  });

  it('outlives the service and the discovery: the socket is the caller’s', async () => {
    const { port } = await listen();
    const { web, clock, discovery } = await netWorld([port]);
    const socket = await connectIn(clock, web);
    const [endpoint] = web.endpoints;
    await discovery.close();
    socket.write('still here');
    expect(String((await once(socket, 'data'))[0])).toBe('still here');
    socket.destroy();
    expect(endpoint!.inFlight).toBe(0);
  });

  it.each([
    ['no service', undefined, {}],
    ['something else in place of a service', { pick() {} }, {}],
    ['an unknown option', true, { retires: 1 }],
    ['a negative timeout', true, { connectTimeout: -1 }],
    ['a tls that says where to connect', true, { tls: { host: 'elsewhere' } }],
    ['a tls that is no object', true, { tls: 'yes' }],
    ['a key that is no string', true, { key: 1 }],
  ])('refuses %s', async (_what, service, options) => {
    const { web } = await netWorld([1]);
    const error = await failed(connect((service === true ? web : service) as never, options as never));
    expect(error).toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });
});

describe('an abort', () => {
  it('before it begins connects to nobody', async () => {
    const { port, accepted } = await listen();
    const { web, clock, inFlight } = await netWorld([port]);
    expect(await failed(connectIn(clock, web, { signal: AbortSignal.abort('no') }))).toBe('no');
    expect([inFlight(), accepted.length]).toEqual([0, 0]);
  });

  it('while the list is awaited says its reason', async () => {
    const { clock, source, discovery } = await netWorld([await refusing()]);
    source.hold();
    const leaving = new AbortController();
    const error = failed(connectIn(clock, discovery.service('other'), { signal: leaving.signal }));
    leaving.abort('enough');
    expect(await error).toBe('enough');
  });

  it('while an endpoint is silent destroys the half-open socket, and says nothing of the endpoint', async () => {
    const { web, clock, inFlight, told } = await netWorld([await silent(), await refusing()]);
    const leaving = new AbortController();
    const before = sockets();
    const error = failed(connectIn(clock, web, { signal: leaving.signal }));
    await until(() => inFlight() === 1);
    leaving.abort('enough');
    expect(await error).toBe('enough');
    await until(() => sockets() === before);
    expect(inFlight()).toBe(0);
    expect(told).toMatchObject([['finished', expect.anything(), { aborted: true }]]);
    expect(getEventListeners(leaving.signal, 'abort')).toEqual([]);
  });

  it('between two attempts ends it', async () => {
    const alive = await listen();
    const leaving = new AbortController();
    const { web, clock, inFlight } = await netWorld([await refusing(), alive.port], undefined, {
      picking: (retry) => void (retry && leaving.abort('enough')),
    });
    expect(await failed(connectIn(clock, web, { signal: leaving.signal }))).toBe('enough');
    expect([inFlight(), alive.accepted.length]).toEqual([0, 0]);
  });

  it('afterwards does nothing to the socket', async () => {
    const { port } = await listen();
    const { web, clock } = await netWorld([port]);
    const leaving = new AbortController();
    const socket = await connectIn(clock, web, { signal: leaving.signal });
    leaving.abort();
    await new Promise((resolve) => setImmediate(resolve));
    expect(socket.destroyed).toBe(false);
    expect(getEventListeners(leaving.signal, 'abort')).toEqual([]);
    socket.destroy();
  });

  it('at random, 500 times, leaves nothing in flight and no socket', async () => {
    const ports = [(await listen()).port, await refusing(), (await listen()).port, await refusing()];
    const { web, clock, inFlight } = await netWorld(ports, {
      balancer: 'random',
      outlier: false,
      retryBudget: false,
    });
    const before = sockets();
    let random = 1;
    const draw = (below: number) => {
      random = (random * 48_271) % 2_147_483_647;
      return random % below;
    };
    const ends = { connected: 0, aborted: 0, failed: 0 };
    for (let round = 0; round < 50; round++) {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const leaving = new AbortController();
          const turns = draw(12);
          const abort = (left: number): unknown =>
            left === 0 ? leaving.abort('enough') : setImmediate(abort, left - 1);
          setImmediate(abort, turns);
          try {
            const socket = await connectIn(clock, web, { signal: leaving.signal, retries: draw(4) });
            ends.connected++;
            socket.on('error', () => {});
            if (draw(2) === 0) socket.destroy();
            else socket.end();
            if (!socket.destroyed) await once(socket.resume(), 'close');
          } catch (error) {
            ends[error === 'enough' ? 'aborted' : 'failed']++;
          }
        }),
      );
    }
    await until(() => sockets() <= before);
    expect([inFlight(), clock.pending]).toEqual([0, expect.any(Number)]);
    expect(Math.min(ends.connected, ends.aborted, ends.failed)).toBeGreaterThan(10);
  });
});
