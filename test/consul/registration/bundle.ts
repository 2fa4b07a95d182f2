import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'vite';

/** Programs in processes of their own cannot import TypeScript: this is `src` as they can. */
export async function bundle(): Promise<{ url: (entry: string) => string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'consul-registration-'));
  const source = (path: string) => fileURLToPath(new URL(`../../../src/${path}`, import.meta.url));
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: true,
      outDir: directory,
      target: 'node20',
      rollupOptions: {
        input: { consul: source('consul/index.ts') },
        output: { entryFileNames: '[name].mjs' },
      },
    },
    ssr: { noExternal: true },
  });
  return {
    url: (entry) => pathToFileURL(join(directory, `${entry}.mjs`)).href,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
