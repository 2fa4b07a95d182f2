import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ending } from '../consul.ts';

export interface RunningProxy {
  readonly what: string;
  readonly origin: string;
  readonly pid: number;
  close(): Promise<void>;
}

const binary = process.env['HAPROXY_BIN'] || '/usr/sbin/haproxy';

/**
 * HAProxy with as many slots as there are backends, filled from SRV; returns why not where there is none. It is ready when `allAsked`
 * says so after some requests.
 */
export async function startHaproxy(
  dnsPort: number,
  slots: number,
  allAsked: () => Promise<boolean>,
): Promise<RunningProxy | string> {
  const version = await versionOf();
  if (version === undefined)
    return `HAProxy: not measured, ${binary} is missing (HAPROXY_BIN names another).`;
  const folder = await mkdtemp(join(tmpdir(), 'bench-haproxy-'));
  const port = await freePort();
  const config = join(folder, 'haproxy.cfg');
  await writeFile(config, configOf(port, dnsPort, slots));
  const child = spawn(binary, ['-db', '-f', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4_096);
    });
  const end = ending(child);
  const close = async () => {
    await end();
    await rm(folder, { recursive: true, force: true });
  };
  const origin = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 30_000;
  while (!((await answers(origin, slots)) && (await allAsked()))) {
    if (child.exitCode === null && Date.now() < deadline) {
      await sleep(50);
      continue;
    }
    await close();
    throw new Error(`HAProxy did not find all backends:\n${output}`);
  }
  return { what: `HAProxy ${version}`, origin, pid: child.pid!, close };
}

async function versionOf(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['-v'], { timeout: 10_000 });
    return /version (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

/** Its defaults, but for connections that stay as open as everybody's do here. */
function configOf(port: number, dnsPort: number, slots: number): string {
  return `
defaults
  mode http
  timeout connect 1s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  http-reuse always

resolvers consul
  nameserver consul 127.0.0.1:${dnsPort}
  accepted_payload_size 8192
  hold valid 5s

frontend front
  bind 127.0.0.1:${port}
  default_backend web

backend web
  balance roundrobin
  default-server pool-purge-delay 600s
  server-template web ${slots} _web._tcp.service.consul resolvers consul resolve-prefer ipv4 init-addr none
`;
}

async function answers(origin: string, times: number): Promise<boolean> {
  try {
    for (let i = 0; i < times; i++) {
      const response = await fetch(origin);
      await response.text();
      if (!response.ok) return false;
    }
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
