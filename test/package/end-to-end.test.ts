import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const example = fileURLToPath(new URL('../../examples/end-to-end.js', import.meta.url));

test('three processes register themselves, a caller finds them by DNS, and one that ends is missed by nobody', () => {
  const { CONSUL_BIN: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [example], {
    encoding: 'utf8',
    // Where there is no Consul: on the double.
    env: { ...env, PATH: dirname(process.execPath) },
    timeout: 100_000,
  });
  // A warning of a machine that is slow is no failure; a call that failed would be.
  expect([status, stderr]).toEqual([0, expect.not.stringContaining('Error')]);
  expect(stdout).toContain('using the in-process double.');
  expect(stdout).toContain('Found by DNS: 3 instances of greeter.service.consul.');
  expect(stdout).toMatch(/30 calls: anna 10, bert 10, carl 10\./);
  expect(stdout).toMatch(/She ended by SIGTERM\. \d+ calls meanwhile, 0 failed/);
});
