import { describe, expect, it } from 'vitest';
import { parseServerAddress } from '../../src/dns/server-address.ts';

describe('server addresses', () => {
  it.each([
    ['127.0.0.1:8600', '127.0.0.1', 8600, true],
    ['127.0.0.1', '127.0.0.1', 8600, true],
    ['[::1]:53', '::1', 53, true],
    ['[::1]', '::1', 8600, true],
    ['::1', '::1', 8600, true],
    ['localhost:8600', 'localhost', 8600, true],
    ['10.0.0.5:8600', '10.0.0.5', 8600, false],
    ['consul.internal:8600', 'consul.internal', 8600, false],
    ['consul_agent', 'consul_agent', 8600, false],
  ])('%s', (text, host, port, loopback) => {
    expect(parseServerAddress(text)).toMatchObject({ host, port, loopback });
  });

  it.each([
    '',
    ':8600',
    '127.0.0.1:',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '1.2.3:8600',
    '256.1.1.1:8600',
    'a b:8600',
    '[1.2.3.4]:1',
    'http://x:1',
    '::1:8600x',
    7,
    null,
    undefined,
  ])('%j is refused with what is expected', (text) => {
    expect(() => parseServerAddress(text)).toThrowError(
      expect.objectContaining({ code: 'ERR_INVALID_OPTION' }),
    );
  });
});
