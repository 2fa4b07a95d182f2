import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { CatalogueNode, Instance } from '../catalogue.ts';
import type { NodeDefinition, ServiceDefinition } from '../definitions.ts';
import { createIndex, type InstanceIndex } from '../instance-index.ts';
import { choosePorts } from '../ports.ts';
import { type CheckContent, type Checks, sameContent, worst } from './check.ts';
import { type Indexes, tablesOf } from './indexes.ts';

/** A node as it is written: whoever writes it knows what it says of itself. */
export type WrittenNode = NodeDefinition &
  Required<Pick<NodeDefinition, 'meta' | 'datacenter'>> & { id?: string };

/**
 * Consul's state store: nodes, service instances and checks, and the index of each change. What changes nothing moves no index.
 * Looked up without regard to letter case; what is given out keeps its registered spelling.
 */
export class StateStore {
  readonly indexes: Indexes;
  readonly instances: InstanceIndex = createIndex();
  readonly #nodes = new Map<string, CatalogueNode>();
  readonly #newId: () => string;
  #registered = 0;

  /** @param newId the id of a node that comes without one. */
  constructor(indexes: Indexes, newId: () => string) {
    this.indexes = indexes;
    this.#newId = newId;
  }

  nodes(): CatalogueNode[] {
    return [...this.#nodes.values()];
  }

  node(name: string, datacenter: string, peer?: string): CatalogueNode | undefined {
    return this.#nodes.get(nodeKey(name, datacenter, peer));
  }

  putNode(definition: WrittenNode): CatalogueNode {
    const { name, address, meta, datacenter, peer, taggedAddresses = {} } = definition;
    return this.indexes.write((index) => {
      const known = this.node(name, datacenter, peer);
      const id = definition.id ?? known?.id ?? this.#newId();
      const content = { name, id, address, meta, datacenter, peer, taggedAddresses };
      if (known !== undefined && isDeepStrictEqual(content, contentOf(known))) return known;
      // The same object where it was known: its instances move with it.
      const node = Object.assign(known ?? { checks: new Map(), createIndex: index }, content, {
        modifyIndex: index,
      });
      this.#nodes.set(nodeKey(name, datacenter, peer), node);
      this.indexes.touch(tables(node).nodes);
      this.#touchServicesOn(node);
      return node;
    });
  }

  /** With all that is on it. */
  removeNode(node: CatalogueNode): void {
    this.indexes.write(() => {
      for (const instance of this.instances.onNode(node)) this.remove(instance);
      this.#nodes.delete(nodeKey(node.name, node.datacenter, node.peer));
      this.indexes.touch(tables(node).nodes, tables(node).checks);
    });
  }

  /** Takes the place of the instance with the same id on the node, and has its checks. */
  put(definition: ServiceDefinition, node: CatalogueNode): Instance {
    return this.indexes.write((index) => {
      const id = definition.id ?? `${definition.name}-${++this.#registered}`;
      const known = this.instances.byId(node, id);
      const content = contentFrom(definition, id);
      if (known !== undefined && isDeepStrictEqual(content, pick(known, content))) return known;
      const checks: Checks = known?.checks ?? new Map();
      const instance: Instance = {
        ...content,
        node,
        checks,
        createIndex: known?.createIndex ?? index,
        modifyIndex: index,
        get status() {
          return worst(checks.values(), node.checks.values());
        },
      };
      this.instances.add(instance);
      this.#touchService(instance);
      if (known !== undefined && known.name !== instance.name) this.#touchLeft(known);
      return instance;
    });
  }

  remove(instance: Instance): void {
    if (!this.isThere(instance)) return;
    this.indexes.write(() => {
      this.instances.remove(instance);
      const { services, checks } = tables(instance.node);
      this.indexes.touch(services);
      if (instance.checks.size > 0) this.indexes.touch(checks);
      this.#touchLeft(instance);
    });
  }

  change(instance: Instance, changes: Partial<Pick<Instance, 'tags' | 'weights'>>): void {
    if (!this.isThere(instance)) return;
    this.indexes.write((index) => {
      Object.assign(instance, changes, { modifyIndex: index });
      this.#touchService(instance);
    });
  }

  putCheck(of: Instance | CatalogueNode, check: CheckContent): void {
    const known = of.checks.get(check.id);
    if (!this.isThere(of) || (known !== undefined && sameContent(known, check))) return;
    this.indexes.write((index) => {
      of.checks.set(check.id, { ...check, createIndex: known?.createIndex ?? index, modifyIndex: index });
      this.#touchChecks(of);
    });
  }

  removeCheck(of: Instance | CatalogueNode, id: string): void {
    if (!of.checks.has(id)) return;
    this.indexes.write(() => {
      of.checks.delete(id);
      this.#touchChecks(of);
    });
  }

  /** Whoever holds an instance that has left may still turn its knobs: nothing comes of it. */
  isThere(of: Instance | CatalogueNode): boolean {
    return !('node' in of) || this.instances.byId(of.node, of.id) === of;
  }

  #touchService({ node, name }: Instance): void {
    const { services, service } = tables(node);
    this.indexes.touch(services, service(name));
  }

  /** What a node shows is part of what each of its services shows. */
  #touchServicesOn(node: CatalogueNode): void {
    for (const { name } of this.instances.onNode(node)) this.indexes.touch(tables(node).service(name));
  }

  #touchChecks(of: Instance | CatalogueNode): void {
    const node = 'node' in of ? of.node : of;
    this.indexes.touch(tables(node).checks);
    if ('node' in of) this.indexes.touch(tables(node).service(of.name));
    else this.#touchServicesOn(node);
  }

  /** The last instance of a service takes the service's index with it. */
  #touchLeft({ node, name }: Instance): void {
    const { service, extinction } = tables(node);
    const { datacenter, peer } = node;
    if (this.instances.find({ kind: 'service', service: name, datacenter, peer }).length > 0) {
      this.indexes.touch(service(name));
    } else {
      this.indexes.forget(service(name));
      this.indexes.touch(extinction);
    }
  }
}

type ServiceContent = Omit<Instance, 'node' | 'checks' | 'status' | 'createIndex' | 'modifyIndex'>;

function contentFrom(definition: ServiceDefinition, id: string): ServiceContent {
  return {
    name: definition.name,
    id,
    address: definition.address ?? '',
    ...choosePorts(definition),
    tags: definition.tags ?? [],
    weights: definition.weights ?? { passing: 1, warning: 1 },
    meta: definition.meta ?? null,
    enableTagOverride: definition.enableTagOverride ?? false,
    taggedAddresses: { ...ownAddresses(definition), ...definition.taggedAddresses },
    sidecarFor: definition.sidecarFor,
    native: definition.native ?? false,
    ingressFor: definition.ingressFor ?? [],
  };
}

function pick(instance: Instance, like: ServiceContent): object {
  return Object.fromEntries(Object.keys(like).map((key) => [key, instance[key as keyof ServiceContent]]));
}

function contentOf({ name, id, address, meta, datacenter, peer, taggedAddresses }: CatalogueNode) {
  return { name, id, address, meta, datacenter, peer, taggedAddresses };
}

/** An agent that registers a service tags its address by family, unless it was told another (F2.11). */
function ownAddresses({
  address = '',
  port = 0,
  ports,
}: ServiceDefinition): ServiceDefinition['taggedAddresses'] {
  const own = { address, port: ports?.find((one) => one.default)?.port ?? port };
  if (isIP(address) === 4) return { lan_ipv4: own, wan_ipv4: own };
  return isIP(address) === 6 ? { lan_ipv6: own, wan_ipv6: own } : {};
}

function nodeKey(name: string, datacenter: string, peer = ''): string {
  return (peer === '' ? `${datacenter}/${name}` : `peer ${peer}/${name}`).toLowerCase();
}

function tables({ datacenter, peer }: CatalogueNode) {
  return tablesOf(peer === undefined ? datacenter.toLowerCase() : `peer ${peer.toLowerCase()}`);
}
