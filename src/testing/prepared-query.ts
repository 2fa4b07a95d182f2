import type { Instance } from './catalogue.ts';
import type { QueryDefinition } from './definitions.ts';
import { shuffle } from './records.ts';
import { reach, visible, type World } from './world.ts';

export interface Executed {
  /** Already in the order they are to be sent in. */
  instances: Instance[];
  /** All of them are of this one (F7.3). */
  datacenter: string;
}

/** The own datacenter of the query first, then those of its failover that can be asked at all, until one has instances. */
export function execute(world: World, definition: QueryDefinition, own: string): Executed {
  const { service, tag = '', onlyPassing = false, failover = [] } = definition;
  for (const datacenter of [own, ...failover]) {
    if (reach(world, datacenter) !== 'ok') continue;
    const usable = visible(world, { kind: 'service', service, tag, datacenter });
    const instances = onlyPassing ? usable.filter(({ status }) => status === 'passing') : usable;
    if (instances.length > 0) return { instances: inOrder(world, definition, instances), datacenter };
  }
  return { instances: [], datacenter: own };
}

/** `Near` keeps its order on the way to the client, but for the one version that shuffles again (F1.10). */
function inOrder({ random, settings }: World, { near }: QueryDefinition, instances: Instance[]): Instance[] {
  shuffle(instances, random);
  if (near === undefined || settings.dialect.v2dns) return instances;
  const place = ({ node }: Instance) => {
    const at = near.findIndex((name) => name.toLowerCase() === node.name.toLowerCase());
    return at < 0 ? near.length : at;
  };
  return instances.sort((one, other) => place(one) - place(other));
}
