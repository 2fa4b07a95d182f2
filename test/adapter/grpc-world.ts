import { afterEach } from 'vitest';
import { createDiscoveryIn, type Discovery } from '../../src/discovery.ts';
import type { ServiceName } from '../../src/dns/name.ts';
import type { DiscoveryOptions, DiscoveryWarning } from '../../src/index.ts';
import { createRandom } from '../../src/random.ts';
import type { Resolver } from '../../src/resolver/resolver.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { type ScriptedSource, scriptedSource } from '../scripted-source.ts';
import type { EchoServer } from './grpc-servers.ts';

const open: Discovery[] = [];
export async function closeWorlds(): Promise<void> {
  for (const discovery of open.splice(0)) await discovery.close();
}
afterEach(closeWorlds);

/** A discovery over scripted lists, in a world whose time stands still. */
export function world(answer: ScriptedSource['answer'] = 'abc', options: DiscoveryOptions = {}) {
  const source = scriptedSource(answer);
  /** What was asked for. */
  const names: ServiceName[] = [];
  const recorded: Resolver = {
    resolve: (name, rest) => {
      names.push(name);
      return source.resolve(name, rest);
    },
  };
  const clock = createFakeClock();
  const warnings: DiscoveryWarning[] = [];
  const discovery = createDiscoveryIn(
    { clock, random: createRandom(1), env: {} },
    { source: recorded, onWarning: (warning) => void warnings.push(warning), ttl: { jitter: 0 }, ...options },
  );
  open.push(discovery);
  return { clock, source, names, warnings, discovery };
}

export const listOf = (...servers: EchoServer[]) => ({ addresses: servers.map(({ address }) => address) });
