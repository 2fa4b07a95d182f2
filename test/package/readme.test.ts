import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDiscovery } from '../../src/index.ts';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const docs = new URL('../../docs/', import.meta.url);
const pages = readdirSync(docs)
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, text: readFileSync(new URL(name, docs), 'utf8') }));
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** A document's code blocks of one language, with the heading each stands under. */
function blocks(language: string, text = readme): { heading: string; code: string }[] {
  const found: { heading: string; code: string }[] = [];
  let heading = '';
  for (const [, title, lang, code] of text.matchAll(/^#+ (.+)$|^```(\w+)\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    else if (lang === language) found.push({ heading, code: code! });
  }
  return found;
}

let double: ConsulDouble;
let server: Server;

beforeAll(async () => {
  server = createServer((_request, response) => response.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  double = await createConsulDouble();
  double.register({
    name: 'web',
    address: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    tags: ['v1'],
  });
});
afterAll(async () => {
  server.close();
  await double.close();
});

function run(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const env = { ...process.env, CONSUL_DNS_ADDR: double.dnsAddress, CONSUL_HTTP_ADDR: double.httpAddress };
  const options = { cwd: root, env, timeout: 30_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

describe('the README', () => {
  it('says what matters on its first screen of 40 lines', () => {
    const screen = readme.split('\n').slice(0, 40).join('\n');
    for (const words of [
      'npm install',
      'web.pick()',
      '`roundRobin()`',
      '`leastUsed()`',
      '`fastest()`',
      'When Consul is down',
      'npm start',
    ]) {
      expect(screen).toContain(words);
    }
  });

  it.each(blocks('js').map(({ heading, code }, i) => ({ heading, code, i })))(
    'has a program under "$heading" that runs (block $i)',
    async ({ code }) => {
      const { code: exit, stderr, stdout } = await run('--input-type=module', '-e', code);
      expect([exit, stderr]).toEqual([0, '']);
      if (code.includes('address, response.status)')) expect(stdout).toMatch(/^127\.0\.0\.1:\d+ 200$/m);
    },
  );

  it.each(pages.flatMap(({ name, text }) => blocks('js', text).map((block) => ({ name, ...block }))))(
    'points to docs/$name, whose program under "$heading" runs',
    async ({ code }) => {
      const { code: exit, stderr } = await run('--input-type=module', '-e', code);
      expect([exit, stderr]).toEqual([0, '']);
    },
  );

  it('and the pages under docs have no dead link', () => {
    for (const { name, text } of [{ name: '../README.md', text: readme }, ...pages]) {
      for (const [, target] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
        const path = new URL(target!, new URL(name, docs));
        expect(existsSync(path), `${name} → ${target}`).toBe(true);
      }
    }
  });

  it('has a configuration that is accepted', async () => {
    const [block] = blocks('json');
    const discovery = createDiscovery(JSON.parse(block?.code ?? ''));
    await discovery.close();
  });

  it('has commands that work', async () => {
    const commands = blocks('sh').flatMap(({ code }) => code.trim().split('\n'));
    expect(commands).toContain(`npm install ${manifest.name}`);
    const ours = commands.filter((command) => command.startsWith(`npx ${manifest.name} `));
    expect(ours).toHaveLength(2);
    for (const command of ours) {
      const { code, stdout } = await run('dist/cli/main.js', ...command.split(' ').slice(2));
      expect([command, code]).toEqual([command, 0]);
      expect(stdout).toContain('127.0.0.1');
    }
  });

  it('names every option and every code there is', () => {
    const options = readFileSync(new URL('../../src/options.ts', import.meta.url), 'utf8');
    const declared = [...options.matchAll(/^ {2}(\w+)\?: /gm)].map(([, name]) => name!);
    for (const name of declared) expect(readme, name).toContain(`\`${name}\``);
    const errors = readFileSync(new URL('../../src/errors.ts', import.meta.url), 'utf8');
    for (const [code] of errors.matchAll(/\bERR_\w+/g)) expect(readme, code).toContain(code);
    const warnings = readFileSync(new URL('../../src/diagnostics.ts', import.meta.url), 'utf8');
    for (const [, code] of warnings.matchAll(/\| '(\w+)'/g)) expect(readme, code).toContain(code!);
  });

  it('promises the Node versions that the package asks for', () => {
    expect(readme).toContain(`Node ${manifest.engines.node.replace('>=', '≥ ')}`);
  });
});
