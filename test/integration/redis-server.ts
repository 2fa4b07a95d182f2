import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChildServer, findBinary } from './child-server.ts';

/** `REDIS_BIN`, else Debian's. */
export const findRedis = () => findBinary(process.env['REDIS_BIN'], '/usr/bin/redis-server');

export interface RedisServer {
  readonly port: number;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** One server for each port, which know nothing of each other and keep nothing. */
export async function startRedis(
  binary: string,
  ports: readonly number[],
  { tls = false } = {},
): Promise<{ servers: RedisServer[]; stop(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'redis-'));
  const certificate = (name: string) =>
    fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url));
  const children = await Promise.all(
    ports.map(async (port) => {
      const listening = tls
        ? [
            ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no'],
            ...['--tls-cert-file', certificate('web'), '--tls-key-file', certificate('web-key')],
            ...['--tls-ca-cert-file', certificate('ca')],
          ]
        : ['--port', String(port)];
      const args = [...listening, '--bind', '127.0.0.1', '--save', '', '--dir', directory];
      const child = new ChildServer({ path: binary, args, ready: /eady to accept connections/ });
      await child.start();
      return child;
    }),
  );
  return {
    servers: children.map((child, i) => ({
      port: ports[i]!,
      kill: () => child.end('SIGKILL'),
      restart: () => child.start(),
    })),
    stop: async () => {
      await Promise.all(children.map((child) => child.end('SIGKILL')));
      await rm(directory, { recursive: true, force: true });
    },
  };
}
