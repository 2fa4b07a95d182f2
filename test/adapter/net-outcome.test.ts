import { once } from 'node:events';
import * as net from 'node:net';
import { describe, expect, it } from 'vitest';
import { connectIn } from '../../src/adapter/net/connect.ts';
import { failed, listen, netWorld, refusing } from './net-world.ts';

/** Accepts, and breaks the connection: before it has said anything, or after. */
const breaking = (greeting: string) =>
  net.createServer((socket) => {
    if (greeting !== '') socket.write(greeting);
    socket.once('data', () => socket.resetAndDestroy());
  });

describe('what the strategy hears of a connection', () => {
  it('is at once how long connecting took, and nothing new at its end', async () => {
    const { port } = await listen();
    const { web, clock, told } = await netWorld([port]);
    const socket = await connectIn(clock, web);
    expect(told).toEqual([['reported', port, { ok: true, elapsed: 0 }]]);
    await clock.advance(3_600_000);
    socket.end();
    await once(socket.resume(), 'close');
    expect(told.slice(1)).toEqual([['finished', port, { ok: true, aborted: true, elapsed: 0 }]]);
  });

  it('is why it failed, once an attempt', async () => {
    const [dead, alive] = [await refusing(), await listen()];
    const { web, clock, told } = await netWorld([dead, alive.port]);
    (await connectIn(clock, web)).destroy();
    expect(told).toMatchObject([
      ['reported', dead, { ok: false, error: { code: 'ECONNREFUSED' } }],
      ['finished', dead, { aborted: true }],
      ['reported', alive.port, { ok: true }],
      ['finished', alive.port, { aborted: true }],
    ]);
  });

  it('is a failure where the connection breaks before a first byte came', async () => {
    const { port } = await listen(breaking(''));
    const { web, clock, told } = await netWorld([port]);
    const socket = await connectIn(clock, web);
    socket.write('hello');
    const [error] = await once(socket, 'error');
    expect(told.at(-1)).toEqual(['finished', port, { ok: false, elapsed: 0, error }]);
  });

  it('is nothing where it breaks later, or the caller destroys it with an error of his own', async () => {
    const { port } = await listen(breaking('hello'));
    const { web, clock, told } = await netWorld([port]);
    const socket = await connectIn(clock, web);
    await once(socket, 'data');
    socket.write('hello');
    await once(socket, 'error');
    const other = await connectIn(clock, web);
    other.on('error', () => {}).destroy(new Error('my own'));
    expect(told.filter(([how]) => how === 'finished').map(([, , outcome]) => outcome)).toMatchObject([
      { aborted: true },
      { aborted: true },
    ]);
  });

  it('is nothing where the options are wrong, which no other endpoint would mend', async () => {
    const [a, b] = [await listen(), await listen()];
    const { web, clock, told, inFlight } = await netWorld([a.port, b.port]);
    const error = await failed(connectIn(clock, web, { tls: { minVersion: 'TLSv9' as never } }));
    expect(error).toMatchObject({ code: 'ERR_TLS_INVALID_PROTOCOL_VERSION' });
    expect(told).toMatchObject([['finished', a.port, { aborted: true }]]);
    expect(inFlight()).toBe(0);
  });
});

describe('ejection', () => {
  const outlier = { consecutiveFailures: 2, ejectionTime: 10_000 };

  it('is on without being asked for', async () => {
    const [dead, alive] = [await refusing(), await listen()];
    const { web, clock } = await netWorld([dead, alive.port]);
    for (let i = 0; i < 5; i++) (await connectIn(clock, web)).destroy();
    expect(web.available.map(({ port }) => port)).toEqual([alive.port]);
  });

  it('ends with the first connection that is made, however long that lives', async () => {
    const [{ port, close }, other] = [await listen(), await listen()];
    await close();
    const { web, clock } = await netWorld([port, other.port], { outlier });
    for (let i = 0; i < 2; i++) (await connectIn(clock, web)).destroy();
    expect(web.stats().ejected).toBe(1);
    await listen(undefined, port);
    await clock.advance(11_000);
    const long = [await connectIn(clock, web), await connectIn(clock, web), await connectIn(clock, web)];
    expect(long.map(({ remotePort }) => remotePort)).toEqual([port, port, port]);
    for (const socket of long) socket.destroy();
  });

  it('is tried again and again where older connections to the endpoint live on', async () => {
    const [first, other] = [await listen(), await listen()];
    const { port } = first;
    const { web, clock, inFlight } = await netWorld([port, other.port], { outlier });
    const old = [];
    for (let i = 0; i < 4; i++) old.push(await connectIn(clock, web));
    first.refuse();
    for (let i = 0; i < 2; i++) (await connectIn(clock, web)).destroy();
    expect(web.stats().ejected).toBe(1);
    for (let round = 0; round < 3; round++) {
      await clock.advance(40_000);
      expect(web.stats().ejected).toBe(0);
      (await connectIn(clock, web)).destroy();
      expect([round, web.stats().ejected]).toEqual([round, 1]);
    }
    const back = await listen(undefined, port);
    await clock.advance(60_000);
    const again = await connectIn(clock, web);
    expect([again.remotePort, back.accepted.length, inFlight()]).toEqual([port, 1, 5]);
    for (const socket of [...old, again]) socket.destroy();
    expect(inFlight()).toBe(0);
  });
});
