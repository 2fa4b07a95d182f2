// @ts-check
/**
 * The whole of it: three processes register themselves with an HTTP check, a caller finds them by DNS and calls them by name, one of them
 * is told to end while it is called, and nobody notices.
 * With Consul (CONSUL_BIN, or `consul` on the PATH) in an agent of its own, without in the package's double.
 *
 *     npm run build && node examples/end-to-end.js
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createDiscovery } from 'consul-dns-balancer';
import { createFetch } from 'consul-dns-balancer/undici';
import { startRegistry } from './demo/registry.js';

const service = fileURLToPath(new URL('end-to-end/service.js', import.meta.url));
const people = ['anna', 'bert', 'carl'];

const registry = await startRegistry();
const children = people.map((name) => start(name));
const discovery = createDiscovery({ servers: [registry.dnsAddress], ttl: { min: 1_000 } });
try {
  await example();
} finally {
  await discovery.close();
  for (const { child } of children)
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await registry.stop();
}

async function example() {
  const fetch = createFetch(discovery);
  const greeter = discovery.service('greeter');
  // An instance is listed when its first check has passed.
  await greeter.ready({ timeout: 30_000 });
  for (const end = Date.now() + 30_000; greeter.endpoints.length < people.length && Date.now() < end; ) {
    await sleep(100);
    await greeter.refresh();
  }
  console.log(`Found by DNS: ${greeter.endpoints.length} instances of ${greeter.name}.`);

  /** @type {Map<string, number>} */
  const answers = new Map();
  let failed = 0;
  const call = async () => {
    try {
      const who = (await (await fetch('http://greeter.service.consul/')).text()).split(' ')[0] ?? '';
      answers.set(who, (answers.get(who) ?? 0) + 1);
    } catch (error) {
      failed++;
      console.error(error);
    }
  };
  for (let i = 0; i < 30; i++) await call();
  console.log(`30 calls: ${shown(answers)}.`);

  console.log('anna is told to end (SIGTERM), and drains while she is called.');
  answers.clear();
  const [anna] = children;
  const ended = once(/** @type {import('node:child_process').ChildProcess} */ (anna?.child), 'exit');
  anna?.child.kill('SIGTERM');
  let over = false;
  void ended.then(() => {
    over = true;
  });
  let calls = 0;
  while (!over) {
    await call();
    calls++;
    await sleep(10);
  }
  for (let i = 0; i < 50; i++, calls++) await call();
  const [, signal] = await ended;
  console.log(`She ended by ${signal}. ${calls} calls meanwhile, ${failed} failed (expected 0).`);
  process.exitCode = failed === 0 ? 0 : 1;
}

/** @param {string} name */
function start(name) {
  const child = spawn(process.execPath, [service, name], {
    env: { ...process.env, CONSUL_HTTP_ADDR: registry.httpAddress },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { name, child };
}

/** @param {Map<string, number>} answers */
function shown(answers) {
  return [...answers]
    .sort()
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
