import { describe, expect, it } from 'vitest';
import type { RawCheck } from '../../src/consul/instance.ts';
import { checkOf } from '../../src/consul/instance.ts';
import { checkFrom, knownCheck } from '../../src/consul/known-check.ts';

const check = (rest: Partial<RawCheck>): RawCheck => ({
  CheckID: 'service:web-1',
  Name: 'web',
  Status: 'passing',
  Output: '',
  ServiceID: 'web-1',
  Type: 'http',
  Definition: {},
  ...rest,
});
const known = (...checks: readonly Partial<RawCheck>[]) =>
  knownCheck({ checks: checks.map((one) => checkOf(check(one))) });
const http = (output: string, rest: Partial<RawCheck> = {}) => ({ Output: output, ...rest });

describe('the health URL of an instance', () => {
  it('is what its agent called, as the output of the check shows', () => {
    expect(known(http('HTTP GET http://10.0.0.1:8080/health?a=b: 200 OK Output: fine'))).toBe(
      'http://10.0.0.1:8080/health?a=b',
    );
    expect(known(http('HTTP HEAD https://[2001:db8::1]/: 204 No Content Output: '))).toBe(
      'https://[2001:db8::1]/',
    );
    expect(
      known(http('HTTP GET http://web:80/x: 429 Too Many Requests Output: ', { Status: 'warning' })),
    ).toBe('http://web:80/x');
    expect(known(http('TCP connect 10.0.0.1:5432: Success', { Type: 'tcp' }))).toBe('tcp://10.0.0.1:5432');
    expect(known(http('TCP connect [::1]:5432: Success', { Type: 'tcp' }))).toBe('tcp://[::1]:5432');
  });

  it('is the definition where the catalogue has it', () => {
    expect(known({ Type: '', Definition: { HTTP: 'http://a.example/health' } })).toBe(
      'http://a.example/health',
    );
    expect(known({ Type: '', Definition: { HTTP: 'http://a.example/', Method: 'HEAD' } })).toBe(
      'http://a.example/',
    );
    expect(known({ Type: '', Definition: { TCP: 'a.example:22' } })).toBe('tcp://a.example:22');
  });

  it('is that of the first HTTP check, else of the first TCP check', () => {
    const tcp = http('TCP connect 10.0.0.1:80: Success', { Type: 'tcp' });
    const ttl = http('', { Type: 'ttl' });
    const url = http('HTTP GET http://10.0.0.1/health: 200 OK Output: ');
    expect(known(ttl, tcp, url)).toBe('http://10.0.0.1/health');
    expect(known(ttl, tcp)).toBe('tcp://10.0.0.1:80');
    expect(known(ttl)).toBe(undefined);
    expect(known()).toBe(undefined);
  });

  it.each([
    [
      'a TTL check whose program wrote it',
      http('HTTP GET http://10.0.0.1/: 200 OK Output: ', { Type: 'ttl' }),
    ],
    ['a check of the node', http('HTTP GET http://10.0.0.1/: 200 OK Output: ', { ServiceID: '' })],
    ['what came behind the beginning', http('Output: HTTP GET http://10.0.0.1/: 200 OK Output: ')],
    [
      'a failure to connect',
      http('Get "http://10.0.0.1/": dial tcp 10.0.0.1:80: connect: connection refused'),
    ],
    ['a method that may change something', http('HTTP POST http://10.0.0.1/: 200 OK Output: ')],
    ['a defined one of those', { Definition: { HTTP: 'http://10.0.0.1/', Method: 'DELETE' } }],
    ['a URL with credentials', http('HTTP GET http://user:pass@10.0.0.1/: 200 OK Output: ')],
    ['another scheme', { Definition: { HTTP: 'file:///etc/passwd' } }],
    ['no URL', { Definition: { HTTP: 'http://:80:80' } }],
    ['a TCP check without a port', { Type: 'tcp', Definition: { TCP: 'a.example' } }],
    ['an agent that keeps no output', http('')],
  ])('is not taken from %s', (_what, one) => {
    expect(known(one)).toBe(undefined);
  });

  it('is at the address of the instance for others, where it is a local one for its agent', () => {
    expect(checkFrom('http://localhost:8080/health?a', '10.0.0.1')).toBe('http://10.0.0.1:8080/health?a');
    expect(checkFrom('https://127.0.0.1/health', '2001:db8::1')).toBe('https://[2001:db8::1]:443/health');
    expect(checkFrom('http://[::1]:81/', '10.0.0.1')).toBe('http://10.0.0.1:81/');
    expect(checkFrom('http://0.0.0.0/', '10.0.0.1')).toBe('http://10.0.0.1:80/');
    expect(checkFrom('tcp://localhost:5432', '10.0.0.1')).toBe('tcp://10.0.0.1:5432');
    for (const [url, host] of [
      ['http://10.0.0.2/health', '10.0.0.1'],
      ['http://web.example/health', '10.0.0.1'],
      ['http://localhost:8080/health', '127.0.0.2'],
      ['http://127.0.0.1:8080/health', '::1'],
    ] as const) {
      expect(checkFrom(url, host)).toBe(url);
    }
  });
});
