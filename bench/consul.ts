import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface Instance {
  readonly service: string;
  readonly address: string;
  readonly port: number;
}

/** A server that answers for Consul, in a process of its own. */
export interface DnsServer {
  /** Which Consul it is, or that it is the double. */
  readonly what: string;
  readonly port: number;
  close(): Promise<void>;
}

const host = '127.0.0.1';

/** The binary that CONSUL_BIN names, else `consul` on the PATH, else the double; with the instances in it. */
export async function startDnsServer(instances: readonly Instance[]): Promise<DnsServer> {
  const named = process.env['CONSUL_BIN'];
  const binary = named || 'consul';
  const version = await versionOf(binary);
  if (version !== undefined) return startConsul(binary, version, instances);
  // Whoever names a binary wants that one measured.
  if (named) throw new Error(`CONSUL_BIN=${named} is no Consul that runs here`);
  return startDouble(instances);
}

async function versionOf(binary: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['version'], { timeout: 10_000 });
    return /^Consul v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

async function startConsul(
  binary: string,
  version: string,
  instances: readonly Instance[],
): Promise<DnsServer> {
  const [http = 0, dns = 0, server = 0, serfLan = 0, serfWan = 0] = await freePorts(5);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const flags = {
    '-node': 'bench',
    '-log-level': 'warn',
    '-client': host,
    '-bind': host,
    '-http-port': http,
    '-dns-port': dns,
    '-server-port': server,
    '-serf-lan-port': serfLan,
    '-serf-wan-port': serfWan,
    '-grpc-port': -1,
    ...((major > 1 || minor >= 14) && { '-grpc-tls-port': -1 }),
    '-hcl': 'disable_update_check = true',
  };
  const agent = spawn(binary, ['agent', '-dev', ...Object.entries(flags).flat().map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  agent.stdout.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-4_096);
  });
  const close = ending(agent);
  try {
    const url = `http://${host}:${http}`;
    const isThere = async (path: string) => (await fetch(url + path)).json() as Promise<unknown>;
    await until(agent, async () => Boolean(await isThere('/v1/status/leader')));
    for (const { service, address, port } of instances) {
      const id = `${service} ${address}:${port}`;
      const body = JSON.stringify({ Name: service, ID: id, Address: address, Port: port });
      const reply = await fetch(`${url}/v1/agent/service/register`, { method: 'PUT', body });
      if (!reply.ok) throw new Error(`registering ${address}:${port}: ${reply.status} ${await reply.text()}`);
    }
    await until(agent, async () => {
      const counts = await Promise.all(
        [...new Set(instances.map(({ service }) => service))].map(async (service) => {
          const listed = (await isThere(`/v1/health/service/${service}?passing`)) as unknown[];
          return listed.length;
        }),
      );
      return counts.reduce((sum, count) => sum + count, 0) === instances.length;
    });
    return { what: `Consul ${version}`, port: dns, close };
  } catch (error) {
    await close();
    throw new Error(`the Consul agent did not get ready:\n${output}`, { cause: error });
  }
}

async function startDouble(instances: readonly Instance[]): Promise<DnsServer> {
  const module = fileURLToPath(new URL('./double.js', import.meta.url));
  const child = fork(module);
  const close = ending(child);
  child.send(instances);
  const port = await firstWord<number>(child);
  return { what: 'the double of src/testing (no Consul found: see npm run consul)', port, close };
}

/** What a child says first; rejects where it ends before. */
export async function firstWord<Word>(child: ChildProcess): Promise<Word> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('a server of the bench ended while starting');
  });
  ended.catch(() => {});
  const [word] = await Promise.race([once(child, 'message'), ended]);
  return word as Word;
}

/** Ends it when asked to, and in any case with this process. */
export function ending(child: ChildProcess): () => Promise<void> {
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  return async () => {
    process.off('exit', kill);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    kill();
    await exit;
  };
}

async function until(agent: ChildProcess, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await isSo().catch(() => false))) {
    if (agent.exitCode !== null) throw new Error(`it ended with ${agent.exitCode}`);
    if (Date.now() > deadline) throw new Error('not within 60 s');
    await sleep(50);
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, host);
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  for (const server of servers) server.close();
  return ports;
}
