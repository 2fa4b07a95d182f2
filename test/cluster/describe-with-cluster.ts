import { describe, test } from 'vitest';
import { type Engine, findEngine } from './engine.ts';
import { buildImage } from './image.ts';
import { removeLeftovers } from './leftovers.ts';

interface Found {
  readonly engine: Engine;
  /** A Consul binary to make an image of, or the name of an image. */
  readonly consul: { readonly path: string } | { readonly image: string };
}

async function find(): Promise<Found | string> {
  const { findConsul } = await import('../integration/consul-agent.ts');
  const consul = await findConsul();
  if (consul.kind === 'none') return consul.reason;
  const engine = await findEngine();
  if (engine === undefined) return 'no Docker engine answers (.ci/docker.sh starts one)';
  return { engine, consul };
}

// It takes minutes and an engine, so it runs where it is asked for by name, and there only.
const wanted = process.env['CONSUL_CLUSTER'] === 'true';
const found = wanted ? await find() : 'it takes minutes: npm run test:cluster';

/** `describe` for suites that need a cluster: without an engine skipped, with a word why, or failed where `CI=true`. */
export function describeWithCluster(
  title: string,
  suite: (makeReady: () => Promise<{ engine: Engine; image: string }>) => void,
): void {
  if (typeof found !== 'string') {
    describe(title, () => suite(() => makeReady(found)));
  } else if (wanted && process.env['CI'] === 'true') {
    describe(title, () => {
      test('finds a Consul and a Docker engine', () => {
        throw new Error(found);
      });
    });
  } else {
    console.warn(`skipped: ${title}: ${found}`);
    describe.skip(title, () => {
      test('needs a cluster', () => {});
    });
  }
}

async function makeReady({ engine, consul }: Found): Promise<{ engine: Engine; image: string }> {
  await removeLeftovers(engine);
  return { engine, image: 'path' in consul ? await buildImage(engine, consul.path) : consul.image };
}
