import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** `[imported module, types only]` for each import and re-export of a file; own modules as paths under src. */
function importsOf(file: string): [string, boolean][] {
  const text = readFileSync(join(src, file), 'utf8');
  const statements = text.matchAll(/^(?:import|export)\s+(type\s)?[^;]*?from '([^']+)';/gms);
  return Array.from(statements, ([, type, from]) => {
    const own = from!.startsWith('.');
    return [own ? relative(src, join(src, dirname(file), from!)) : from!, type !== undefined];
  });
}

/** Stages from left to right; each may import what stands left of it, and the root's small things. */
const stages = ['dns', 'resolver', 'service.ts', 'discovery.ts', 'adapter'];
const stageOf = (file: string) => stages.findIndex((stage) => file === stage || file.startsWith(`${stage}/`));

describe('the stages of the house', () => {
  it('import only to their left', () => {
    const wrong: string[] = [];
    for (const file of files) {
      const own = stageOf(file);
      for (const [imported] of importsOf(file))
        if (own >= 0 && stageOf(imported) > own) wrong.push(`${file} → ${imported}`);
    }
    expect(wrong).toEqual([]);
  });

  it('leave strategies alone: those import types, and values only from their own folder', () => {
    const strategies = files.filter((file) => file.startsWith('balancer/') && file !== 'balancer/index.ts');
    expect(strategies.length).toBeGreaterThan(3);
    for (const file of strategies) {
      const foreign = importsOf(file).filter(([from, type]) => !type && !/^balancer\/(?!index)/.test(from));
      expect([file, foreign]).toEqual([file, []]);
    }
  });

  it('do not know the adapters: importing the root loads none', () => {
    const inner = files.filter((file) => !file.startsWith('adapter/'));
    for (const file of inner) {
      const known = importsOf(file).filter(([imported]) => imported.startsWith('adapter/'));
      expect([file, known]).toEqual([file, []]);
    }
  });

  it('do not know the command line or the testing tools', () => {
    const inner = files.filter((file) => !/^(cli|testing)\//.test(file));
    for (const file of inner) {
      expect([file, importsOf(file).filter(([imported]) => /^(cli|testing)\//.test(imported))]).toEqual([
        file,
        [],
      ]);
    }
  });

  it('need nothing but Node and the three runtime dependencies', () => {
    // Optional peers are known by their types, and loaded where they are used.
    const byValue = files.flatMap((file) => importsOf(file).filter(([, type]) => !type));
    const foreign = new Set(byValue.map(([imported]) => imported));
    for (const file of files) foreign.delete(file);
    const outside = [...foreign].filter((name) => !name.startsWith('node:'));
    expect(outside.sort()).toEqual(['dns-packet', 'lru-cache', 'p-retry']);
  });

  it('reach the public surface by name', () => {
    const surfaces = ['index.ts', 'testing/index.ts'];
    for (const file of surfaces) expect(readFileSync(join(src, file), 'utf8')).not.toContain('export *');
  });

  it('hold no drawer', () => {
    expect(files.filter((file) => /util|helper|common|misc/i.test(file))).toEqual([]);
  });
});
