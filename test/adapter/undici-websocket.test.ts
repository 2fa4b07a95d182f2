import type { RequestListener } from 'node:http';
import type { createServer as createTlsServer } from 'node:https';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { createDispatcher, type DispatcherOptions } from '../../src/adapter/undici.ts';
import type { Discovery } from '../../src/discovery.ts';
import type { Service } from '../../src/index.ts';
import { Lease } from '../../src/lease.ts';
import { readyWorld } from '../service-world.ts';
import { authority, certificate } from './undici-certificates.ts';
import { h2Instance, type Instance, instance, listOf, tlsInstance } from './undici-instances.ts';
import { loadable, nodeMajor } from './undici-majors.ts';

const url = 'ws://web.service.consul/chat';

/** Repeats what it is told, with its port. */
function chatting(on: Instance): Instance {
  const chat = new WebSocketServer({ server: on.server as ReturnType<typeof createTlsServer> });
  chat.on('connection', (socket) => {
    socket.on('message', (said) => socket.send(`${on.port} ${said}`));
    socket.on('error', () => {});
  });
  return on;
}

interface Socket {
  readonly readyState: number;
  addEventListener(type: string, listener: (event: never) => void, options?: object): void;
  send(text: string): void;
  close(): void;
}

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** Waits until it is open. */
async function opened(socket: Socket): Promise<Socket> {
  sockets.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true });
    socket.addEventListener('error', (event: { error?: unknown; message?: string }) =>
      reject(event.error ?? new Error(event.message)),
    );
  });
  return socket;
}

function said(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.addEventListener('message', (event: { data: string }) => resolve(event.data), { once: true });
  });
}

function ended(socket: Socket): Promise<number> {
  return new Promise((resolve) => {
    socket.addEventListener('close', (event: { code: number }) => resolve(event.code), { once: true });
  });
}

const soon = (what: () => void) => vi.waitFor(what, { interval: 2, timeout: 5_000 });
const inFlight = (web: Service) => web.endpoints.map((each) => each.inFlight);

describe.each(loadable)('WebSocket, $name', ({ undici }) => {
  const connect = (to: string, dispatcher: unknown) =>
    new undici.WebSocket(to, { dispatcher } as never) as unknown as Socket;

  const dispatcherFor = (discovery: Discovery, options: DispatcherOptions = {}) =>
    createDispatcher(discovery, { undici, ...options });

  it('is balanced, and in flight until it is closed', async () => {
    const two = [chatting(await instance()), chatting(await instance())];
    const { discovery, web } = await readyWorld({}, listOf(...two));
    const dispatcher = dispatcherFor(discovery);
    const four: Socket[] = [];
    for (let i = 0; i < 4; i++) four.push(await opened(connect(url, dispatcher)));
    expect(inFlight(web)).toEqual([2, 2]);
    const answers = four.map(said);
    for (const socket of four) socket.send('hello');
    expect((await Promise.all(answers)).sort()).toEqual(
      two.flatMap(({ port }) => [`${port} hello`, `${port} hello`]).sort(),
    );
    for (const socket of four.slice(0, 2)) socket.close();
    await soon(() => expect(inFlight(web)).toEqual([1, 1]));
    for (const socket of four) socket.close();
    await soon(() => expect(inFlight(web)).toEqual([0, 0]));
  });

  it('has said how it went once when the server goes away', async () => {
    const one = chatting(await instance());
    const { discovery, web } = await readyWorld({}, listOf(one));
    const socket = await opened(connect(url, dispatcherFor(discovery)));
    expect(inFlight(web)).toEqual([1]);
    const end = ended(socket);
    for (const each of one.sockets) each.destroy();
    expect(await end).toBe(1006);
    await soon(() => expect(inFlight(web)).toEqual([0]));
  });

  it('leaves ordinary requests their connections', async () => {
    const one = chatting(await instance());
    const { discovery } = await readyWorld({}, listOf(one));
    const dispatcher = dispatcherFor(discovery);
    await opened(connect(url, dispatcher));
    for (let i = 0; i < 3; i++) {
      const { body } = await undici.request('http://web.service.consul/', { dispatcher });
      expect(await body.text()).toBe(String(one.port));
      await new Promise(setImmediate);
    }
    expect(one.accepted).toBe(2);
  });

  it('stays open where its endpoint leaves', async () => {
    const [stays, leaves] = [chatting(await instance()), chatting(await instance())];
    const { discovery, web, source } = await readyWorld({}, listOf(leaves));
    const socket = await opened(connect(url, dispatcherFor(discovery)));
    source.answer = listOf(stays);
    await web.refresh();
    const answer = said(socket);
    socket.send('still there?');
    expect(await answer).toBe(`${leaves.port} still there?`);
    socket.close();
    await soon(() => expect(leaves.sockets.size).toBe(0));
  });

  it('is not waited for when the discovery closes, and stays open as with an Agent of undici', async () => {
    const one = chatting(await instance());
    const { discovery } = await readyWorld({}, listOf(one));
    const socket = await opened(connect(url, dispatcherFor(discovery)));
    await discovery.close();
    const answer = said(socket);
    socket.send('still there?');
    expect(await answer).toBe(`${one.port} still there?`);
    const agent = new undici.Agent();
    const other = await opened(connect(`ws://127.0.0.1:${one.port}/`, agent));
    await agent.close();
    expect(other.readyState).toBe(1);
  });

  it.each([400, 503])('that is answered with %i fails, which is said once', async (status) => {
    const refuses: RequestListener = (_request, response) => void response.writeHead(status).end('no');
    const two = [await instance(refuses), await instance(refuses)];
    for (const { server } of two)
      server.on('upgrade', (_request, socket) => {
        socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno`);
      });
    const { discovery, web } = await readyWorld({}, listOf(...two));
    const release = vi.spyOn(Lease.prototype, 'release');
    const dispatcher = dispatcherFor(discovery);
    for (let i = 0; i < 2; i++) await expect(opened(connect(url, dispatcher))).rejects.toThrow();
    // Sockets of other tests may still be closing.
    const said = () =>
      release.mock.calls.filter((__, i) =>
        web.endpoints.includes((release.mock.contexts[i] as Lease).endpoint),
      );
    await soon(() => expect(said()).toHaveLength(2));
    for (const [outcome] of said()) expect(outcome).toMatchObject({ ok: status === 400 });
    release.mockRestore();
    await soon(() => expect(inFlight(web)).toEqual([0, 0]));
  });

  it('goes to another instance where nobody listens', async () => {
    const [gone, there] = [await instance(), chatting(await instance())];
    gone.server.close();
    const { discovery, web } = await readyWorld({}, listOf(gone, there));
    const dispatcher = dispatcherFor(discovery);
    for (let i = 0; i < 3; i++) await opened(connect(url, dispatcher));
    expect(web.stats().inFlight).toBe(3);
  });

  describe('over TLS', () => {
    it('is opened under the name of the service', async () => {
      const one = chatting(await tlsInstance(certificate('web')));
      const { discovery } = await readyWorld({}, listOf(one));
      const pool = { connect: { ca: authority } };
      const socket = await opened(connect('wss://web.service.consul/', dispatcherFor(discovery, { pool })));
      const answer = said(socket);
      socket.send('hello');
      expect(await answer).toBe(`${one.port} hello`);
    });

    it('is opened at a server that speaks HTTP/2 as well', async () => {
      const one = chatting(await h2Instance({ ...certificate('web'), allowHTTP1: true }));
      const { discovery, web } = await readyWorld({}, listOf(one));
      const dispatcher = dispatcherFor(discovery, { pool: { connect: { ca: authority }, allowH2: true } });
      const { body } = await undici.request('https://web.service.consul/', { dispatcher });
      expect(await body.text()).toBe(String(one.port));
      const socket = await opened(connect('wss://web.service.consul/', dispatcher));
      const answer = said(socket);
      socket.send('hello');
      expect(await answer).toBe(`${one.port} hello`);
      expect(inFlight(web)).toEqual([1]);
    });
  });

  it('bounds what it takes as undici does, and as a pool is told', async () => {
    const one = chatting(await instance());
    const { discovery } = await readyWorld({}, listOf(one));
    type Bounded = { webSocketOptions: unknown; eventSourceOptions: unknown };
    const usual = dispatcherFor(discovery) as unknown as Bounded;
    const agent = new undici.Agent() as unknown as Bounded;
    expect(usual.webSocketOptions).toEqual(agent.webSocketOptions);
    expect(usual.webSocketOptions).toMatchObject({ maxPayloadSize: 128 * 1024 * 1024 });
    expect(usual.eventSourceOptions).toEqual(agent.eventSourceOptions);

    const pool = { webSocket: { maxPayloadSize: 10 } } as never;
    const socket = await opened(connect(url, dispatcherFor(discovery, { pool })));
    const end = ended(socket);
    socket.send('far more than ten bytes');
    expect(await end).toBeGreaterThan(1000);
  });

  if (nodeMajor < 22) {
    it(`of Node ${nodeMajor} does not exist`, () => expect(globalThis).not.toHaveProperty('WebSocket'));
    return;
  }

  it(`of Node ${nodeMajor} follows setGlobalDispatcher()`, async () => {
    const globals = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')];
    const settings = globalThis as unknown as Record<symbol, unknown>;
    const before = globals.map((each) => settings[each]);
    const two = [chatting(await instance()), chatting(await instance())];
    const { discovery, web } = await readyWorld({}, listOf(...two));
    undici.setGlobalDispatcher(dispatcherFor(discovery));
    try {
      const { WebSocket } = globalThis as unknown as { WebSocket: new (url: string) => Socket };
      const four: Socket[] = [];
      for (let i = 0; i < 4; i++) four.push(await opened(new WebSocket(url)));
      expect(inFlight(web)).toEqual([2, 2]);
      for (const socket of four) socket.close();
      await soon(() => expect(inFlight(web)).toEqual([0, 0]));
    } finally {
      globals.forEach((each, i) => {
        if (before[i] !== undefined) settings[each] = before[i];
      });
    }
  });
});
