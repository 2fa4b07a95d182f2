import { type ChildProcess, spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from './ports.ts';
import { idOf, type SoakInstance, type World } from './world.ts';

const host = '127.0.0.1';
const readyWithin = 60_000;

/** A Consul server with a data directory, so that what is registered outlives a kill. */
export async function startConsulWorld(binary: string, version: string): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'soak-consul-'));
  const [http = 0, dns = 0, server = 0, serfLan = 0, serfWan = 0] = await freePorts(5);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const flags = [
    ...['agent', '-server', '-bootstrap-expect', '1', '-data-dir', directory, '-node', 'soak'],
    ...['-log-level', 'error', '-client', host, '-bind', host],
    ...['-http-port', http, '-dns-port', dns, '-server-port', server],
    ...['-serf-lan-port', serfLan, '-serf-wan-port', serfWan, '-grpc-port', -1],
    ...(major > 1 || minor >= 14 ? ['-grpc-tls-port', -1] : []),
    // A single server need not wait long for votes that nobody else can cast.
    ...['-hcl', 'disable_update_check = true', '-hcl', 'performance { raft_multiplier = 1 }'],
  ].map(String);
  const url = `http://${host}:${http}`;
  let agent: ChildProcess | undefined;
  const kill = () => agent?.kill('SIGKILL');
  process.once('exit', kill);

  const request = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const reply = await fetch(url + path, {
      method,
      signal: AbortSignal.timeout(10_000),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  const isReady = async () => {
    if ((await request('GET', '/v1/status/leader')) === '') return false;
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([`${host}:${dns}`]);
    return (await resolver.resolveSrv('consul.service.consul')).length > 0;
  };
  const start = async () => {
    const child = spawn(binary, flags, { stdio: ['ignore', 'ignore', 'inherit'] });
    agent = child;
    const deadline = Date.now() + readyWithin;
    while (!(await isReady().catch(() => false))) {
      if (child.exitCode !== null) throw new Error(`the Consul agent ended with ${child.exitCode}`);
      if (Date.now() > deadline) throw new Error(`the Consul agent was not ready within ${readyWithin} ms`);
      await sleep(50);
    }
  };
  const end = async () => {
    const child = agent;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  const close = async () => {
    await end();
    process.off('exit', kill);
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  const setHealth = async (instance: SoakInstance, healthy: boolean) => {
    await request('PUT', `/v1/agent/check/${healthy ? 'pass' : 'fail'}/service:${idOf(instance)}`);
  };
  return {
    what: `Consul ${version}`,
    port: dns,
    async register(instance) {
      const { service, address, port } = instance;
      await request('PUT', '/v1/agent/service/register', {
        Name: service,
        ID: idOf(instance),
        Address: address,
        Port: port,
        Check: { TTL: '24h', Status: 'passing' },
      });
      // What was said by the API outlives a restart of the agent; the status of the registration does not.
      await setHealth(instance, true);
    },
    async deregister(instance) {
      await request('PUT', `/v1/agent/service/deregister/${idOf(instance)}`);
    },
    setHealth,
    kill: end,
    restart: start,
    close,
  };
}
