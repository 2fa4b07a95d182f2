import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { Engine } from './engine.ts';
import { labels } from './leftovers.ts';

/** A binary that is put into an image finds these there. */
export const consulPath = '/bin/consul';
export const dataDirectory = '/consul/data';

const dockerfile = `FROM scratch
COPY root /
WORKDIR ${dataDirectory}
ENTRYPOINT ["${consulPath}"]
`;

/** An image of nothing but this Consul, and the libraries it loads: nothing is pulled. Returns its name. */
export async function buildImage(engine: Engine, binary: string): Promise<string> {
  const name = `consul-dns-balancer-test:${process.pid}`;
  const directory = await mkdtemp(join(tmpdir(), 'consul-image-'));
  try {
    await writeFile(join(directory, 'Dockerfile'), dockerfile);
    const files = [
      [resolve(binary), consulPath] as const,
      ...(await librariesOf(binary)).map((path) => [path, path] as const),
    ];
    for (const [from, to] of files) {
      const place = join(directory, 'root', to);
      await mkdir(dirname(place), { recursive: true });
      await symlink(from, place);
    }
    // Links are followed: packing copies the binary once, to the engine.
    const context = spawn('tar', ['-C', directory, '-ch', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const progress = await engine.buildImage(context.stdout as Readable, { t: name, labels });
    await new Promise<void>((built, failed) => {
      engine.modem.followProgress(progress, (error) => (error ? failed(error) : built()));
    });
    return name;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** None for a static binary, which is what upstream publishes; Debian's is dynamic. */
async function librariesOf(binary: string): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)('ldd', [binary]);
    return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
  } catch {
    return [];
  }
}
