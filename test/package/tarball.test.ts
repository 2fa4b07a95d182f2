import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'consul-dns-balancer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const npm = (args: string[], cwd: string) =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });

let files: string[];

beforeAll(() => {
  // dist is built already; building again would pull it away under other tests.
  const [packed] = JSON.parse(
    npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
  ) as [{ filename: string; files: { path: string }[] }];
  files = packed.files.map(({ path }) => path);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  npm(['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, packed.filename)], folder);
});

describe('the packed tarball', () => {
  it('holds what a user needs and nothing else', () => {
    for (const needed of [
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/testing/index.js',
      'dist/cli/main.js',
    ]) {
      expect(files).toContain(needed);
    }
    expect(
      files.filter((file) => !/^(dist\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(file)),
    ).toEqual([]);
  });

  it('brings three dependencies, and theirs', () => {
    const own = ['consul-dns-balancer', 'dns-packet', 'lru-cache', 'p-retry'];
    const theirs = ['@leichtgewicht', 'is-network-error'];
    const installed = readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(installed.sort()).toEqual([...own, ...theirs].sort());
  });

  it('can be imported', () => {
    const names = node(
      '--input-type=module',
      '-e',
      "import * as all from 'consul-dns-balancer'; console.log(Object.keys(all).sort().join());",
    );
    expect(names.trim().split(',')).toEqual([
      'ClosedError',
      'ConsulError',
      'DiscoveryError',
      'DnsError',
      'InvalidNameError',
      'InvalidOptionError',
      'NoEndpointsError',
      'OverloadedError',
      'PeerError',
      'RequestTimeoutError',
      'RetriesExhaustedError',
      'ServiceNotFoundError',
      'cached',
      'consistentHash',
      'consulDns',
      'createDiscovery',
      'failover',
      'fastest',
      'filter',
      'first',
      'fixed',
      'leastInFlight',
      'leastUsed',
      'merge',
      'peakEwma',
      'powerOfTwoChoices',
      'random',
      'renamed',
      'roundRobin',
      'split',
      'subset',
      'weightedRandom',
      'weightedRoundRobin',
    ]);
  });

  it('can be required (require(esm))', () => {
    expect(node('-e', "console.log(typeof require('consul-dns-balancer').createDiscovery)")).toContain(
      'function',
    );
  });

  it('has its testing tools on a path of their own, which the root does not load', () => {
    const program = `
      import { createConsulDouble } from 'consul-dns-balancer/testing';
      import { createDiscovery } from 'consul-dns-balancer';
      const double = await createConsulDouble();
      double.register({ name: 'web', address: '10.1.0.1', port: 8080 });
      const web = createDiscovery({ servers: [double.dnsAddress] }).service('web');
      await web.ready();
      console.log(web.pick().address);
      await double.close();`;
    expect(node('--input-type=module', '-e', program)).toBe('10.1.0.1:8080\n');
  });

  it('has types that compile in a strict program that checks its libraries', () => {
    const program = `
      import { createDiscovery, leastUsed, type Endpoint } from 'consul-dns-balancer';
      import { balancerContract, createConsulDouble } from 'consul-dns-balancer/testing';
      const endpoint: Endpoint = createDiscovery().service('web', { balancer: leastUsed() }).pick();
      export { balancerContract, createConsulDouble, endpoint };`;
    writeFileSync(join(folder, 'program.ts'), program);
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      'false',
      '--module',
      'nodenext',
      '--target',
      'es2022',
    ];
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')];
    execFileSync(process.execPath, [tsc, ...options, ...types, 'program.ts'], { cwd: folder, stdio: 'pipe' });
  });

  it('has a command line', () => {
    const bin = join(folder, 'node_modules', '.bin', 'consul-dns-balancer');
    expect(execFileSync(bin, ['--help'], { encoding: 'utf8' })).toContain('resolve NAME');
    expect(execFileSync(bin, ['--version'], { encoding: 'utf8' }).trim()).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('ends its command line quietly when its reader goes away', () => {
    const program = `
      import { spawn } from 'node:child_process';
      import { createConsulDouble } from 'consul-dns-balancer/testing';
      const double = await createConsulDouble();
      for (let i = 0; i < 900; i++) double.register({ name: 'web', address: \`10.0.\${i >> 8}.\${i & 255}\`, port: 1 + i });
      const bin = 'node_modules/.bin/consul-dns-balancer';
      const child = spawn(bin, ['resolve', 'web', '--json', '--server', double.dnsAddress], { stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      child.stderr.on('data', (chunk) => (said += chunk));
      // More than a pipe holds is still to come when its reader goes.
      child.stdout.once('data', () => child.stdout.destroy());
      child.on('close', async (code, signal) => {
        console.log(JSON.stringify({ code, signal, said }));
        await double.close();
      });`;
    expect(JSON.parse(node('--input-type=module', '-e', program))).toEqual({
      code: 0,
      signal: null,
      said: '',
    });
  });
});
