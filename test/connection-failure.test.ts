import { createConnection, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { connectionNeverMade } from '../src/connection-failure.ts';

const endpoint = { host: '10.0.0.1', port: 80 };
const errno = (code: string, syscall?: string) => Object.assign(new Error(code), { code, syscall });

describe('whether a connection was never made', () => {
  it.each([
    'ECONNREFUSED',
    'EHOSTUNREACH',
    'EHOSTDOWN',
    'ENETUNREACH',
    'ENETDOWN',
    'EADDRNOTAVAIL',
    'ERR_SOCKET_CONNECTION_TIMEOUT',
    'UND_ERR_CONNECT_TIMEOUT',
  ])('%s says so', (code) => {
    expect(connectionNeverMade(errno(code), endpoint)).toBe(true);
  });

  it('a timeout or reset says so only of the connect itself', () => {
    expect(connectionNeverMade(errno('ETIMEDOUT', 'connect'), endpoint)).toBe(true);
    expect(connectionNeverMade(errno('ETIMEDOUT', 'read'), endpoint)).toBe(false);
    expect(connectionNeverMade(errno('ECONNRESET', 'read'), endpoint)).toBe(false);
    expect(connectionNeverMade(errno('ECONNRESET', 'connect'), endpoint)).toBe(true);
  });

  it('is found beneath the wrapping of fetch', () => {
    expect(
      connectionNeverMade(new TypeError('fetch failed', { cause: errno('ECONNREFUSED') }), endpoint),
    ).toBe(true);
    expect(
      connectionNeverMade(new TypeError('fetch failed', { cause: errno('UND_ERR_SOCKET') }), endpoint),
    ).toBe(false);
  });

  it('of attempts at several addresses all must have failed so', () => {
    const refused = errno('ECONNREFUSED');
    expect(connectionNeverMade(new AggregateError([refused, errno('EHOSTUNREACH')]), endpoint)).toBe(true);
    expect(connectionNeverMade(new AggregateError([refused, errno('ECONNRESET', 'read')]), endpoint)).toBe(
      false,
    );
  });

  it('is not said where somebody else could not be reached, a database say: the endpoint may have worked by then', () => {
    const refused = (address: string, port: number) =>
      Object.assign(errno('ECONNREFUSED', 'connect'), { address, port });
    expect(connectionNeverMade(refused('10.0.0.1', 80), endpoint)).toBe(true);
    expect(connectionNeverMade(refused('10.0.0.1', 5432), endpoint)).toBe(false);
    expect(connectionNeverMade(refused('10.0.0.9', 80), endpoint)).toBe(false);
    const wrapped = new TypeError('fetch failed', { cause: refused('10.0.0.9', 80) });
    expect(connectionNeverMade(wrapped, endpoint)).toBe(false);
  });

  it('goes by the port alone for IPv6, which can be written in several ways', () => {
    const six = { host: '2001:db8::1', port: 80 };
    const refused = (port: number) =>
      Object.assign(errno('ECONNREFUSED', 'connect'), { address: '2001:db8:0:0:0:0:0:1', port });
    expect(connectionNeverMade(refused(80), six)).toBe(true);
    expect(connectionNeverMade(refused(81), six)).toBe(false);
    const mapped = Object.assign(errno('ECONNREFUSED'), { address: '::ffff:10.0.0.1', port: 80 });
    expect(connectionNeverMade(mapped, endpoint)).toBe(true);
    expect(connectionNeverMade(Object.assign(errno('ECONNREFUSED'), { address: '10.0.0.1' }), six)).toBe(
      false,
    );
  });

  it('is not said of anything else, and ends on circles', () => {
    for (const other of [undefined, null, 'ECONNREFUSED', 7, new Error('503'), {}, new AggregateError([])])
      expect(connectionNeverMade(other, endpoint)).toBe(false);
    const circle: { cause?: unknown } = {};
    circle.cause = circle;
    expect(connectionNeverMade(circle, endpoint)).toBe(false);
  });

  it('holds for what Node really throws', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const refused = await new Promise((resolve) => createConnection(port, '127.0.0.1').on('error', resolve));
    const endpoint = { host: '127.0.0.1', port };
    expect(connectionNeverMade(refused, endpoint)).toBe(true);
    expect(connectionNeverMade(refused, { host: '127.0.0.1', port: port + 1 })).toBe(false);
    const fetched = await fetch(`http://127.0.0.1:${port}/`).catch((error) => error);
    expect(connectionNeverMade(fetched, endpoint)).toBe(true);
  });
});
