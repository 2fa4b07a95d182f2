import type { CatalogueNode, Instance } from '../catalogue.ts';
import type { Kind } from '../instance-index.ts';
import type { Context } from './context.ts';
import { tablesOf } from './indexes.ts';
import type { Question } from './request.ts';

/** The instances of a service that have all the tags asked for and stand on a node with the metadata asked for. */
export function instancesOf(
  { catalogue }: Context,
  question: Question,
  kind: Kind,
  datacenter: string,
): Instance[] {
  const tags = question.query.getAll('tag').map((tag) => tag.toLowerCase());
  const peer = question.value('peer') || undefined;
  return catalogue
    .instances({ kind, service: question.rest, datacenter, peer })
    .filter(
      (instance) =>
        tags.every((wanted) => instance.tags.some((tag) => tag.toLowerCase() === wanted)) &&
        hasNodeMeta(instance.node, question),
    );
}

/** `?node-meta=key:value`, which may stand there several times. */
export function hasNodeMeta({ meta }: CatalogueNode, { query }: Question): boolean {
  return query.getAll('node-meta').every((pair) => {
    const [key = '', value = ''] = pair.split(':', 2);
    return meta[key] === value;
  });
}

/**
 * That of the service, which its own changes move and those of its checks and nodes; of one that does not exist, when the last
 * of any service went, or where none ever did, that of the whole catalogue.
 */
export function serviceIndex(
  { indexes }: Context,
  name: string,
  kind: Kind,
  datacenter: string,
  withChecks: boolean,
): number {
  const { nodes, services, checks, extinction, service } = tablesOf(datacenter);
  const all = [nodes, services, ...(withChecks ? [checks] : [])];
  if (kind !== 'service') return indexes.highest(...all);
  return indexes.of(service(name)) ?? indexes.of(extinction) ?? indexes.highest(...all);
}
