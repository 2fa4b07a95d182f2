import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { ran } from './terminal.ts';

let consul: ConsulDouble;

beforeEach(async () => {
  consul = await createConsulDouble({ node: 'node-a', serviceTtl: 10_000 });
  consul.register({ name: 'web', address: '10.0.0.10', port: 8080 });
  consul.register({ name: 'web', address: '10.0.0.9', port: 8081, weights: { passing: 5, warning: 1 } });
});

afterEach(() => consul.close());

const resolve = (...words: string[]) => ran(['resolve', '--server', consul.dnsAddress, ...words]);

describe('resolve NAME', () => {
  test('shows a row per instance, sorted by address, then how the list came about', async () => {
    const { exitCode, stdout, stderr } = await resolve('web');

    const [header, first, second, empty, facts] = stdout.split('\n');
    expect(header).toMatch(/^HOST +PORT +WEIGHT +PRIORITY +NODE OR TARGET$/);
    expect(first).toMatch(/^10\.0\.0\.9 +8081 +5 +1 +\S+$/);
    expect(second).toMatch(/^10\.0\.0\.10 +8080 +1 +1 +\S+$/);
    expect(empty).toBe('');
    expect(facts).toMatch(
      /^2 instances · TTL 10 s · (UDP|TCP), \d+ asks? · proven complete · 127\.0\.0\.1:\d+ · [\d.]+ ms$/,
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  test('understands full names', async () => {
    expect((await resolve('web.service.consul')).stdout).toContain('10.0.0.9');
  });

  test('--json writes one line with the whole resolution', async () => {
    const { exitCode, stdout } = await resolve('web', '--json');

    expect(exitCode).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      name: 'web.service.consul',
      addresses: [
        { host: '10.0.0.9', port: 8081, weight: 5, priority: 1 },
        { host: '10.0.0.10', port: 8080, weight: 1, priority: 1 },
      ],
      ttl: 10_000,
      complete: true,
      origin: { server: consul.dnsAddress, asks: expect.any(Number), elapsed: expect.any(Number) },
    });
  });

  test('--transport tcp asks by TCP alone', async () => {
    const { stdout } = await resolve('web', '--transport', 'tcp');

    expect(stdout).toContain(' · TCP, ');
    expect(new Set(consul.queries.map(({ transport }) => transport))).toEqual(new Set(['tcp']));
  });

  test('--records A takes the port from --port', async () => {
    const { stdout } = await resolve('web', '--records', 'a', '--port', '9000');

    expect(stdout).toMatch(/^10\.0\.0\.9 +9000 /m);
    expect(stdout).toMatch(/^10\.0\.0\.10 +9000 /m);
  });

  test('an unproven list says how likely an instance is missing', async () => {
    const { stdout } = await resolve('web', '--records', 'A', '--port', '9000', '--transport', 'tcp');

    expect(stdout).toMatch(/not proven: up to [\d.e-]+ % chance that a given instance is missing/);
  });

  test('several servers: the next one answers where the first is down', async () => {
    const { exitCode, stdout } = await ran(
      ['resolve', 'web', '--server', '127.0.0.1:1', '--server', consul.dnsAddress, '--json'],
      {},
    );

    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).origin.server).toBe(consul.dnsAddress);
  });

  test('without --server it asks CONSUL_DNS_ADDR', async () => {
    const { exitCode } = await ran(['resolve', 'web'], { env: { CONSUL_DNS_ADDR: consul.dnsAddress } });

    expect(exitCode).toBe(0);
  });

  test('colours only on a terminal, and there only without NO_COLOR', async () => {
    const words = ['resolve', 'web', '--server', consul.dnsAddress];
    const escapes = async (place: Parameters<typeof ran>[1]) =>
      (await ran(words, place)).stdout.includes('\x1b[');

    expect(await escapes({ isTTY: false })).toBe(false);
    expect(await escapes({ isTTY: true })).toBe(true);
    expect(await escapes({ isTTY: true, env: { NO_COLOR: '1' } })).toBe(false);
  });
});
