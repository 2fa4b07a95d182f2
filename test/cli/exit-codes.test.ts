import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { ran } from './terminal.ts';

let consul: ConsulDouble;

beforeAll(async () => {
  consul = await createConsulDouble();
});

afterAll(() => consul.close());

const quick = ['--timeout', '50'];

describe.each(['resolve', 'pick'])('%s', (command) => {
  test('1: nothing is found under the name', async () => {
    const { exitCode, stdout, stderr } = await ran([command, 'nobody', '--server', consul.dnsAddress]);

    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^error: ERR_SERVICE_NOT_FOUND nobody\.service\.consul: .+\n$/);
  });

  test('3: nobody listens there', async () => {
    const { exitCode, stderr } = await ran([command, 'web', '--server', '127.0.0.1:1', ...quick]);

    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^error: ERR_UNREACHABLE .+\n$/);
  });

  test('3: Consul stays silent', async () => {
    consul.dns.drop(true);
    const { exitCode, stderr } = await ran([command, 'web', '--server', consul.dnsAddress, ...quick]);
    consul.dns.drop(false);

    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^error: ERR_DNS_TIMEOUT .+\n$/);
  });

  test('3: Consul answers that it cannot', async () => {
    consul.dns.servfail(true);
    const { exitCode, stderr } = await ran([command, 'web', '--server', consul.dnsAddress, ...quick]);
    consul.dns.servfail(false);

    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^error: ERR_DNS_RESPONSE .+\n$/);
  });

  test.each([
    ['no name', [], /ERR_USAGE .*NAME is missing/],
    ['two names', ['web', 'api'], /ERR_USAGE .*"api" is too many/],
    ['an unknown option', ['web', '--colour'], /ERR_USAGE .*--colour/],
    ['an option without its value', ['web', '--server'], /ERR_USAGE .*--server/],
    [
      'a bad server',
      ['web', '--server', '127.0.0.1:99999'],
      /ERR_INVALID_OPTION --server: "127.0.0.1:99999"/,
    ],
    ['a bad transport', ['web', '--transport', 'quic'], /ERR_INVALID_OPTION --transport: .*"auto" or "udp"/],
    ['bad records', ['web', '--records', 'MX'], /ERR_INVALID_OPTION --records: .*"SRV" or "A"/],
    ['A without a port', ['web', '--records', 'A'], /ERR_USAGE .*--port/],
    ['a port beside SRV', ['web', '--port', '80'], /ERR_USAGE .*--records A/],
    [
      'a port out of range',
      ['web', '--records', 'A', '--port', '70000'],
      /ERR_INVALID_OPTION --port: .*65535/,
    ],
    ['a timeout that is no number', ['web', '--timeout', '2s'], /ERR_INVALID_OPTION --timeout: .*"2s"/],
    ['a bad name', ['no spaces'], /ERR_INVALID_NAME .*"no spaces"/],
    ['a name with a dot', ['my.web'], /ERR_INVALID_NAME .*tag/],
  ])('2: %s, without a question to Consul', async (_, words, said) => {
    consul.clearQueries();
    const { exitCode, stdout, stderr } = await ran([command, ...words], {
      env: { CONSUL_DNS_ADDR: consul.dnsAddress },
    });

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(said);
    expect(stderr.trimEnd().split('\n'), 'one line, no stack').toHaveLength(1);
    expect(consul.queries).toHaveLength(0);
  });

  test('--json: the error is one line of JSON on stdout', async () => {
    const notFound = await ran([command, 'nobody', '--json', '--server', consul.dnsAddress]);
    const badUsage = await ran([command, '--json', '--colour']);

    expect(notFound).toMatchObject({ exitCode: 1, stderr: '' });
    expect(JSON.parse(notFound.stdout)).toEqual({
      error: { code: 'ERR_SERVICE_NOT_FOUND', message: expect.stringContaining('nobody') },
    });
    expect(badUsage).toMatchObject({ exitCode: 2, stderr: '' });
    expect(JSON.parse(badUsage.stdout)).toEqual({
      error: { code: 'ERR_USAGE', message: expect.stringContaining('--colour') },
    });
  });
});

describe('pick', () => {
  test('2: an unknown strategy; the known ones are listed', async () => {
    const { exitCode, stderr } = await ran(['pick', 'web', '--strategy', 'quickest']);

    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /^error: ERR_INVALID_OPTION --strategy: .*"round-robin".*"least-used".*"fastest".*got "quickest"/,
    );
  });

  test.each(['0', '10000001', '1.5', 'many', ''])('2: -n %j', async (count) => {
    const { exitCode, stderr } = await ran(['pick', 'web', '-n', count]);

    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error: ERR_INVALID_OPTION -n: expected a whole number from 1 to 10000000/);
  });
});

test('2: a bad CONSUL_DNS_ADDR is named as such', async () => {
  const { exitCode, stderr } = await ran(['resolve', 'web'], { env: { CONSUL_DNS_ADDR: 'here:now' } });

  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^error: ERR_INVALID_OPTION CONSUL_DNS_ADDR: "here:now"/);
});

test.each([[[]], [['explode']], [['constructor']], [['--json']]])(
  '2: %j is no command; the known ones are listed',
  async (argv) => {
    const { exitCode, stdout, stderr } = await ran(argv);

    expect(exitCode).toBe(2);
    expect(stdout + stderr).toMatch(/ERR_USAGE.*resolve, pick/);
  },
);

test('70: what nobody foresaw shows its stack', async () => {
  let stderr = '';
  const exitCode = await run(['--version'], {
    stdout: {
      write: () => {
        throw new TypeError('a bug');
      },
    },
    stderr: { write: (text) => (stderr += text) },
    env: {},
    isTTY: false,
    columns: 80,
  });

  expect(exitCode).toBe(70);
  expect(stderr).toMatch(/TypeError: a bug\n +at /);
});
