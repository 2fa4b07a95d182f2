import type { Instance } from './catalogue.ts';

/** Instances of a service itself, its mesh endpoints, or its ingress gateways (F1.12). */
export type Kind = 'service' | 'connect' | 'ingress';

export interface Lookup {
  kind: Kind;
  service: string;
  /** Of no meaning for a peer's services. */
  datacenter: string;
  peer?: string | undefined;
  /** An empty one means any. */
  tag?: string;
}

export interface InstanceIndex {
  /** Takes the place of the instance with the same id on the same node. */
  add(instance: Instance): void;
  remove(instance: Instance): void;
  /** A new list. */
  find(lookup: Lookup): Instance[];
  byId(node: object, id: string): Instance | undefined;
  /** A new list. */
  onNode(node: object): Instance[];
  all(): Instance[];
}

/** By every name an instance can be asked for: a catalogue may hold many services. */
export function createIndex(): InstanceIndex {
  const byName = new Map<string, Set<Instance>>();
  const byId = new Map<object, Map<string, Instance>>();
  const key = (kind: Kind, service: string) => `${kind}/${service}`.toLowerCase();

  const keysOf = ({ name, sidecarFor, native, ingressFor }: Instance): string[] => [
    key('service', name),
    ...(sidecarFor === undefined ? [] : [key('connect', sidecarFor)]),
    ...(native ? [key('connect', name)] : []),
    ...ingressFor.map((service) => key('ingress', service)),
  ];
  const remove = (instance: Instance) => {
    for (const name of keysOf(instance)) byName.get(name)?.delete(instance);
    const ids = byId.get(instance.node);
    if (ids?.get(instance.id) === instance) ids.delete(instance.id);
  };

  return {
    add: (instance) => {
      const ids = byId.get(instance.node) ?? new Map<string, Instance>();
      const replaced = ids.get(instance.id);
      if (replaced !== undefined) remove(replaced);
      byId.set(instance.node, ids.set(instance.id, instance));
      for (const name of keysOf(instance)) {
        byName.set(name, (byName.get(name) ?? new Set()).add(instance));
      }
    },
    remove,
    find: ({ kind, service, datacenter, peer, tag = '' }) =>
      [...(byName.get(key(kind, service)) ?? [])].filter(
        ({ node, tags }) =>
          (peer === undefined
            ? node.peer === undefined && same(node.datacenter, datacenter)
            : node.peer !== undefined && same(node.peer, peer)) &&
          (tag === '' || tags.some((other) => same(other, tag))),
      ),
    byId: (node, id) => byId.get(node)?.get(id),
    onNode: (node) => [...(byId.get(node)?.values() ?? [])],
    all: () => [...byId.values()].flatMap((ids) => [...ids.values()]),
  };
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
