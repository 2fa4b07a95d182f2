import { once } from 'node:events';
import * as net from 'node:net';
import { describe, expect, it } from 'vitest';
import { redisConnector } from '../../src/adapter/net.ts';
import type { Service } from '../../src/index.ts';
import { listen, netWorld, refusing, until } from './net-world.ts';

/** What ioredis does with it. */
interface Connector {
  firstError?: Error;
  connect(): Promise<net.Socket>;
  check(info: unknown): boolean;
  disconnect(): void;
}

const made = (service: Service, redis: object = {}) =>
  new (redisConnector(service) as unknown as new (options: unknown) => Connector)(redis);

describe('redisConnector', () => {
  it('connects each time to an endpoint that is picked then', async () => {
    const [a, b] = [await listen(), await listen()];
    const { web, inFlight } = await netWorld([a.port, b.port], { balancer: 'round-robin' });
    const connector = made(web);
    const streams = [await connector.connect(), await connector.connect()];
    expect(streams.map(({ remotePort }) => remotePort).sort()).toEqual([a.port, b.port].sort());
    expect([inFlight(), connector.check({})]).toEqual([2, true]);
    for (const stream of streams) stream.destroy();
    expect(inFlight()).toBe(0);
  });

  it('gives a closed stream and the reason where there is no connection: ioredis connects again then', async () => {
    const { web, inFlight } = await netWorld([await refusing()]);
    const connector = made(web);
    const stream = await connector.connect();
    expect([stream.destroyed, connector.firstError, inFlight()]).toEqual([
      true,
      expect.objectContaining({ code: 'ECONNREFUSED' }),
      0,
    ]);
  });

  it('gives it up at disconnect(), with the error that ioredis keeps to itself', async () => {
    const { port } = await listen();
    const { web, inFlight } = await netWorld([port]);
    const connector = made(web);
    const connecting = connector.connect();
    connector.disconnect();
    expect([(await connecting).destroyed, connector.firstError?.message]).toEqual([
      true,
      'Connection is closed.',
    ]);
    await until(() => inFlight() === 0);
  });

  it('ends its stream at disconnect(), and destroys it where the server does not end it too', async () => {
    const deaf = await listen(net.createServer({ allowHalfOpen: true }));
    const { web, inFlight } = await netWorld([deaf.port]);
    const connector = made(web, { disconnectTimeout: 1 });
    const stream = await connector.connect();
    connector.disconnect();
    connector.disconnect();
    expect([stream.writableEnded, stream.destroyed, inFlight()]).toEqual([true, false, 1]);
    await once(stream, 'close');
    expect([inFlight(), stream.listenerCount('close')]).toEqual([0, 0]);
  });

  it('refuses bad input before ioredis has it', async () => {
    const { web } = await netWorld([1]);
    const code = expect.objectContaining({ code: 'ERR_INVALID_OPTION' });
    expect(() => redisConnector({} as never)).toThrow(code);
    expect(() => redisConnector(web, { retires: 1 } as never)).toThrow(code);
  });
});
