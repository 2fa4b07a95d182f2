import { isIP } from 'node:net';
import type {
  NamedPort,
  NodeDefinition,
  QueryDefinition,
  RegisteredService,
  ServiceDefinition,
  Status,
  Weights,
} from './definitions.ts';
import { createIndex, type Lookup } from './instance-index.ts';
import { choosePorts } from './ports.ts';

/**
 * What the double's Consul knows: nodes, service instances with their health, prepared queries, mesh addresses.
 *
 * Looked up without regard to letter case, like Consul's catalogue; what is given out keeps its registered spelling.
 */
export interface CatalogueNode {
  name: string;
  address: string;
  meta: Record<string, string>;
  datacenter: string;
  peer: string | undefined;
  taggedAddresses: NonNullable<NodeDefinition['taggedAddresses']>;
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
  status: Status;
  taggedAddresses: NonNullable<ServiceDefinition['taggedAddresses']>;
  sidecarFor: string | undefined;
  native: boolean;
  ingressFor: readonly string[];
}

export interface Catalogue {
  readonly ownNode: CatalogueNode;
  addNode(definition: NodeDefinition): void;
  register(definition: ServiceDefinition): RegisteredService;
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
export type OwnNode = NodeDefinition & Required<Pick<NodeDefinition, 'meta' | 'datacenter'>>;

const CONSUL_SERVER_PORT = 8300;

export function createCatalogue(own: OwnNode): Catalogue {
  const nodes = new Map<string, CatalogueNode>();
  const index = createIndex();
  const queries = new Map<string, QueryDefinition>();
  const virtual = new Map<string, string>();
  let registered = 0;

  const nodeKey = (name: string, datacenter: string, peer = '') =>
    (peer === '' ? `${datacenter}/${name}` : `peer ${peer}/${name}`).toLowerCase();
  const key = (name: string, place = '') => `${place}/${name}`.toLowerCase();

  const addNode = (definition: NodeDefinition): CatalogueNode => {
    const { meta = own.meta, datacenter = own.datacenter, peer, taggedAddresses = {}, server } = definition;
    const { name, address } = definition;
    const at = nodeKey(name, datacenter, peer);
    // The same object where it was known: its instances move with it.
    const node = Object.assign(nodes.get(at) ?? {}, {
      name,
      address,
      meta,
      datacenter,
      peer,
      taggedAddresses,
    });
    nodes.set(at, node);
    if (server) add({ name: 'consul', id: 'consul', port: CONSUL_SERVER_PORT }, node);
    return node;
  };

  const add = (definition: ServiceDefinition, node: CatalogueNode): Instance => {
    const instance: Instance = {
      name: definition.name,
      id: definition.id ?? `${definition.name}-${++registered}`,
      node,
      address: definition.address ?? '',
      ...choosePorts(definition),
      tags: definition.tags ?? [],
      weights: definition.weights ?? { passing: 1, warning: 1 },
      status: definition.status ?? 'passing',
      taggedAddresses: { ...ownAddresses(definition), ...definition.taggedAddresses },
      sidecarFor: definition.sidecarFor,
      native: definition.native ?? false,
      ingressFor: definition.ingressFor ?? [],
    };
    index.add(instance);
    return instance;
  };

  /** A service of another datacenter or of a peer without a node stands on one named like the own. */
  const nodeFor = ({
    node = own.name,
    datacenter = own.datacenter,
    peer,
  }: ServiceDefinition): CatalogueNode => {
    const known = nodes.get(nodeKey(node, datacenter, peer));
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
    register: (definition) => {
      const instance = add(definition, nodeFor(definition));
      return {
        id: instance.id,
        setStatus: (status) => {
          instance.status = status;
        },
        setTags: (tags) => {
          instance.tags = tags;
        },
        setWeights: (weights) => {
          instance.weights = weights;
        },
        deregister: () => {
          index.remove(instance);
        },
      };
    },
    addQuery: (definition) => {
      queries.set(key(definition.name, definition.datacenter ?? own.datacenter), definition);
    },
    setVirtualAddress: (service, address, peer) => {
      if (address === undefined) virtual.delete(key(service, peer));
      else virtual.set(key(service, peer), address);
    },
    node: (name, datacenter, peer) => nodes.get(nodeKey(name, datacenter, peer)),
    usable: (lookup) => index.find(lookup).filter(({ status }) => status !== 'critical'),
    query: (name, datacenter) => queries.get(key(name, datacenter)),
    virtualAddress: (service, peer) => virtual.get(key(service, peer)),
    knowsDatacenter: (name) => [...nodes.values()].some((node) => isIn(node, name)),
    nodeAt: (address, datacenter) =>
      firstByName([...nodes.values()].filter((node) => isIn(node, datacenter) && node.address === address)),
    instanceAt: (address, datacenter) =>
      firstByName(index.all().filter((one) => isIn(one.node, datacenter) && one.address === address)),
  };
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

function isIn({ datacenter, peer }: CatalogueNode, wanted: string): boolean {
  return peer === undefined && datacenter.toLowerCase() === wanted.toLowerCase();
}

function firstByName<T extends { name: string }>(found: T[]): T | undefined {
  return found.sort((one, other) => (one.name < other.name ? -1 : 1))[0];
}
