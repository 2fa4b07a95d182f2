import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { describe, expect, it } from 'vitest';
import { connectIn } from '../../src/adapter/net/connect.ts';
import { failed, listen, netWorld, refusing, until } from './net-world.ts';

const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
const ca = pem('ca');
const secure = (name: string, asked: string[] = []) =>
  tls.createServer(
    {
      cert: pem(name),
      key: pem(`${name}-key`),
      SNICallback: (server, done) => {
        asked.push(server);
        done(null);
      },
    },
    (socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    },
  );

describe('connect with tls', () => {
  it('hands out a socket whose handshake is done, under the name of the service', async () => {
    const asked: string[] = [];
    const { port } = await listen(secure('web', asked));
    const { web, clock, inFlight } = await netWorld([port]);
    const socket = (await connectIn(clock, web, { tls: { ca } })) as tls.TLSSocket;
    expect(socket).toBeInstanceOf(tls.TLSSocket);
    expect([socket.authorized, asked, inFlight()]).toEqual([true, ['web.service.consul'], 1]);
    socket.write('hello');
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    socket.end();
    await once(socket, 'close');
    expect(inFlight()).toBe(0);
  });

  it('leaves on it what Node itself leaves', async () => {
    const { port } = await listen(secure('web'));
    const { web, clock } = await netWorld([port]);
    const socket = await connectIn(clock, web, { tls: { ca } });
    const plain = tls.connect({ port, host: '127.0.0.1', ca, servername: 'web.service.consul' });
    await once(plain, 'secureConnect');
    for (const event of plain.eventNames()) {
      expect([event, socket.listenerCount(event)]).toEqual([event, plain.listenerCount(event)]);
    }
    expect(socket.eventNames()).toEqual(plain.eventNames());
    plain.destroy();
    socket.destroy();
  });

  it('asks for the name of the service: not for one that whoever registers an instance may choose, unless told to', async () => {
    const asked: string[] = [];
    const { port } = await listen(secure('other', asked));
    const { web, clock, source } = await netWorld([port]);
    source.answer = {
      addresses: [{ host: '127.0.0.1', port, priority: 1, weight: 1, serverName: 'other.service.consul' }],
    };
    await web.refresh();
    const error = await failed(connectIn(clock, web, { tls: { ca } }));
    expect(error).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    (await connectIn(clock, web, { tls: { ca, servername: 'other.service.consul' } })).destroy();
    (await connectIn(clock, web, { tls: { ca }, serverName: 'target' })).destroy();
    expect(asked).toEqual(['web.service.consul', 'other.service.consul', 'other.service.consul']);
  });

  it('goes on with the next where the handshake fails, or never ends', async () => {
    const [stranger, plain] = [await listen(secure('stranger')), await listen(net.createServer())];
    const [dead, good] = [await refusing(), await listen(secure('web'))];
    const ports = [stranger.port, dead, plain.port, good.port];
    const { web, clock, inFlight } = await netWorld(ports);
    const connecting = connectIn(clock, web, { tls: { ca } });
    await until(() => plain.accepted.length === 1);
    await clock.advance(2_000);
    const socket = await connecting;
    expect([socket.remotePort, inFlight()]).toEqual([good.port, 1]);
    socket.destroy();
    expect(inFlight()).toBe(0);
  });

  it('trusts nobody that Node would not trust', async () => {
    const { port } = await listen(secure('web'));
    const { web, clock, inFlight } = await netWorld([port]);
    const error = await failed(connectIn(clock, web, { tls: true }));
    expect(error).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    expect(inFlight()).toBe(0);
    (await connectIn(clock, web, { tls: false })).destroy();
  });

  it('leaves nothing of a handshake that the caller does not wait for', async () => {
    const plain = await listen(net.createServer());
    const { web, clock, inFlight } = await netWorld([plain.port]);
    const leaving = new AbortController();
    const error = failed(connectIn(clock, web, { tls: { ca }, signal: leaving.signal }));
    await until(() => plain.accepted.length === 1);
    leaving.abort('enough');
    expect(await error).toBe('enough');
    await once(plain.accepted[0]!.resume(), 'close');
    expect(inFlight()).toBe(0);
  });
});
