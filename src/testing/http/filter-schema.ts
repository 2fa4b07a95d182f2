/** What a filter can ask of a field: see go-bexpr, which Consul reads filters with. */
export type Kind = 'string' | 'number' | 'bool' | 'list' | 'map' | Struct | readonly [Struct];

export interface Struct {
  readonly [field: string]: Kind;
}

/** Fields that Consul has and the double does not filter by. */
export const unsupported = new Set([
  'Proxy',
  'Connect',
  'TaggedAddresses',
  'ServiceProxy',
  'ServiceConnect',
  'Definition',
]);

const WEIGHTS: Struct = { Passing: 'number', Warning: 'number' };

export const NODE: Struct = {
  ID: 'string',
  Node: 'string',
  Address: 'string',
  Datacenter: 'string',
  Meta: 'map',
  PeerName: 'string',
};

export const SERVICE: Struct = {
  ID: 'string',
  Kind: 'string',
  Service: 'string',
  Tags: 'list',
  Address: 'string',
  Meta: 'map',
  Port: 'number',
  Weights: WEIGHTS,
  EnableTagOverride: 'bool',
  PeerName: 'string',
};

export const CHECK: Struct = {
  Node: 'string',
  CheckID: 'string',
  Name: 'string',
  Status: 'string',
  Notes: 'string',
  Output: 'string',
  ServiceID: 'string',
  ServiceName: 'string',
  ServiceTags: 'list',
  Type: 'string',
  Interval: 'string',
  Timeout: 'string',
};

export const CATALOG_SERVICE: Struct = {
  ID: 'string',
  Node: 'string',
  Address: 'string',
  Datacenter: 'string',
  NodeMeta: 'map',
  ServiceKind: 'string',
  ServiceID: 'string',
  ServiceName: 'string',
  ServiceTags: 'list',
  ServiceAddress: 'string',
  ServiceWeights: WEIGHTS,
  ServiceMeta: 'map',
  ServicePort: 'number',
  ServiceEnableTagOverride: 'bool',
};

export const HEALTH_SERVICE: Struct = { Node: NODE, Service: SERVICE, Checks: [CHECK] };
