import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const demo = fileURLToPath(new URL('../../examples/demo.js', import.meta.url));

describe('npm start where there is no Consul', () => {
  let status: number | null;
  let stdout: string;
  let stderr: string;

  beforeAll(() => {
    const { CONSUL_BIN: _, ...env } = process.env;
    ({ status, stdout, stderr } = spawnSync(process.execPath, [demo], {
      encoding: 'utf8',
      env: { ...env, PATH: dirname(process.execPath) },
      timeout: 60_000,
    }));
  });

  test('ends by itself, without a complaint', () => {
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('says that it uses the double', () => {
    expect(stdout).toContain('No Consul found (CONSUL_BIN, PATH): using the in-process double.');
  });

  test('every answer came from the server that was picked', () => {
    expect(stdout).toContain('36 requests, 0 mismatches (expected 0).');
  });

  test.each(['round-robin', 'least-used'])('%s calls each of the four servers three times', (strategy) => {
    for (const name of ['anna', 'bert', 'carl', 'dora']) {
      expect(section(strategy)).toMatch(new RegExp(`^ *${name} +127\\S+ +█+ +3$`, 'm'));
    }
  });

  test('fastest shows what it measured', () => {
    expect(section('fastest')).toMatch(/^ *dora .* [\d.]+ ms$/m);
  });

  test('the instance that left is gone', () => {
    expect(section('anna')).toContain('anna is gone.');
    expect(section('anna').match(/^ *127\.0\.0\.\d+ +\d+/gm)).toHaveLength(3);
  });

  function section(title: string): string {
    const found = stdout.split(/^== /m).find((text) => text.startsWith(title));
    return found ?? expect.fail(`no section ${title} in:\n${stdout}`);
  }
});
