import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ran } from './terminal.ts';

test.each(['--help', '-h'])('%s lists the commands and the exit codes', async (option) => {
  const { exitCode, stdout, stderr } = await ran([option]);

  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  for (const known of ['resolve NAME', 'pick NAME']) expect(stdout).toContain(known);
  for (const code of [0, 1, 2, 3, 70]) expect(stdout).toMatch(new RegExp(`^ +${code} +\\S`, 'm'));
});

test.each(['resolve', 'pick'])(
  '%s --help lists its options and the exit codes, without a name',
  async (name) => {
    const { exitCode, stdout } = await ran([name, '--help']);

    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Usage: consul-dns-balancer ${name} NAME`);
    for (const option of [
      '--server',
      '--json',
      '--transport',
      '--records',
      '--port',
      '--timeout',
      '--help',
    ]) {
      expect(stdout).toContain(option);
    }
    expect(stdout).toMatch(/^ +3 .*ERR_UNREACHABLE, ERR_DNS_\*/m);
  },
);

test('pick --help names the strategies', async () => {
  const { stdout } = await ran(['pick', '--help']);

  expect(stdout).toMatch(/--strategy .*round-robin, .*least-used, .*fastest/);
});

test('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

  expect(await ran(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
});
