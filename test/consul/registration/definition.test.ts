import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { completeDefinition } from '../../../src/consul/registration/definition.ts';
import { instanceId, processOf } from '../../../src/consul/registration/instance-id.ts';
import { isLoopback, ownAddress } from '../../../src/consul/registration/own-address.ts';
import { completeRegisterOptions } from '../../../src/consul/registration/register-options.ts';
import { serviceBody } from '../../../src/consul/registration/service-body.ts';

const web = { name: 'web', port: 8080 };
const found = { id: 'web-1', address: '10.0.0.1', checkHost: '10.0.0.1' };
const bodyOf = (given: object) => serviceBody(completeDefinition({ ...web, ...given }), found);
const checkOf = (check: object) => (bodyOf({ check }) as { Checks: object[] }).Checks[0];

describe('a definition', () => {
  it.each<[string, unknown]>([
    ['register', undefined],
    ['register.name', { port: 1 }],
    ['register.port', { name: 'web' }],
    ['register.name', { ...web, name: '' }],
    ['register.name', { ...web, name: 'a\nb' }],
    ['register.id', { ...web, id: '..' }],
    ['register.port', { ...web, port: 0 }],
    ['register.port', { ...web, port: 65_536 }],
    ['register.port', { ...web, port: '80' }],
    ['register.address', { ...web, address: '0.0.0.0' }],
    ['register.address', { ...web, address: '::' }],
    ['register.address', { ...web, address: 'http://a' }],
    ['register.address', { ...web, address: 'a b' }],
    ['register.tags[1]', { ...web, tags: ['a', 1] }],
    ['register.tags', { ...web, tags: 'a' }],
    ['register.meta', { ...web, meta: { 'a b': 'c' } }],
    ['register.meta.a', { ...web, meta: { a: 1 } }],
    ['register.meta.a', { ...web, meta: { a: 'x'.repeat(513) } }],
    ['register.weights.passing', { ...web, weights: { passing: 0 } }],
    ['register.weights.warning', { ...web, weights: { warning: 65_536 } }],
    ['register.secure', { ...web, secure: 'yes' }],
    ['register', { ...web, check: { ttl: 1_000 }, checks: [] }],
    ['register', { ...web, unknown: 1 }],
    ['register.check', { ...web, check: {} }],
    ['register.check', { ...web, check: { http: '/', tcp: true } }],
    ['register.check', { ...web, check: { script: 'x' } }],
    ['register.check', { ...web, check: { ttl: 1_000, interval: 1_000 } }],
    ['register.check.http', { ...web, check: { http: 'health' } }],
    ['register.check.http', { ...web, check: { http: 'ftp://a/' } }],
    ['register.check.tcp', { ...web, check: { tcp: 'host' } }],
    ['register.check.grpc', { ...web, check: { grpc: 'service' } }],
    ['register.check.interval', { ...web, check: { http: '/', interval: 10 } }],
    ['register.check.ttl', { ...web, check: { ttl: 10 } }],
    ['register.check.headers.a', { ...web, check: { http: '/', headers: { a: 'b\r\nc: d' } } }],
    ['register.check.status', { ...web, check: { ttl: 1_000, status: 'passing' } }],
    [
      'register.check.deregisterCriticalServiceAfter',
      { ...web, check: { tcp: true, deregisterCriticalServiceAfter: 59_999 } },
    ],
    ['register.checks[1].ttl', { ...web, checks: [{ ttl: 1_000 }, { ttl: 0 }] }],
    [
      'register.checks',
      {
        ...web,
        checks: [
          { ttl: 1_000, id: 'a' },
          { tcp: true, id: 'a' },
        ],
      },
    ],
  ])('is refused with %s named', (path, given) => {
    const refused = expect(() => completeDefinition(given));
    refused.toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }));
    refused.toThrow(new RegExp(`^${path.replace(/[[\].]/g, '\\$&')}: `));
  });

  it.each<[string, unknown]>([
    ['register.checkInterval', { checkInterval: 999 }],
    ['register.onShutdown.grace', { onShutdown: { grace: -1 } }],
    ['register.onShutdown.signals[0]', { onShutdown: { signals: ['SIGKILL'] } }],
    ['register.onShutdown', { onShutdown: 'SIGTERM' }],
    ['register', { shutdown: true }],
  ])('comes with options that are refused with %s named', (path, given) => {
    expect(() => completeRegisterOptions(given)).toThrow(new RegExp(`^${path.replace(/[[\].]/g, '\\$&')}: `));
  });

  it('is told to Consul in its words, and only what was said', () => {
    expect(bodyOf({})).toEqual({
      ID: 'web-1',
      Name: 'web',
      Port: 8080,
      Address: '10.0.0.1',
      Tags: [],
      Meta: {},
      Weights: { Passing: 1, Warning: 1 },
      EnableTagOverride: false,
    });
    expect(
      bodyOf({ tags: ['a'], meta: { b: 'c' }, weights: { passing: 5, warning: 0 }, enableTagOverride: true }),
    ).toMatchObject({
      Tags: ['a'],
      Meta: { b: 'c' },
      Weights: { Passing: 5, Warning: 0 },
      EnableTagOverride: true,
    });
  });
});

describe('a check', () => {
  it('by HTTP has its path completed', () => {
    expect(checkOf({ http: '/health' })).toEqual({
      CheckID: 'service:web-1',
      Name: 'web HTTP',
      HTTP: 'http://10.0.0.1:8080/health',
      Interval: '10000ms',
    });
    expect(checkOf({ https: '/health' })).toMatchObject({ HTTP: 'https://10.0.0.1:8080/health' });
    expect(bodyOf({ secure: true, check: { http: '/health' } })).toMatchObject({
      Checks: [{ HTTP: 'https://10.0.0.1:8080/health' }],
    });
    expect(checkOf({ http: 'http://other:1/x' })).toMatchObject({ HTTP: 'http://other:1/x' });
  });

  it('by HTTP says all that was said', () => {
    const check = {
      http: '/',
      id: 'own',
      name: 'Own',
      notes: 'why',
      initial: 'passing',
      method: 'POST',
      headers: { a: 'b', c: ['d', 'e'] },
      body: 'x',
      followRedirects: false,
      interval: 5_000,
      timeout: 500,
      serverName: 'web.example',
      verify: false,
      deregisterCriticalServiceAfter: 90_000,
      successBeforePassing: 2,
      failuresBeforeWarning: 3,
      failuresBeforeCritical: 4,
    };
    expect(checkOf(check)).toEqual({
      CheckID: 'own',
      Name: 'Own',
      Notes: 'why',
      Status: 'passing',
      HTTP: 'http://10.0.0.1:8080/',
      Method: 'POST',
      Header: { a: ['b'], c: ['d', 'e'] },
      Body: 'x',
      DisableRedirects: true,
      Interval: '5000ms',
      Timeout: '500ms',
      TLSServerName: 'web.example',
      TLSSkipVerify: true,
      DeregisterCriticalServiceAfter: '90000ms',
      SuccessBeforePassing: 2,
      FailuresBeforeWarning: 3,
      FailuresBeforeCritical: 4,
    });
  });

  it('by TCP and gRPC goes to the registered place, or to where it says', () => {
    expect(checkOf({ tcp: true })).toMatchObject({ TCP: '10.0.0.1:8080' });
    expect(checkOf({ tcp: '[::1]:9' })).toMatchObject({ TCP: '[::1]:9' });
    expect(checkOf({ grpc: true })).toMatchObject({ GRPC: '10.0.0.1:8080', GRPCUseTLS: false });
    expect(checkOf({ grpc: '/a.B' })).toMatchObject({ GRPC: '10.0.0.1:8080/a.B' });
    expect(checkOf({ grpc: 'other:1/a.B' })).toMatchObject({ GRPC: 'other:1/a.B' });
    expect(bodyOf({ secure: true, check: { grpc: true } })).toMatchObject({ Checks: [{ GRPCUseTLS: true }] });
  });

  it('by heartbeat has a TTL and no interval', () => {
    expect(checkOf({ ttl: 15_000 })).toEqual({
      CheckID: 'service:web-1',
      Name: 'web heartbeat',
      TTL: '15000ms',
    });
  });

  it('has a number where there are several', () => {
    expect(bodyOf({ checks: [{ ttl: 1_000 }, { tcp: true, id: 'mine' }, { grpc: true }] })).toMatchObject({
      Checks: [{ CheckID: 'service:web-1:1' }, { CheckID: 'mine' }, { CheckID: 'service:web-1:3' }],
    });
  });
});

describe('an id', () => {
  it('tells its process, where it is of the same place and of our making', () => {
    const place = { name: 'web', address: '10.0.0.1', port: 80 };
    expect(processOf(instanceId(place, 4711), place)).toBe(4711);
    expect(processOf(instanceId(place, 4711), { ...place, port: 8 })).toBeUndefined();
    expect(processOf(instanceId(place, 4711), { ...place, address: undefined })).toBeUndefined();
    expect(processOf('web-1', place)).toBeUndefined();
    expect(processOf(`${instanceId(place, 4711)}x`, place)).toBeUndefined();
  });
});

describe('the own address', () => {
  it.each([
    { host: '127.0.0.1', port: 8500 },
    { host: '127.9.9.9', port: 8500 },
    { host: '::1', port: 8500 },
    { host: 'localhost', port: 8500 },
    { host: '0.0.0.0', port: 8500 },
    { host: 'localhost', port: 80, socketPath: '/run/consul.sock' },
  ])('is left to an agent at $host', async (target) => {
    expect(await ownAddress(target)).toBeUndefined();
  });

  it('is that of the interface which routes to an agent elsewhere', async () => {
    const own = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
    if (own === undefined) {
      console.warn('not tried: this host has no address but loopback');
      return;
    }
    expect(isLoopback(own)).toBe(false);
    expect(await ownAddress({ host: own, port: 8500 })).toBe(own);
  });

  it('is an error where there is no way to the agent', async () => {
    await expect(ownAddress({ host: '255.255.255.255', port: 8500 })).rejects.toMatchObject({
      code: 'ERR_UNREACHABLE',
    });
  });
});
