// @ts-check
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** @typedef {import('./registry.js').Registry} Registry */
/** @typedef {{ path: string, version: string }} Consul */

const loopback = '127.0.0.1';
const readyWithin = 20_000;

/**
 * `CONSUL_BIN`, and only that where it is set; else `consul` on the PATH.
 *
 * @returns {Promise<Consul | undefined>}
 */
export async function findConsul() {
  const path = process.env['CONSUL_BIN'] || 'consul';
  try {
    const { stdout } = await promisify(execFile)(path, ['version'], { timeout: 10_000 });
    const version = /^Consul v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    return version === undefined ? undefined : { path, version };
  } catch {
    return undefined;
  }
}

/**
 * @param {Consul} consul
 * @returns {Promise<Registry>}
 */
export async function startAgent(consul) {
  for (let attempt = 1; ; attempt++) {
    const agent = await spawnAgent(consul);
    try {
      await untilReady(agent);
      return registryOf(agent);
    } catch (error) {
      await agent.stop();
      // Between finding free ports and the agent's own bind, anybody may have taken one of them.
      if (attempt === 3 || !/address already in use/.test(String(error))) throw error;
    }
  }
}

/** @param {Consul} consul */
async function spawnAgent({ path, version }) {
  const [http, dns, server, serfLan, serfWan] = await freePorts(5);
  const id = randomUUID();
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const flags = {
    ...{ node: 'demo', 'node-id': id, client: loopback, bind: loopback, 'log-level': 'warn' },
    ...{ 'http-port': http, 'dns-port': dns, 'server-port': server },
    ...{ 'serf-lan-port': serfLan, 'serf-wan-port': serfWan, 'grpc-port': -1 },
    // Older ones do not know it.
    ...((major > 1 || minor >= 14) && { 'grpc-tls-port': -1 }),
    hcl: 'disable_update_check = true',
  };
  const words = Object.entries(flags).flatMap(([flag, value]) => [`-${flag}`, String(value)]);
  // In dev mode all data is in memory.
  const child = spawn(path, ['agent', '-dev', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-4_096);
    });
  }
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'exit');
  ended.catch((error) => {
    output += error.message;
  });
  const isRunning = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    id,
    url: `http://${loopback}:${http}`,
    dnsAddress: `${loopback}:${dns}`,
    failure: () => (isRunning() ? undefined : output),
    async stop() {
      if (isRunning()) {
        child.kill('SIGTERM');
        const insist = setTimeout(kill, 5_000);
        await ended;
        clearTimeout(insist);
      }
      process.off('exit', kill);
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof spawnAgent>>} Agent */

/** @param {Agent} agent */
async function untilReady(agent) {
  const hasLeader = async () => {
    const failure = agent.failure();
    if (failure !== undefined) throw new Error(`The Consul agent ended while starting:\n${failure}`);
    try {
      const self = await http(agent, 'GET', '/v1/agent/self');
      // Another agent may have taken the port in between, and would answer in place of ours.
      return self.Config.NodeID === agent.id && (await http(agent, 'GET', '/v1/status/leader')) !== '';
    } catch {
      return false;
    }
  };
  await until(hasLeader, 'the Consul agent was not ready');
}

/**
 * @param {Agent} agent
 * @returns {Registry}
 */
function registryOf(agent) {
  return {
    dnsAddress: agent.dnsAddress,
    httpAddress: agent.url,
    register: ({ id, name, address, port }) =>
      http(agent, 'PUT', '/v1/agent/service/register', { ID: id, Name: name, Address: address, Port: port }),
    deregister: (id) => http(agent, 'PUT', `/v1/agent/service/deregister/${id}`),
    // The agent tells the servers, which answer DNS, a moment later.
    shows: (name, count) =>
      until(async () => {
        const healthy = await http(agent, 'GET', `/v1/health/service/${name}?passing`);
        return healthy.length === count;
      }, `the catalogue does not list ${count} instances of ${name}`),
    stop: () => agent.stop(),
  };
}

/**
 * @param {Agent} agent
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
async function http({ url }, method, path, body) {
  const init = { method, ...(body !== undefined && { body: JSON.stringify(body) }) };
  const response = await fetch(url + path, { ...init, signal: AbortSignal.timeout(5_000) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/**
 * @param {() => Promise<boolean>} condition
 * @param {string} otherwise
 */
async function until(condition, otherwise) {
  const deadline = Date.now() + readyWithin;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`After ${readyWithin} ms ${otherwise}.`);
    await sleep(50);
  }
}

/** @param {number} count */
async function freePorts(count) {
  // All held at once, so that they differ.
  const servers = Array.from({ length: count }, () => createServer().listen(0, loopback));
  return Promise.all(
    servers.map(async (server) => {
      await once(server, 'listening');
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      return port;
    }),
  ).finally(() => Promise.all(servers.map((server) => new Promise((done) => server.close(done)))));
}
