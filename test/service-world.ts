import { afterEach } from 'vitest';
import { createDiscoveryIn, type Discovery } from '../src/discovery.ts';
import type { DiscoveryOptions, DiscoveryWarning, Endpoint, ServiceOptions } from '../src/index.ts';
import { createRandom } from '../src/random.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { letterOf } from './lists.ts';
import { type ScriptedSource, scriptedSource } from './scripted-source.ts';

const open: Discovery[] = [];
afterEach(async () => {
  for (const discovery of open.splice(0)) await discovery.close();
});

/** A ready service `web` over scripted lists, in a world whose time stands still. */
export async function readyWorld(
  options: ServiceOptions = {},
  list: ScriptedSource['answer'] = 'abc',
  rest: DiscoveryOptions = {},
) {
  const clock = createFakeClock();
  const warnings: DiscoveryWarning[] = [];
  const source = scriptedSource(list);
  const discovery = createDiscoveryIn(
    { clock, random: createRandom(1) },
    { source, onWarning: (warning) => void warnings.push(warning), ttl: { jitter: 0 }, ...rest },
  );
  open.push(discovery);
  const web = discovery.service('web', options);
  await web.ready();
  return { clock, source, warnings, discovery, web };
}

export const letters = (endpoints: readonly Endpoint[]) =>
  endpoints.map(({ host }) => letterOf(host)).join('');
