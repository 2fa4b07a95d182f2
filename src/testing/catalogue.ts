/**
 * What the double's Consul knows: nodes, service instances with their health, prepared queries.
 *
 * Looked up without regard to letter case, like Consul's catalogue; what is given out keeps its registered spelling.
 */
export type Status = 'passing' | 'warning' | 'critical';

/** DNS weights, 0…65535; which of the two is sent depends on the status. */
export interface Weights {
  passing: number;
  warning: number;
}

export interface NodeDefinition {
  /** May contain dots. */
  name: string;
  /** IPv4, IPv6 or a host name. */
  address: string;
  /** Node metadata, sent as TXT records; default: what an agent of this version publishes, `{}` for none. */
  meta?: Record<string, string>;
  datacenter?: string;
}

export interface ServiceDefinition {
  name: string;
  /** Unique per node: another instance with the same id replaces this one. Default: name and a number. */
  id?: string;
  /** IPv4, IPv6 or a host name; without one the node's address. */
  address?: string;
  /** 0…65535, default 0. */
  port?: number;
  tags?: readonly string[];
  /** Default 1 and 1. */
  weights?: Weights;
  /** Default: the double's own node. Any other is to be added first. */
  node?: string;
  datacenter?: string;
  /** Default 'passing'. */
  status?: Status;
}

export interface QueryDefinition {
  name: string;
  service: string;
  tag?: string;
  /** ms, sent in whole seconds; default: the double's `serviceTtl`. */
  ttl?: number;
}

/** A registered instance, to be changed while clients watch. */
export interface RegisteredService {
  readonly id: string;
  setStatus(status: Status): void;
  setTags(tags: readonly string[]): void;
  setWeights(weights: Weights): void;
  deregister(): void;
}

export interface CatalogueNode extends Required<NodeDefinition> {}

export interface Instance {
  name: string;
  id: string;
  node: CatalogueNode;
  address: string;
  port: number;
  tags: readonly string[];
  weights: Weights;
  status: Status;
}

export interface Catalogue {
  readonly ownNode: CatalogueNode;
  addNode(definition: NodeDefinition): void;
  register(definition: ServiceDefinition): RegisteredService;
  addQuery(definition: QueryDefinition): void;
  node(name: string, datacenter: string): CatalogueNode | undefined;
  /** A new list of the instances that are not critical (F6.2). An empty tag means any. */
  usable(service: string, tag: string, datacenter: string): Instance[];
  query(name: string): QueryDefinition | undefined;
}

export function createCatalogue(own: Required<NodeDefinition>): Catalogue {
  const nodes = new Map<string, CatalogueNode>();
  const services = new Map<string, Set<Instance>>();
  const queries = new Map<string, QueryDefinition>();
  let registered = 0;

  const nodeKey = (name: string, datacenter: string) => `${datacenter}/${name}`.toLowerCase();
  const addNode = (definition: NodeDefinition): CatalogueNode => {
    const node = { meta: own.meta, datacenter: own.datacenter, ...definition };
    nodes.set(nodeKey(node.name, node.datacenter), node);
    return node;
  };
  const ownNode = addNode(own);

  /** A service of another datacenter without a node stands on one named like the own. */
  const nodeFor = ({ node = own.name, datacenter = own.datacenter }: ServiceDefinition): CatalogueNode => {
    const known = nodes.get(nodeKey(node, datacenter));
    if (known !== undefined) return known;
    if (node !== own.name) throw new Error(`no node ${node} in ${datacenter}: add it with addNode() first`);
    return addNode({ ...own, datacenter });
  };

  return {
    ownNode,
    addNode: (definition) => {
      addNode(definition);
    },
    register: (definition) => {
      const instance: Instance = {
        name: definition.name,
        id: definition.id ?? `${definition.name}-${++registered}`,
        node: nodeFor(definition),
        address: definition.address ?? '',
        port: definition.port ?? 0,
        tags: definition.tags ?? [],
        weights: definition.weights ?? { passing: 1, warning: 1 },
        status: definition.status ?? 'passing',
      };
      for (const instances of services.values()) {
        for (const other of instances) {
          if (other.id === instance.id && other.node === instance.node) instances.delete(other);
        }
      }
      const key = instance.name.toLowerCase();
      const instances = services.get(key) ?? new Set();
      services.set(key, instances.add(instance));
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
          instances.delete(instance);
        },
      };
    },
    addQuery: (definition) => {
      queries.set(definition.name.toLowerCase(), definition);
    },
    node: (name, datacenter) => nodes.get(nodeKey(name, datacenter)),
    usable: (service, tag, datacenter) =>
      [...(services.get(service.toLowerCase()) ?? [])].filter(
        (instance) =>
          instance.status !== 'critical' &&
          instance.node.datacenter.toLowerCase() === datacenter.toLowerCase() &&
          (tag === '' || instance.tags.some((other) => other.toLowerCase() === tag.toLowerCase())),
      ),
    query: (name) => queries.get(name.toLowerCase()),
  };
}
