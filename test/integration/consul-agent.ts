import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, test } from 'vitest';
import { type Engine, findEngine } from '../cluster/engine.ts';
import { removeLeftovers } from '../cluster/leftovers.ts';
import { freePorts } from './free-ports.ts';
import { type Instance, Registration } from './registration.ts';

export type { Instance } from './registration.ts';

const LOOPBACK = '127.0.0.1';
const DEFAULT_IMAGE = 'hashicorp/consul:1.22';
const READY_WITHIN_MS = 60_000;
const GRACE_MS = 10_000;
const PORT_ATTEMPTS = 5;
const CONFIG_IN_DOCKER = '/agent.json';
/** In Consul's words, and in Docker's. */
const PORT_TAKEN = /address already in use|port is already allocated/;

type Container = ReturnType<Engine['getContainer']>;

export type FoundConsul =
  | { readonly kind: 'binary'; readonly path: string; readonly version: string }
  | { readonly kind: 'docker'; readonly image: string }
  | { readonly kind: 'none'; readonly reason: string };

export interface Ports {
  readonly http: number;
  readonly dns: number;
  readonly server: number;
  readonly serfLan: number;
  readonly serfWan: number;
}

export interface AgentOptions {
  /** `false`: a server with a data directory, which outlives `restart()`. Default: `-dev`, all in memory. */
  readonly dev?: boolean;
  readonly node?: string;
  readonly nodeMeta?: Readonly<Record<string, string>>;
  /** Consul's configuration file, as an object. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly serverFlags?: readonly string[];
  readonly ports?: Partial<Ports>;
}

export interface Agent {
  readonly version: string;
  readonly dnsAddress: string;
  readonly httpAddress: string;
  readonly ports: Ports;
  /** Undefined while it does not run, and in Docker. */
  readonly pid: number | undefined;
  register(instance: Instance): Promise<string>;
  registerMany(instances: readonly Instance[]): Promise<string[]>;
  deregister(id: string): Promise<void>;
  deregisterMany(ids: readonly string[]): Promise<void>;
  http<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
  /** Ends it and removes what it left on the disk. */
  stop(): Promise<void>;
  /** Ends it as a crash would: `restart()` brings it back. */
  kill(): Promise<void>;
  /** On the same ports. A dev agent comes back empty. */
  restart(): Promise<void>;
}

let found: Promise<FoundConsul> | undefined;

/** `CONSUL_BIN`, else `consul` on the PATH, else Docker. Looked for once in a process. */
export function findConsul(): Promise<FoundConsul> {
  found ??= lookForConsul();
  return found;
}

async function lookForConsul(): Promise<FoundConsul> {
  const named = process.env['CONSUL_BIN'];
  const path = named || 'consul';
  const version = await versionOf(path);
  if (version) return { kind: 'binary', path, version };
  // Whoever names a binary wants that one: falling back would test something else without a word.
  if (named) return { kind: 'none', reason: `CONSUL_BIN=${named} is no Consul that runs here` };
  const engine = await findEngine();
  if (engine === undefined) {
    return {
      kind: 'none',
      reason:
        'no Consul: CONSUL_BIN is not set, no consul is on the PATH, no Docker engine answers (see npm run consul)',
    };
  }
  await removeLeftovers(engine);
  return { kind: 'docker', image: process.env['CONSUL_IMAGE'] || DEFAULT_IMAGE };
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ['version'], { timeout: 10_000 });
    return /^Consul v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

// Before any suite is collected, since `describe` decides on the spot whether to skip.
const consul = await findConsul();

/** `describe` for suites that need a real Consul: without one skipped, with a word why, or failed where `CI=true`. */
export function describeWithConsul(title: string, suite: () => void): void {
  if (consul.kind !== 'none') {
    describe(title, suite);
  } else if (process.env['CI'] === 'true') {
    describe(title, () => {
      test('finds a Consul', () => {
        throw new Error(consul.reason);
      });
    });
  } else {
    console.warn(`skipped: ${title}: ${consul.reason}`);
    describe.skip(title, suite);
  }
}

export async function startAgent(options: AgentOptions = {}): Promise<Agent> {
  if (consul.kind === 'none') throw new Error(consul.reason);
  for (let attempt = 1; ; attempt += 1) {
    const ports: Ports = { ...(await choosePorts()), ...options.ports };
    const host =
      consul.kind === 'docker'
        ? new InDocker(consul.image, options, ports)
        : new AsProcess(consul, options, ports);
    const agent = new StartedAgent(host, ports);
    try {
      await agent.start();
      return agent;
    } catch (error) {
      await agent.stop();
      // Between freePorts() and the agent's own bind, anybody may have taken one of them.
      if (attempt === PORT_ATTEMPTS || !PORT_TAKEN.test(String(error))) throw error;
    }
  }
}

/** Where an agent runs. */
interface Host {
  readonly nodeId: string;
  readonly pid: number | undefined;
  start(): Promise<void>;
  /** What it said, once it has ended without having been asked to. */
  failure(): string | undefined;
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  cleanUp(): Promise<void>;
}

class StartedAgent implements Agent {
  readonly dnsAddress: string;
  readonly httpAddress: string;
  readonly ports: Ports;
  readonly #host: Host;
  #registration: Registration;
  #version = '';

  constructor(host: Host, ports: Ports) {
    this.#host = host;
    this.ports = ports;
    this.dnsAddress = `${LOOPBACK}:${ports.dns}`;
    this.httpAddress = `http://${LOOPBACK}:${ports.http}`;
    this.#registration = new Registration(this.httpAddress);
  }

  get version(): string {
    return this.#version;
  }

  get pid(): number | undefined {
    return this.#host.pid;
  }

  register(instance: Instance): Promise<string> {
    return this.#registration.register(instance);
  }

  registerMany(instances: readonly Instance[]): Promise<string[]> {
    return this.#registration.registerMany(instances);
  }

  deregister(id: string): Promise<void> {
    return this.#registration.deregister(id);
  }

  deregisterMany(ids: readonly string[]): Promise<void> {
    return this.#registration.deregisterMany(ids);
  }

  http<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    return this.#registration.http<T>(method, path, body);
  }

  async start(): Promise<void> {
    this.#registration = new Registration(this.httpAddress);
    await this.#host.start();
    await this.#untilReady();
  }

  async stop(): Promise<void> {
    this.#registration.disconnect();
    await this.#host.end('SIGTERM');
    await this.#host.cleanUp();
  }

  async kill(): Promise<void> {
    this.#registration.disconnect();
    await this.#host.end('SIGKILL');
  }

  async restart(): Promise<void> {
    this.#registration.disconnect();
    await this.#host.end('SIGTERM');
    await this.start();
  }

  async #untilReady(): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const failure = this.#host.failure();
      if (failure !== undefined) throw new Error(`the Consul agent ended while starting:\n${failure}`);
      if ((await this.#leaderIsReady()) && (await this.#answersDns())) return;
      if (Date.now() > deadline)
        throw new Error(`the Consul agent was not ready within ${READY_WITHIN_MS} ms`);
      await sleep(25);
    }
  }

  async #leaderIsReady(): Promise<boolean> {
    try {
      // Another agent may have taken the port in between, and would answer in place of ours.
      const self = await this.http<{ Config: { NodeID: string; Version: string } }>('GET', '/v1/agent/self');
      if (self.Config.NodeID !== this.#host.nodeId) return false;
      this.#version = self.Config.Version;
      // Right after its election a leader has yet to apply its log: until then DNS lacks what is on the disk.
      await this.http('GET', '/v1/catalog/nodes?consistent');
      return true;
    } catch {
      return false;
    }
  }

  async #answersDns(): Promise<boolean> {
    const resolver = new Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([this.dnsAddress]);
    try {
      await resolver.resolveSrv('consul.service.consul');
    } catch (error) {
      // A refusal or an empty answer is one too, as under an ACL that hides the catalogue or with another domain.
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (!['ENODATA', 'ENOTFOUND', 'EREFUSED', 'ESERVFAIL'].includes(code)) return false;
    }
    return accepts(this.ports.dns);
  }
}

/** When the test process ends, however it does, its end of the pipe closes: no agent and no directory outlives it. */
const WATCHDOG = 'trap "" INT TERM HUP; read -r _; kill -9 "$0" 2>/dev/null; rm -rf -- "$1"';

class AsProcess implements Host {
  readonly nodeId = randomUUID();
  readonly #binary: { readonly path: string; readonly version: string };
  readonly #options: AgentOptions;
  readonly #ports: Ports;
  #directory = '';
  #child: ChildProcess | undefined;
  #watchdog: ChildProcess | undefined;
  #output = '';

  constructor(
    binary: { readonly path: string; readonly version: string },
    options: AgentOptions,
    ports: Ports,
  ) {
    this.#binary = binary;
    this.#options = options;
    this.#ports = ports;
  }

  get pid(): number | undefined {
    return this.failure() === undefined ? this.#child?.pid : undefined;
  }

  async start(): Promise<void> {
    this.#directory ||= await mkdtemp(join(tmpdir(), 'consul-agent-'));
    await writeFile(join(this.#directory, 'agent.json'), JSON.stringify(configOf(this.#options)));
    this.#output = '';
    const child = spawn(this.#binary.path, this.#flags(), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-16_384);
      });
    }
    await once(child, 'spawn');
    this.#watchdog = spawn('sh', ['-c', WATCHDOG, String(child.pid), this.#directory], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#watchdog.unref();
    (this.#watchdog.stdin as net.Socket | null)?.unref();
  }

  failure(): string | undefined {
    const child = this.#child;
    return child && child.exitCode === null && child.signalCode === null ? undefined : this.#output;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const closed = once(child, 'close');
      child.kill(signal);
      const insist = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await closed;
      clearTimeout(insist);
    }
    await this.#endWatchdog();
  }

  async cleanUp(): Promise<void> {
    if (this.#directory) await rm(this.#directory, { recursive: true, force: true });
    this.#directory = '';
  }

  // Only after its agent: its process id may belong to somebody else from then on.
  async #endWatchdog(): Promise<void> {
    const watchdog = this.#watchdog;
    this.#watchdog = undefined;
    if (!watchdog || watchdog.exitCode !== null || watchdog.signalCode !== null) return;
    const closed = once(watchdog, 'close');
    watchdog.kill('SIGKILL');
    await closed;
  }

  #flags(): string[] {
    const { node = 'agent', dev = true, serverFlags = [] } = this.#options;
    const [major = 0, minor = 0] = this.#binary.version.split('.').map(Number);
    const server = ['-server', '-bootstrap-expect', '1', '-data-dir', join(this.#directory, 'data')];
    return [
      'agent',
      ...(dev ? ['-dev'] : server),
      ...[
        '-node',
        node,
        '-node-id',
        this.nodeId,
        '-log-level',
        'warn',
        '-client',
        LOOPBACK,
        '-bind',
        LOOPBACK,
      ],
      ...['-http-port', String(this.#ports.http), '-dns-port', String(this.#ports.dns)],
      ...['-server-port', String(this.#ports.server), '-serf-lan-port', String(this.#ports.serfLan)],
      ...['-serf-wan-port', String(this.#ports.serfWan), '-grpc-port', '-1'],
      ...(major > 1 || minor >= 14 ? ['-grpc-tls-port', '-1'] : []),
      ...metaFlags(this.#options),
      ...['-config-file', join(this.#directory, 'agent.json'), ...serverFlags],
    ];
  }
}

/** A container lives from the first `start` to `cleanUp`: what is on its disk outlives `kill()` and `restart()`. */
class InDocker implements Host {
  readonly nodeId = randomUUID();
  readonly pid = undefined;
  readonly #image: string;
  readonly #options: AgentOptions;
  readonly #ports: Ports;
  #container: Container | undefined;

  constructor(image: string, options: AgentOptions, ports: Ports) {
    this.#image = image;
    this.#options = options;
    this.#ports = ports;
  }

  async start(): Promise<void> {
    if (this.#container) await this.#container.start();
    else this.#container = await this.#create();
  }

  async #create(): Promise<Container> {
    const { LoopbackContainer } = await import('../cluster/container.ts');
    const { consulPath, dataDirectory } = await import('../cluster/image.ts');
    const { node = 'agent', dev = true, serverFlags = [] } = this.#options;
    const server = ['-server', '-bootstrap-expect', '1', '-data-dir', dataDirectory];
    const container = new LoopbackContainer(this.#image)
      .publish(
        { container: 8500, host: this.#ports.http, protocol: 'tcp' },
        { container: 8600, host: this.#ports.dns, protocol: 'tcp' },
        { container: 8600, host: this.#ports.dns, protocol: 'udp' },
      )
      .withCopyContentToContainer([
        { content: JSON.stringify(configOf(this.#options)), target: CONFIG_IN_DOCKER },
      ])
      // The official images have a script in front, which adds flags of its own.
      .withEntrypoint([consulPath])
      .withCommand([
        'agent',
        ...(dev ? ['-dev'] : server),
        ...['-node', node, '-node-id', this.nodeId, '-log-level', 'warn', '-client', '0.0.0.0'],
        ...['-bind', LOOPBACK],
        ...metaFlags(this.#options),
        ...['-config-file', CONFIG_IN_DOCKER, ...serverFlags],
      ]);
    const engine = await findEngine();
    try {
      return engine!.getContainer((await container.start()).getId());
    } catch (error) {
      if (!PORT_TAKEN.test(String(error))) throw error;
      throw new Error('address already in use', { cause: error });
    }
  }

  failure(): undefined {
    return undefined;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ended =
      signal === 'SIGTERM' ? this.#container?.stop({ t: GRACE_MS / 1_000 }) : this.#container?.kill();
    await ended?.catch((error: { statusCode?: number }) => {
      // It had ended already.
      if (error.statusCode !== 304 && error.statusCode !== 409) throw error;
    });
  }

  async cleanUp(): Promise<void> {
    await this.#container?.remove({ force: true, v: true });
    this.#container = undefined;
  }
}

function configOf(options: AgentOptions): Record<string, unknown> {
  // No calls home from a test, and a single server need not wait long for votes that nobody else can cast.
  return { disable_update_check: true, performance: { raft_multiplier: 1 }, ...options.config };
}

function metaFlags({ nodeMeta = {} }: AgentOptions): string[] {
  return Object.entries(nodeMeta).flatMap(([key, value]) => ['-node-meta', `${key}:${value}`]);
}

async function choosePorts(): Promise<Ports> {
  const [http = 0, dns = 0, server = 0, serfLan = 0, serfWan = 0] = await freePorts(5);
  return { http, dns, server, serfLan, serfWan };
}

async function accepts(port: number): Promise<boolean> {
  const socket = net.connect(port, LOOPBACK);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
