import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { ran } from './terminal.ts';

let consul: ConsulDouble;

beforeEach(async () => {
  consul = await createConsulDouble();
  for (const port of [8081, 8082, 8083, 8084]) consul.register({ name: 'web', address: '127.0.0.1', port });
});

afterEach(() => consul.close());

const pick = (...words: string[]) => ran(['pick', '--server', consul.dnsAddress, ...words]);

describe('pick NAME', () => {
  test('picks 1000 times by turns and shows the counts as bars', async () => {
    const { exitCode, stdout, stderr } = await pick('web');

    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 4)).toEqual(
      [8081, 8082, 8083, 8084].map((port) =>
        expect.stringMatching(new RegExp(`^127\\.0\\.0\\.1:${port}  █+  250  25\\.0 %$`)),
      ),
    );
    expect(lines.at(-1)).toMatch(
      /^1000 picks · weighted-round-robin · \d+ ns per pick · web\.service\.consul$/,
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  test('-n and --strategy: least-used spreads any number evenly', async () => {
    const { stdout } = await pick('web', '-n', '4002', '--strategy', 'least-used', '--json');

    const { endpoints } = JSON.parse(stdout) as { endpoints: { picks: number }[] };
    expect(endpoints.map(({ picks }) => picks).sort()).toEqual([1000, 1000, 1001, 1001]);
  });

  test('--json writes one line', async () => {
    const { stdout } = await pick('web', '-n', '4', '--json');

    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toEqual({
      name: 'web.service.consul',
      strategy: 'weighted-round-robin',
      picks: 4,
      nsPerPick: expect.any(Number),
      endpoints: [8081, 8082, 8083, 8084].map((port) => ({
        address: `127.0.0.1:${port}`,
        host: '127.0.0.1',
        port,
        weight: 1,
        picks: 1,
      })),
    });
  });

  test('an instance that is never picked is listed too', async () => {
    const { stdout } = await pick('web', '-n', '3');

    expect(stdout).toMatch(/^127\.0\.0\.1:\d+ {2,}0 {3}0\.0 %$/m);
  });

  test.each([60, 100, 200])('bars fill a terminal of %i columns', async (columns) => {
    const { stdout } = await ran(['pick', 'web', '--server', consul.dnsAddress], { isTTY: true, columns });

    expect(stdout.split('\n')[0]).toHaveLength(columns);
  });

  describe('--strategy fastest', () => {
    const servers: Server[] = [];

    afterEach(() => {
      for (const server of servers.splice(0)) server.close();
    });

    test('waits for the first measurements, avoids what does not answer, and shows the latencies', async () => {
      const server = createServer((socket) => socket.destroy());
      servers.push(server);
      const port = await new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
      });
      consul.register({ name: 'half', address: '127.0.0.1', port });
      consul.register({ name: 'half', address: '127.0.0.1', port: 1 });

      const { stdout } = await pick('half', '--strategy', 'fastest', '-n', '100');

      expect(stdout).toMatch(new RegExp(`^127\\.0\\.0\\.1:${port} .* 100 .* [\\d.]+ ms$`, 'm'));
      expect(stdout).toMatch(/^127\.0\.0\.1:1 .* 0 .* probe failed$/m);
    });
  });
});
