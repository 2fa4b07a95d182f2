import { createConnection, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { connectionNeverMade } from '../src/connection-failure.ts';

const errno = (code: string, syscall?: string) => Object.assign(new Error(code), { code, syscall });

describe('whether a connection was never made', () => {
  it.each(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])(
    '%s says so',
    (code) => {
      expect(connectionNeverMade(errno(code))).toBe(true);
    },
  );

  it('a timeout or reset says so only of the connect itself', () => {
    expect(connectionNeverMade(errno('ETIMEDOUT', 'connect'))).toBe(true);
    expect(connectionNeverMade(errno('ETIMEDOUT', 'read'))).toBe(false);
    expect(connectionNeverMade(errno('ECONNRESET', 'read'))).toBe(false);
    expect(connectionNeverMade(errno('ECONNRESET', 'connect'))).toBe(true);
  });

  it('is found beneath the wrapping of fetch', () => {
    expect(connectionNeverMade(new TypeError('fetch failed', { cause: errno('ECONNREFUSED') }))).toBe(true);
    expect(connectionNeverMade(new TypeError('fetch failed', { cause: errno('UND_ERR_SOCKET') }))).toBe(
      false,
    );
  });

  it('of attempts at several addresses all must have failed so', () => {
    const refused = errno('ECONNREFUSED');
    expect(connectionNeverMade(new AggregateError([refused, errno('EHOSTUNREACH')]))).toBe(true);
    expect(connectionNeverMade(new AggregateError([refused, errno('ECONNRESET', 'read')]))).toBe(false);
  });

  it('is not said of anything else, and ends on circles', () => {
    for (const other of [undefined, null, 'ECONNREFUSED', 7, new Error('503'), {}])
      expect(connectionNeverMade(other)).toBe(false);
    const circle: { cause?: unknown } = {};
    circle.cause = circle;
    expect(connectionNeverMade(circle)).toBe(false);
  });

  it('holds for what Node really throws', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const refused = await new Promise((resolve) => createConnection(port, '127.0.0.1').on('error', resolve));
    expect(connectionNeverMade(refused)).toBe(true);
    const fetched = await fetch(`http://127.0.0.1:${port}/`).catch((error) => error);
    expect(connectionNeverMade(fetched)).toBe(true);
  });
});
