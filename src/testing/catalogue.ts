import type {
  NamedPort,
  NodeDefinition,
  QueryDefinition,
  RegisteredService,
  ServiceDefinition,
  Status,
  Weights,
} from './definitions.ts';
import { bareCheck, type Checks, serfHealth } from './http/check.ts';
import { Indexes } from './http/indexes.ts';
import { StateStore } from './http/state-store.ts';
import type { Lookup } from './instance-index.ts';

/**
 * What the double's Consul knows: nodes, service instances with their health, prepared queries, mesh addresses.
 *
 * Looked up without regard to letter case, like Consul's catalogue; what is given out keeps its registered spelling.
 */
export interface CatalogueNode {
  name: string;
  /** '' where no agent runs there. */
  id: string;
  address: string;
  meta: Record<string, string>;
  datacenter: string;
  peer: string | undefined;
  taggedAddresses: NonNullable<NodeDefinition['taggedAddresses']>;
  /** Of the node itself: a critical one takes all its instances out of DNS. */
  checks: Checks;
  createIndex: number;
  modifyIndex: number;
}

export interface Instance {
  name: string;
  id: string;
  node: CatalogueNode;
  address: string;
  /** The default one where there are several. */
  port: number;
  ports: readonly NamedPort[];
  tags: readonly string[];
  weights: Weights;
  /** null where none was given. */
  meta: Readonly<Record<string, string>> | null;
  enableTagOverride: boolean;
  checks: Checks;
  /** The worst of its checks and its node's. */
  readonly status: Status;
  taggedAddresses: NonNullable<ServiceDefinition['taggedAddresses']>;
  sidecarFor: string | undefined;
  native: boolean;
  ingressFor: readonly string[];
  createIndex: number;
  modifyIndex: number;
}

export interface Catalogue {
  readonly ownNode: CatalogueNode;
  addNode(definition: NodeDefinition): void;
  register(definition: ServiceDefinition): RegisteredService;
  /** What is written past a user's definitions: by the HTTP API. */
  readonly store: StateStore;
  /** Sorted by name. */
  nodesIn(datacenter: string): CatalogueNode[];
  /** Sorted by node and id; critical ones too. */
  instances(lookup: Lookup): Instance[];
  /** Sorted by id. */
  instancesOn(node: CatalogueNode): Instance[];
  datacenters(): string[];
  addQuery(definition: QueryDefinition): void;
  /** undefined takes it away. */
  setVirtualAddress(service: string, address: string | undefined, peer?: string): void;
  node(name: string, datacenter: string, peer?: string): CatalogueNode | undefined;
  /** A new list of the instances that are not critical (F6.2). */
  usable(lookup: Lookup): Instance[];
  query(name: string, datacenter: string): QueryDefinition | undefined;
  virtualAddress(service: string, peer: string | undefined): string | undefined;
  knowsDatacenter(name: string): boolean;
  /** The first by name that has the address, as a reverse lookup finds it. */
  nodeAt(address: string, datacenter: string): CatalogueNode | undefined;
  instanceAt(address: string, datacenter: string): Instance | undefined;
}

/** The own node: it says of itself what the others need not. */
export type OwnNode = NodeDefinition &
  Required<Pick<NodeDefinition, 'meta' | 'datacenter'>> & {
    /** What the servers' own service says of itself. */
    consul?: Partial<ServiceDefinition>;
  };

const CONSUL_SERVER_PORT = 8300;

export function createCatalogue(own: OwnNode, indexes = new Indexes(), newId = () => ''): Catalogue {
  const store = new StateStore(indexes, newId);
  const { instances } = store;
  const queries = new Map<string, QueryDefinition>();
  const virtual = new Map<string, string>();
  const key = (name: string, place = '') => `${place}/${name}`.toLowerCase();

  const addNode = (definition: NodeDefinition): CatalogueNode =>
    indexes.write(() => {
      const { name, meta = own.meta, datacenter = own.datacenter, peer } = definition;
      const isNew = store.node(name, datacenter, peer) === undefined;
      const node = store.putNode({ ...definition, meta, datacenter });
      if (isNew) store.putCheck(node, serfHealth());
      if (definition.server)
        store.put({ name: 'consul', id: 'consul', port: CONSUL_SERVER_PORT, ...own.consul }, node);
      return node;
    });

  /** Of what a user's test registers: it has a check only once it says how it is. */
  const setStatus = (instance: Instance, status: Status) => {
    const id = `service:${instance.id}`;
    const known = instance.checks.get(id) ?? {
      ...bareCheck(id, `Service '${instance.name}' check`, status),
      type: 'ttl',
    };
    store.putCheck(instance, { ...known, status });
  };

  /** A service of another datacenter or of a peer without a node stands on one named like the own. */
  const nodeFor = ({
    node = own.name,
    datacenter = own.datacenter,
    peer,
  }: ServiceDefinition): CatalogueNode => {
    const known = store.node(node, datacenter, peer);
    if (known !== undefined) return known;
    const where = peer === undefined ? datacenter : `the peer ${peer}`;
    if (node !== own.name) throw new Error(`no node ${node} in ${where}: add it with addNode() first`);
    return addNode({ ...own, server: false, datacenter, ...(peer === undefined ? {} : { peer }) });
  };

  const ownNode = addNode(own);
  return {
    ownNode,
    addNode: (definition) => {
      addNode(definition);
    },
    store,
    nodesIn: (datacenter) =>
      store
        .nodes()
        .filter((node) => isIn(node, datacenter))
        .sort(orderedByName),
    instances: (lookup) => instances.find(lookup).sort(byPlace),
    instancesOn: (node) => instances.onNode(node).sort(byPlace),
    datacenters: () =>
      [
        ...new Set(
          store
            .nodes()
            .filter(({ peer }) => peer === undefined)
            .map((node) => node.datacenter),
        ),
      ].sort(),
    register: (definition) =>
      indexes.write(() => {
        const node = nodeFor(definition);
        // Not a registration with the agent, which keeps the checks: what was there before is gone.
        const replaced = definition.id === undefined ? undefined : instances.byId(node, definition.id);
        if (replaced !== undefined) store.remove(replaced);
        const instance = store.put(definition, node);
        if (definition.status !== undefined) setStatus(instance, definition.status);
        return {
          id: instance.id,
          setStatus: (status) => setStatus(instance, status),
          setTags: (tags) => store.change(instance, { tags }),
          setWeights: (weights) => store.change(instance, { weights }),
          deregister: () => store.remove(instance),
        };
      }),
    addQuery: (definition) => {
      queries.set(key(definition.name, definition.datacenter ?? own.datacenter), definition);
    },
    setVirtualAddress: (service, address, peer) => {
      if (address === undefined) virtual.delete(key(service, peer));
      else virtual.set(key(service, peer), address);
    },
    node: (name, datacenter, peer) => store.node(name, datacenter, peer),
    usable: (lookup) => instances.find(lookup).filter(({ status }) => status !== 'critical'),
    query: (name, datacenter) => queries.get(key(name, datacenter)),
    virtualAddress: (service, peer) => virtual.get(key(service, peer)),
    knowsDatacenter: (name) => store.nodes().some((node) => isIn(node, name)),
    nodeAt: (address, datacenter) =>
      firstByName(store.nodes().filter((node) => isIn(node, datacenter) && node.address === address)),
    instanceAt: (address, datacenter) =>
      firstByName(instances.all().filter((one) => isIn(one.node, datacenter) && one.address === address)),
  };
}

export function orderedByName(one: { name: string }, other: { name: string }): number {
  return compared(one.name.toLowerCase(), other.name.toLowerCase());
}

function byPlace(one: Instance, other: Instance): number {
  return orderedByName(one.node, other.node) || compared(one.id.toLowerCase(), other.id.toLowerCase());
}

function compared(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function isIn({ datacenter, peer }: CatalogueNode, wanted: string): boolean {
  return peer === undefined && datacenter.toLowerCase() === wanted.toLowerCase();
}

function firstByName<T extends { name: string }>(found: T[]): T | undefined {
  return found.sort((one, other) => (one.name < other.name ? -1 : 1))[0];
}
