import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, copyFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ChildServer } from './child-server.ts';

const run = promisify(execFile);
const home = '/usr/lib/postgresql';

/** `POSTGRES_BIN`, else the newest of Debian's. */
export function findPostgres(): string | undefined {
  const installed = existsSync(home) ? readdirSync(home).sort((a, b) => Number(b) - Number(a)) : [];
  const paths = installed.map((version) => join(home, version, 'bin/postgres'));
  return process.env['POSTGRES_BIN'] || paths.find((path) => existsSync(path));
}

export interface Postgres {
  readonly port: number;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/** One server for each port, each with a database of its own; a user `app` may do everything without a password. */
export async function startPostgres(
  binary: string,
  ports: readonly number[],
): Promise<{ servers: Postgres[]; stop(): Promise<void> }> {
  const user = await unprivileged();
  const root = await mkdtemp(join(tmpdir(), 'postgres-'));
  const own = async (path: string) => user && (await chown(path, user.uid, user.gid));
  await own(root);
  const first = join(root, 'first');
  const asUser = { ...user, cwd: '/' };
  const fresh = ['-D', first, '-U', 'app', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await run(join(dirname(binary), 'initdb'), fresh, asUser);
  const tls = fileURLToPath(new URL('../fixtures/tls/', import.meta.url));
  for (const name of ['web.pem', 'web-key.pem']) {
    await copyFile(join(tls, name), join(first, name));
    await chmod(join(first, name), 0o600);
    await own(join(first, name));
  }
  const children = await Promise.all(
    ports.map(async (port) => {
      const data = join(root, String(port));
      if (user === undefined) await cp(first, data, { recursive: true });
      else await run('cp', ['-a', first, data], asUser);
      const settings = {
        port,
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
        fsync: 'off',
        ssl: 'on',
        ssl_cert_file: 'web.pem',
        ssl_key_file: 'web-key.pem',
        shared_buffers: '8MB',
      };
      const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
      const ready = /database system is ready to accept connections/;
      const child = new ChildServer({ path: binary, args: ['-D', data, ...args], ...user, ready });
      await child.start();
      return child;
    }),
  );
  return {
    servers: children.map((child, i) => ({
      port: ports[i]!,
      // Ends all of its sessions at once, without a word to the disk: what a crash looks like from outside.
      kill: () => child.end('SIGQUIT'),
      restart: () => child.start(),
    })),
    stop: async () => {
      await Promise.all(children.map((child) => child.end('SIGQUIT')));
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** It does not run as root; Debian's package brings a user for it. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const ids = await Promise.all(['-u', '-g'].map((which) => run('id', [which, 'postgres'])));
  const [uid, gid] = ids.map(({ stdout }) => Number(stdout));
  return { uid: uid!, gid: gid! };
}
