// @ts-check
/**
 * Four small HTTP servers, registered as `web`; three strategies pick among them, and every picked server is really called.
 * With Consul (CONSUL_BIN, or `consul` on the PATH) in an agent of its own, without in the package's double.
 *
 * Run it with `npm start`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createDiscovery, fastest, leastUsed, roundRobin } from 'consul-dns-balancer';
import { bars, table, title } from './demo/output.js';
import { startRegistry } from './demo/registry.js';
import { startServers } from './demo/servers.js';

/** @typedef {import('consul-dns-balancer').Service} Service */

const picks = 12;

/** @type {(() => unknown)[]} What was opened, to be closed in reverse order. */
const opened = [];

let interrupted = false;
process.once('SIGINT', async () => {
  interrupted = true;
  await closeAll();
  process.exit(130);
});

try {
  await demo();
} catch (error) {
  // What is under way at an interrupt fails: no news.
  if (!interrupted) throw error;
} finally {
  await closeAll();
}

async function demo() {
  const registry = await startRegistry();
  opened.push(() => registry.stop());
  const servers = await startServers();
  opened.push(() => servers.close());
  for (const { name, host, port } of servers.list) {
    await registry.register({ id: name, name: 'web', address: host, port });
  }
  await registry.shows('web', servers.list.length);

  // The ten lines that matter.
  const discovery = createDiscovery({ servers: [registry.dnsAddress] });
  opened.push(() => discovery.close());
  const web = discovery.service('web', { balancer: roundRobin() });
  await web.ready();

  title(`What Consul says: ${web.name}, asked at ${registry.dnsAddress}`);
  showAddresses(web);

  title(`round-robin: ${picks} picks, ${picks} requests`);
  let mismatches = await call(web, servers.list);

  title(`least-used: ${picks} picks, ${picks} requests`);
  mismatches += await withStrategy(registry.dnsAddress, leastUsed(), (service) =>
    call(service, servers.list),
  );

  const slow = servers.list.find(({ delay }) => delay > 0);
  title(`fastest: ${picks} picks, ${picks} requests (${slow?.name} takes ${slow?.delay} ms to answer)`);
  // All within 15 ms of the best take part: on one machine, smaller differences are chance.
  const strategy = fastest({ probe: { http: '/' }, margin: 15 });
  mismatches += await withStrategy(registry.dnsAddress, strategy, async (service) => {
    await untilMeasured(service);
    return call(service, servers.list, true);
  });

  const [gone] = servers.list;
  if (gone === undefined) throw new Error('no server to take away');
  title(`${gone.name} (${gone.host}:${gone.port}) leaves`);
  await registry.deregister(gone.name);
  await registry.shows('web', servers.list.length - 1);
  await web.refresh();
  showAddresses(web);
  const left = web.endpoints.every(({ host, port }) => host !== gone.host || port !== gone.port);
  console.log(left ? `\n${gone.name} is gone.` : `\n${gone.name} is still listed!`);

  console.log(`\n${3 * picks} requests, ${mismatches} mismatches (expected 0).`);
  if (mismatches > 0 || !left) process.exitCode = 1;
}

/**
 * A service has one strategy; another one takes another discovery.
 *
 * @param {string} server
 * @param {import('consul-dns-balancer').BalancerDescription} balancer
 * @param {(service: Service) => Promise<number>} use
 */
async function withStrategy(server, balancer, use) {
  const discovery = createDiscovery({ servers: [server], balancer });
  try {
    const service = discovery.service('web');
    await service.ready();
    return await use(service);
  } finally {
    await discovery.close();
  }
}

/**
 * Picks, calls what was picked, and shows who answered.
 *
 * @param {Service} service
 * @param {readonly import('./demo/servers.js').DemoServer[]} servers
 * @param {boolean} [showLatency]
 * @returns {Promise<number>} how many answers came from another server than the picked one.
 */
async function call(service, servers, showLatency = false) {
  /** @type {string[]} */
  const answered = [];
  let mismatches = 0;
  for (let i = 0; i < picks; i++) {
    const endpoint = service.pick();
    const response = await fetch(endpoint.url('/'));
    const { name, host, port } = /** @type {import('./demo/servers.js').Answer} */ (await response.json());
    answered.push(name);
    if (host !== endpoint.host || port !== endpoint.port) mismatches++;
  }
  console.log(`  ${answered.join(' ')}\n`);
  const lines = servers.map(({ name, host, port }) => {
    const latency = service.endpoints.find((one) => one.host === host && one.port === port)?.latency;
    const note = showLatency ? `${latency?.toFixed(1) ?? '?'} ms` : '';
    return { label: `${name}  ${host}:${port}`, count: answered.filter((one) => one === name).length, note };
  });
  bars(lines);
  return mismatches;
}

/** @param {Service} service */
async function untilMeasured(service) {
  const deadline = Date.now() + 3_000;
  const measured = () => service.endpoints.every(({ latency }) => latency !== undefined);
  while (!measured() && Date.now() < deadline) await sleep(20);
  // A result takes part in picks shortly after it came.
  await sleep(50);
}

/** @param {Service} service */
function showAddresses(service) {
  const rows = service.endpoints.map(({ host, port, weight }) => [host, port, weight]);
  table(['host', 'port', 'weight'], rows);
}

async function closeAll() {
  for (const close of opened.splice(0).reverse()) await close();
}
