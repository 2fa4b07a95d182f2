import type { Catalogue, CatalogueNode } from '../catalogue.ts';
import { bareCheck } from './check.ts';
import { isStatus } from './check-definition.ts';
import type { Context } from './context.ts';
import { datacenterOf } from './datacenter.ts';
import { decoded, type Fields } from './json-body.ts';
import { Refusal, type Reply } from './reply.ts';
import type { Question } from './request.ts';
import type { Routes } from './router.ts';
import { type GivenService, readService, SERVICE_FIELDS } from './service-registration.ts';

interface GivenCheck {
  CheckID?: string;
  Name?: string;
  Status?: string;
  Notes?: string;
  Output?: string;
  ServiceID?: string;
  Type?: string;
}

interface Given {
  ID?: string;
  Node?: string;
  Address?: string;
  TaggedAddresses?: Record<string, string>;
  NodeMeta?: Record<string, string>;
  Service?: GivenService;
  Check?: GivenCheck;
  Checks?: GivenCheck[];
  SkipNodeUpdate?: boolean;
  ServiceID?: string;
  CheckID?: string;
}

const CHECK: Fields = {
  Node: 'string',
  CheckID: 'string',
  Name: 'string',
  Status: 'string',
  Notes: 'string',
  Output: 'string',
  ServiceID: 'string',
  ServiceName: 'string',
  Type: 'string',
  Definition: 'any',
};
const FIELDS: Fields = {
  ID: 'string',
  Node: 'string',
  Address: 'string',
  TaggedAddresses: 'map',
  NodeMeta: 'map',
  Datacenter: 'string',
  Service: { ...SERVICE_FIELDS, Service: 'string' },
  Check: CHECK,
  Checks: [CHECK],
  SkipNodeUpdate: 'bool',
  ServiceID: 'string',
  CheckID: 'string',
};

/** /v1/catalog/register and deregister: past the agent, straight into the catalogue. */
export function catalogWriteRoutes(context: Context): Routes {
  const { catalogue } = context;
  const read = (question: Question): Given & { datacenter: string; Node: string } => {
    const given = decoded(question.body, FIELDS, { strict: false }) as Given & { Datacenter?: string };
    if (!given.Node) throw new Refusal(500, 'Must provide node');
    if (given.Datacenter) question.query.set('dc', given.Datacenter);
    return { ...given, Node: given.Node, datacenter: datacenterOf(question, context) };
  };

  const register = (question: Question): Reply => {
    const given = read(question);
    const known = catalogue.node(given.Node, given.datacenter);
    if (!given.Address && !given.SkipNodeUpdate)
      throw new Refusal(500, 'Must provide address if SkipNodeUpdate is not set');
    catalogue.store.indexes.write(() => {
      const node = given.SkipNodeUpdate && known !== undefined ? known : putNode(catalogue, given, known);
      const { Service: service } = given;
      if (service !== undefined) {
        const name = service.Service || service.Name || '';
        if (name === '') throw new Refusal(500, 'Must provide service name');
        catalogue.store.put(readService({ ...service, Name: name }), node);
      }
      for (const check of [given.Check, ...(given.Checks ?? [])])
        if (check !== undefined) putCheck(catalogue, node, check);
    });
    return { json: true };
  };

  const deregister = (question: Question): Reply => {
    const { Node, ServiceID, CheckID, datacenter } = read(question);
    const node = catalogue.node(Node, datacenter);
    if (node === undefined) return { json: true };
    if (ServiceID) {
      const instance = catalogue.store.instances.byId(node, ServiceID);
      if (instance !== undefined) catalogue.store.remove(instance);
    } else if (CheckID) {
      for (const of of [node, ...catalogue.instancesOn(node)]) catalogue.store.removeCheck(of, CheckID);
    } else {
      catalogue.store.removeNode(node);
    }
    return { json: true };
  };

  return {
    '/v1/catalog/register': { PUT: register },
    '/v1/catalog/deregister': { PUT: deregister },
  };
}

function putNode(
  catalogue: Catalogue,
  {
    ID = '',
    Node,
    Address = '',
    NodeMeta,
    TaggedAddresses,
    datacenter,
  }: Given & { Node: string; datacenter: string },
  known: CatalogueNode | undefined,
): CatalogueNode {
  return catalogue.store.putNode({
    id: ID || (known?.id ?? ''),
    name: Node,
    address: Address,
    // An agent's node keeps what it says of itself.
    meta: NodeMeta ?? known?.meta ?? {},
    taggedAddresses: TaggedAddresses ?? known?.taggedAddresses ?? {},
    datacenter,
  });
}

function putCheck(catalogue: Catalogue, node: CatalogueNode, given: GivenCheck): void {
  const { CheckID = '', Name = '', Status = '', ServiceID = '', Notes = '', Output = '', Type = '' } = given;
  const id = CheckID || Name;
  const of = ServiceID === '' ? node : catalogue.store.instances.byId(node, ServiceID);
  if (of === undefined) throw new Refusal(500, 'Missing service registration');
  const status = isStatus(Status) ? Status : 'critical';
  catalogue.store.putCheck(of, { ...bareCheck(id, Name, status), notes: Notes, output: Output, type: Type });
}
