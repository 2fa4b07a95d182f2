import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** The packed package as users install it, beside one major of undici or another, or beside none. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'consul-dns-balancer-undici-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** undici 8 says itself from which Node on it works. */
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
const loads8 = major > 22 || (major === 22 && minor >= 19);

beforeAll(() => {
  const npm = (args: string[], cwd: string) =>
    execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const [packed] = JSON.parse(
    npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
  ) as [{ filename: string }];
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  npm(['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, packed.filename)], folder);
});

const installed = (name: string) => join(folder, 'node_modules', name);

function without(...names: string[]): void {
  for (const name of names) rmSync(installed(name), { recursive: true, force: true });
}

/** Installs, as undici, what stands under that name in the package's own node_modules. */
function withUndici(alias: 'undici' | 'undici8'): void {
  without('undici');
  symlinkSync(join(root, 'node_modules', alias), installed('undici'), 'dir');
}

/** Says that it was loaded. */
function withLoud(name: string): void {
  without(name);
  mkdirSync(installed(name), { recursive: true });
  writeFileSync(join(installed(name), 'package.json'), JSON.stringify({ name, version: '9.9.9' }));
  writeFileSync(join(installed(name), 'index.js'), `console.log('loaded: ${name}'); module.exports = {};`);
}

function run(program: string, type: 'module' | 'commonjs' = 'module'): string {
  // Old Nodes warn of require(esm).
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--no-warnings', `--input-type=${type}`, '-e', program],
    { cwd: folder, encoding: 'utf8', timeout: 60_000 },
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.trim();
}

const from: Record<'module' | 'commonjs', (names: string, path?: string) => string> = {
  module: (names, path = '') => `import { ${names} } from 'consul-dns-balancer${path}';`,
  commonjs: (names, path = '') => `const { ${names} } = require('consul-dns-balancer${path}');`,
};

/** A program that asks an instance in all ways and prints the answers. */
const asks = (type: 'module' | 'commonjs') => `
  ${from[type]('createDiscovery, fixed')}
  ${from[type]('createDispatcher, createFetch, interceptor', '/undici')}
  ${type === 'module' ? "import undici from 'undici'; import { createServer } from 'node:http';" : "const undici = require('undici'); const { createServer } = require('node:http');"}
  const server = createServer((request, response) => response.end(request.headers.host)).listen(0, '127.0.0.1', async () => {
    const discovery = createDiscovery({ source: fixed(['127.0.0.1:' + server.address().port]) });
    const url = 'http://web.service.consul/';
    const said = [];
    const dispatcher = createDispatcher(discovery);
    said.push(await (await fetch(url, { dispatcher })).text());
    said.push(await (await undici.request(url, { dispatcher })).body.text());
    said.push(await (await createFetch(discovery)(url)).text());
    const composed = new undici.Agent().compose(interceptor(discovery));
    said.push(await (await undici.fetch(url, { dispatcher: composed })).text());
    await composed.close();
    undici.setGlobalDispatcher(dispatcher);
    said.push(await (await fetch(url)).text());
    await discovery.close();
    server.close();
    console.log([...new Set(said)].join(), said.length);
  });`;

const failing = (type: 'module' | 'commonjs') => `
  ${from[type]('createDiscovery, PeerError')}
  ${from[type]('createDispatcher, createFetch, interceptor', '/undici')}
  for (const make of [createDispatcher, createFetch, interceptor]) {
    try { make(createDiscovery()); } catch (error) { console.log(error instanceof PeerError, error.code, error.message); }
  }`;

describe('the packed package', () => {
  it.each(['module', 'commonjs'] as const)('loads no peer where none is used: %s', (type) => {
    withLoud('undici');
    withLoud('@grpc/grpc-js');
    expect(
      run(
        `${from[type]('createDiscovery')} ${from[type]('createDispatcher', '/undici')} console.log(typeof createDiscovery, typeof createDispatcher)`,
        type,
      ),
    ).toBe('function function');
    without('@grpc/grpc-js');
  });

  it.each(['module', 'commonjs'] as const)(
    'says at the first use, and not at the import, that undici is missing: %s',
    (type) => {
      without('undici');
      const lines = run(failing(type), type).split('\n');
      expect(lines).toHaveLength(3);
      for (const line of lines)
        expect(line).toMatch(
          /^true ERR_PEER .*needs the package undici.*not installed: npm install undici@7/,
        );
    },
  );

  it('says of an undici that is none', () => {
    withLoud('undici');
    const lines = run(failing('module')).split('\n');
    expect(lines[0]).toBe('loaded: undici');
    expect(lines[1]).toMatch(/^true ERR_PEER undici: expected the module itself/);
  });

  describe.each(['module', 'commonjs'] as const)('%s', (type) => {
    it('works with undici 7', () => {
      withUndici('undici');
      expect(run(asks(type), type)).toBe('web.service.consul 5');
    });

    it(`${loads8 ? 'works with' : 'says that it cannot work with'} undici 8 on Node ${major}`, () => {
      withUndici('undici8');
      if (loads8) expect(run(asks(type), type)).toBe('web.service.consul 5');
      else
        for (const line of run(failing(type), type).split('\n'))
          expect(line).toMatch(
            /^true ERR_PEER undici 8\.\S+ does not load on Node v20\..*undici 8 needs Node 22\.19/,
          );
    });
  });

  it.each(['undici', 'undici8'] as const)('has types that compile with those of %s', (alias) => {
    withUndici(alias);
    const program = `
      import { createDiscovery, type Discovery, PeerError } from 'consul-dns-balancer';
      import { createDispatcher, createFetch, interceptor } from 'consul-dns-balancer/undici';
      import type { DispatcherOptions, FailedRequest, KeyedRequest, RequestOptions, RequestRetryOn, RetryOptions } from 'consul-dns-balancer/undici';
      import * as undici from 'undici';
      import { Agent, type Dispatcher, fetch, request, type Response, setGlobalDispatcher } from 'undici';

      const discovery: Discovery = createDiscovery();
      const retryOn: RequestRetryOn = ({ status, attempt }: FailedRequest) => status === 429 && attempt < 3;
      const retries: RetryOptions = { retries: 2, retryOn: [502, 503, 504], timeout: 5_000, attemptTimeout: 1_000 };
      const shared: RequestOptions = { ...retries, retryOn, key: ({ path }: KeyedRequest) => path, hostHeader: 'service', serverName: 'target' };
      const options: DispatcherOptions = { ...shared, undici, others: new Agent(), pool: { connections: 8, allowH2: true, connect: { ca: '' } } };
      const dispatcher: Dispatcher = createDispatcher(discovery, options);
      setGlobalDispatcher(dispatcher);
      const asked: Promise<Response> = fetch('http://web.service.consul/', { dispatcher });
      const made: typeof globalThis.fetch = createFetch(discovery, { pool: { pipelining: 1 }, serverName: 'example.com' });
      const composed: Dispatcher = new Agent().compose(interceptor(discovery, shared), undici.interceptors.retry());
      const { body } = await request('http://web.service.consul/', { dispatcher: composed });
      export { asked, body, made, PeerError };`;
    writeFileSync(join(folder, 'program.mts'), program);
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const strict = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noUncheckedIndexedAccess',
      '--skipLibCheck',
      'false',
    ];
    const target = ['--noEmit', '--module', 'nodenext', '--target', 'es2022'];
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')];
    const { stdout, status } = spawnSync(
      process.execPath,
      [tsc, ...strict, ...target, ...types, 'program.mts'],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    );
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});
