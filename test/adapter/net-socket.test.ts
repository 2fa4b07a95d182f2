import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { describe, expect, it } from 'vitest';
import { socketIn } from '../../src/adapter/net/service-socket.ts';
import { socketFor } from '../../src/adapter/net.ts';
import { RequestTimeoutError, RetriesExhaustedError } from '../../src/index.ts';
import { at, listen, netWorld, refusing, silent, sockets, until } from './net-world.ts';

/** Its events in their order, with what came along. */
function events(socket: net.Socket): unknown[][] {
  const seen: unknown[][] = [];
  for (const name of ['connect', 'ready', 'error', 'end', 'close', 'timeout']) {
    socket.on(name, (...rest) => seen.push([name, ...rest]));
  }
  return seen;
}

describe('socketFor', () => {
  it('is a socket that nothing happens to until it is to connect', async () => {
    const { port, accepted } = await listen();
    const { web, clock, inFlight } = await netWorld([port]);
    const socket = socketIn(clock, web);
    expect(socket).toBeInstanceOf(net.Socket);
    await new Promise((resolve) => setImmediate(resolve));
    expect([socket.connecting, inFlight(), accepted.length]).toEqual([false, 0, 0]);
    socket.destroy();
  });

  it('connects to an endpoint, whatever it is told, and is in flight until it closes', async () => {
    const { port } = await listen();
    const { web, clock, inFlight } = await netWorld([port]);
    const socket = socketIn(clock, web);
    const seen = events(socket);
    let called = 0;
    expect(socket.connect(5432, 'nowhere.invalid', () => called++)).toBe(socket);
    expect([socket.connecting, socket.pending, socket.readyState]).toEqual([true, true, 'opening']);
    await once(socket, 'connect');
    expect([socket.remotePort, socket.connecting, socket.pending, called, inFlight()]).toEqual([
      port,
      false,
      false,
      1,
      1,
    ]);
    socket.end('bye');
    expect(String((await once(socket, 'data'))[0])).toBe('bye');
    await once(socket, 'close');
    expect(seen).toEqual([['connect'], ['ready'], ['end'], ['close', false]]);
    expect([inFlight(), socket.bytesRead, socket.bytesWritten]).toEqual([0, 3, 3]);
  });

  it.each([
    ['one', 1],
    ['three', 3],
  ])('goes on with the next where %s refuse, and says nothing of it', async (_many, dead) => {
    const ports = [];
    for (let i = 0; i < dead; i++) ports.push(await refusing());
    const alive = await listen();
    const { web, clock, inFlight } = await netWorld([...ports, alive.port]);
    const socket = socketIn(clock, web);
    const seen = events(socket);
    socket.connect(1);
    await once(socket, 'connect');
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([['connect'], ['ready']]);
    expect([socket.remotePort, inFlight(), alive.accepted.length]).toEqual([alive.port, 1, 1]);
    socket.destroy();
    await once(socket, 'close');
    expect(inFlight()).toBe(0);
  });

  it('keeps what was written, ended, set and listened to before it connected', async () => {
    const alive = await listen();
    const { web, clock } = await netWorld([await refusing(), await refusing(), alive.port]);
    const socket = socketIn(clock, web);
    socket.setNoDelay(true).setKeepAlive(true, 1_000).setEncoding('utf8').setTimeout(60_000);
    let said = '';
    socket.on('data', (part) => {
      said += part;
    });
    socket.connect(1);
    socket.write('one ');
    let written = 0;
    socket.write('two ', () => written++);
    socket.end('three');
    await once(socket, 'close');
    expect([said, written, socket.timeout]).toEqual(['one two three', 1, 60_000]);
  });

  it('fails with every attempt where all refuse', async () => {
    const ports = [await refusing(), await refusing()];
    const { web, clock, inFlight } = await netWorld(ports);
    const socket = socketIn(clock, web);
    const seen = events(socket);
    socket.connect(1);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(seen).toEqual([
      ['error', expect.any(RetriesExhaustedError)],
      ['close', true],
    ]);
    expect((seen[0]![1] as RetriesExhaustedError).attempts).toHaveLength(2);
    expect([inFlight(), socket.connecting]).toEqual([0, false]);
  });

  it('fails as a plain socket does where there is one endpoint', async () => {
    const port = await refusing();
    const { web, clock } = await netWorld([port]);
    const socket = socketIn(clock, web).connect(1);
    expect(
      (
        await once(
          socket.on('close', () => {}),
          'error',
        ).catch((error) => [error])
      )[0],
    ).toMatchObject({
      code: 'ECONNREFUSED',
      port,
    });
  });

  it('goes on after connectTimeout where one does not answer', async () => {
    const [hole, dead, alive] = [await silent(), await refusing(), await listen()];
    const { web, clock, inFlight } = await netWorld([hole, dead, alive.port]);
    const socket = socketIn(clock, web, { connectTimeout: 500 });
    const seen = events(socket);
    socket.connect(1);
    await until(() => inFlight() === 1);
    await clock.advance(500);
    if (socket.connecting) await once(socket, 'connect');
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toEqual([['connect'], ['ready']]);
    expect([socket.remotePort, inFlight()]).toEqual([alive.port, 1]);
    socket.destroy();
    expect(inFlight()).toBe(0);
  });

  it('goes on from silence to silence, and ends with both', async () => {
    const { web, clock, inFlight } = await netWorld([await silent(), await silent()]);
    const before = sockets();
    const socket = socketIn(clock, web, { connectTimeout: 500 });
    const seen = events(socket);
    socket.connect(1);
    await until(() => inFlight() === 1);
    await clock.advance(500);
    await until(() => sockets() <= before + 1 && inFlight() === 1);
    expect(seen).toEqual([]);
    await clock.advance(500);
    await until(() => seen.length === 2);
    expect(seen[0]![1]).toMatchObject({ code: 'ERR_RETRIES_EXHAUSTED', attempts: [{}, {}] });
    await until(() => sockets() <= before);
    expect(inFlight()).toBe(0);
  });

  it('ends at its timeout', async () => {
    const { web, clock, inFlight } = await netWorld([await silent()]);
    const socket = socketIn(clock, web, { timeout: 300 });
    const seen = events(socket);
    socket.connect(1);
    await until(() => inFlight() === 1);
    await clock.advance(300);
    await until(() => seen.length === 2);
    expect(seen).toEqual([
      ['error', expect.any(RequestTimeoutError)],
      ['close', true],
    ]);
    expect(inFlight()).toBe(0);
  });

  it('waits for a first list, and fails where there is none', async () => {
    const { port } = await listen();
    const { clock, source, discovery, web } = await netWorld([port]);
    const open = source.hold();
    const socket = socketIn(clock, discovery.service('other')).connect(1);
    source.answer = { addresses: at(port) };
    open();
    await once(socket, 'connect');
    socket.destroy();
    web.close();
    const late = socketIn(clock, web).connect(1);
    const [error] = await new Promise<[unknown]>((resolve) => late.once('error', (each) => resolve([each])));
    expect(error).toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('connects once', async () => {
    const { port } = await listen();
    const { web, clock } = await netWorld([port]);
    const socket = socketIn(clock, web).connect(1);
    expect(() => socket.connect(1)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
    await once(socket, 'connect');
    socket.destroy();
    const ended = socketIn(clock, web).destroy();
    expect(() => ended.connect(1)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  it('refuses bad input before anything happens', async () => {
    const { web } = await netWorld([1]);
    const code = expect.objectContaining({ code: 'ERR_INVALID_OPTION' });
    expect(() => socketFor(undefined as never)).toThrow(code);
    expect(() => socketFor(web, { tls: true } as never)).toThrow(code);
    expect(() => socketFor(web, { connectTimeout: 0 })).toThrow(code);
  });

  it('carries TLS on top, as pg starts it', async () => {
    const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
    const server = tls.createServer({ cert: pem('web'), key: pem('web-key') }, (socket) =>
      socket.pipe(socket),
    );
    const alive = await listen(server);
    const { web, clock, inFlight } = await netWorld([await refusing(), alive.port]);
    const raw = socketIn(clock, web).connect(1);
    await once(raw, 'connect');
    const secure = tls.connect({ socket: raw, ca: pem('ca'), servername: web.name });
    await once(secure, 'secureConnect');
    secure.write('hello');
    expect(String((await once(secure, 'data'))[0])).toBe('hello');
    secure.destroy();
    await until(() => inFlight() === 0);
  });
});

describe('destroying a socket of socketFor', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 8, 10])(
    'after %i turns of connecting leaves nothing in flight, says only what it was destroyed with, and no open handle',
    async (turns) => {
      const alive = await listen();
      const { web, clock, inFlight } = await netWorld([await refusing(), await refusing(), alive.port]);
      const before = sockets();
      const socket = socketIn(clock, web).connect(1);
      const seen = events(socket);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      const own = new Error('timeout expired');
      socket.destroy(own);
      await new Promise((resolve) => socket.once('close', resolve));
      expect(seen.filter(([name]) => name === 'error')).toEqual([['error', own]]);
      expect([seen.filter(([name]) => name === 'close').length, inFlight()]).toEqual([1, 0]);
      await until(() => alive.accepted.every(({ destroyed }) => destroyed) && sockets() <= before);
    },
  );

  it.each(['before', 'while', 'after'])('%s a silent endpoint is given up closes it', async (when) => {
    const { web, clock, inFlight, told } = await netWorld([await silent(), await silent()]);
    const before = sockets();
    const socket = socketIn(clock, web, { connectTimeout: 500 }).connect(1);
    await until(() => inFlight() === 1);
    if (when === 'while') clock.setTimeout(() => socket.destroy(), 500);
    if (when !== 'before') await clock.advance(500);
    socket.destroy();
    await until(() => socket.closed && sockets() <= before);
    expect(inFlight()).toBe(0);
    expect(told.at(-1)).toMatchObject(['finished', expect.anything(), { aborted: true }]);
  });

  it.each([...Array(16).keys()])('%i promises after it connected releases it', async (promises) => {
    const { port } = await listen();
    const { web, clock, inFlight } = await netWorld([port]);
    const socket = socketIn(clock, web);
    const destroy = (left: number): unknown =>
      left === 0 ? socket.destroy() : Promise.resolve(left - 1).then(destroy);
    socket.connect(1, 'x', () => void destroy(promises));
    await once(socket, 'close');
    await new Promise((resolve) => setImmediate(resolve));
    expect(inFlight()).toBe(0);
  });

  it('at random, 300 times, leaves nothing in flight and no socket', async () => {
    const ports = [(await listen()).port, await refusing(), (await listen()).port, await refusing()];
    const { web, clock, inFlight } = await netWorld(ports, {
      balancer: 'random',
      outlier: false,
      retryBudget: false,
    });
    const before = sockets();
    let connected = 0;
    for (let round = 0; round < 30; round++) {
      await Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          const socket = socketIn(clock, web, { retries: i % 3 }).connect(1);
          socket.on('connect', () => connected++).on('error', () => {});
          const close = new Promise((resolve) => socket.once('close', resolve));
          const destroy = (left: number): unknown =>
            left === 0 ? socket.destroy() : setImmediate(destroy, left - 1);
          destroy((round * 7 + i) % 13);
          await close;
        }),
      );
    }
    await until(() => sockets() <= before);
    expect(inFlight()).toBe(0);
    expect(connected).toBeGreaterThan(30);
    expect(connected).toBeLessThan(300);
  });
});

describe('a process', () => {
  it('is not kept alive by an unreferenced one, whichever endpoint it is at', async () => {
    const alive = await listen();
    const { web, clock, inFlight } = await netWorld([await refusing(), await silent(), alive.port]);
    const before = sockets();
    const socket = socketIn(clock, web, { connectTimeout: 500 }).connect(1).unref();
    await until(() => web.stats().retriesLeft < 100 && inFlight() === 1);
    expect(sockets()).toBe(before);
    await clock.advance(500);
    if (socket.connecting) await once(socket, 'connect');
    // The server's side of it is one that is referenced.
    await until(() => alive.accepted.length === 1);
    expect(sockets()).toBe(before + 1);
    socket.ref();
    expect(sockets()).toBe(before + 2);
    socket.destroy();
  });
});
