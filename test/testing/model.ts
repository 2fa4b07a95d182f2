import { createRandom } from '../../src/random.ts';
import { answer } from '../../src/testing/answers.ts';
import { createCatalogue } from '../../src/testing/catalogue.ts';
import type { Query } from '../../src/testing/query.ts';
import { reply, type Transport } from '../../src/testing/reply.ts';
import { type Settings, settingsFrom } from '../../src/testing/settings.ts';
import { agentMetadata } from '../../src/testing/versions.ts';
import { fullAccess } from '../../src/testing/world.ts';
import { type Reply, read } from './ask.ts';
import type { Version } from './captures.ts';

/** What the double would send, without its sockets: for sweeps over many sizes. */
export interface Layout {
  version: Version;
  service: string;
  count: number;
  /** Addresses of their own on one node or on a node each, one node address each, or one address in all. */
  where: 'one node' | 'own nodes' | 'node targets' | 'ports';
  node?: string;
  /** Name of each further node; default nd-0000, nd-0001 … */
  nodeName?: (index: number) => string;
  meta?: Record<string, string>;
  settings?: Partial<Settings>;
}

export function layOut({ version, service, count, where, node = 'n1', ...more }: Layout) {
  const { meta = agentMetadata(version), nodeName = (index) => `nd-${String(index).padStart(4, '0')}` } =
    more;
  const catalogue = createCatalogue({ name: node, address: '127.0.0.1', meta, datacenter: 'dc1' });
  for (let index = 0; index < count; index++) {
    const own = where === 'own nodes' || where === 'node targets' ? nodeName(index) : node;
    const address = `10.20.${index >> 8}.${index & 255}`;
    if (own !== node) catalogue.addNode({ name: own, address });
    const port = 10_000 + index;
    const onNode = where === 'node targets' || where === 'ports';
    catalogue.register({ name: service, node: own, port, ...(onNode ? {} : { address }) });
  }
  const settings: Settings = { ...settingsFrom({ version }), ...more.settings };
  const world = { settings, catalogue, random: createRandom(1), access: fullAccess() };
  return (type: 1 | 33, transport: Transport, edns?: number): Reply => {
    const query: Query = { id: 1, flags: 0x100, name: `${service}.service.consul`, type, class: 1, edns };
    return read(reply(query, answer(world, query), settings, transport)!);
  };
}

/** Each count at which an SRV reply lacks instances: 'count→answers (bytes)'. */
export function holes(
  layout: Omit<Layout, 'count'>,
  [from, to]: readonly [number, number],
  size: number | 'tcp',
): string[] {
  const found: string[] = [];
  for (let count = from; count <= to; count++) {
    const ask = layOut({ ...layout, count });
    const { answers, bytes } = size === 'tcp' ? ask(33, 'tcp') : ask(33, 'udp', size);
    if (answers.length < count) found.push(`${count}→${answers.length} (${bytes.length} B)`);
  }
  return found;
}

/** Up to this many instances come whole; then one is missing; then all come without metadata. */
export function regions(layout: Omit<Layout, 'count'>, edns: number) {
  const seen = { whole: [] as number[], hole: [] as number[], bare: [] as number[] };
  for (let count = 1; count <= 70; count++) {
    const { answers, additionals } = layOut({ ...layout, count })(33, 'udp', edns);
    if (answers.length < count - 1) break;
    if (answers.length < count && seen.bare.length > 0) break;
    if (answers.length < count) seen.hole.push(count);
    else if (additionals.length > answers.length) seen.whole.push(count);
    else seen.bare.push(count);
  }
  const range = (counts: number[]) => `${counts[0]}-${counts.at(-1)}`;
  return `whole ${range(seen.whole)}, hole ${seen.hole.join() || 'none'}, bare ${range(seen.bare)}`;
}
