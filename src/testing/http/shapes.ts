import type { CatalogueNode, Instance } from '../catalogue.ts';
import type { ConsulVersion } from '../versions.ts';
import type { Check } from './check.ts';

/** Consul's own JSON, field by field in its order, as each version sends it. */
export interface Shapes {
  node(node: CatalogueNode): object;
  /** In /v1/health/service and /v1/catalog/node. */
  service(instance: Instance): object;
  /** In /v1/catalog/service. */
  catalogService(instance: Instance): object;
  /** In /v1/agent/services. */
  agentService(instance: Instance, contentHash?: string): object;
  check(check: Check, of: Instance | CatalogueNode): object;
  /** In /v1/agent/checks, where indexes are none. */
  agentCheck(check: Check, of: Instance | CatalogueNode): object;
  /** In /v1/agent/health, with less of it and its definition written out. */
  healthCheck(check: Check, of: Instance | CatalogueNode): object;
}

export function shapesOf(version: ConsulVersion, datacenter: string): Shapes {
  const old = version === '1.8.7';
  const named = version === '1.22.7';
  const proxy = old ? { MeshGateway: {}, Expose: {} } : { Mode: '', MeshGateway: {}, Expose: {} };

  const checkIn = (check: Check, of: Instance | CatalogueNode, type: string) => {
    const instance = 'node' in of ? of : undefined;
    return {
      Node: 'node' in of ? of.node.name : of.name,
      CheckID: check.id,
      Name: check.name,
      Status: check.status,
      Notes: check.notes,
      Output: check.output,
      ServiceID: instance?.id ?? '',
      ServiceName: instance?.name ?? '',
      ServiceTags: instance?.tags ?? [],
      Type: type,
    };
  };
  const timing = ({ interval, timeout }: Check) =>
    old ? {} : { Interval: interval, Timeout: timeout, ExposedPort: 0 };

  return {
    node: (node) => ({
      ID: node.id,
      Node: node.name,
      Address: node.address,
      Datacenter: node.datacenter,
      TaggedAddresses: nodeAddresses(node),
      Meta: node.id === '' ? orNull(node.meta) : node.meta,
      ...peerOf(node),
      CreateIndex: node.createIndex,
      ModifyIndex: node.modifyIndex,
    }),
    service: (instance) => ({
      ID: instance.id,
      Service: instance.name,
      Tags: instance.tags,
      Address: instance.address,
      ...taggedAddresses('TaggedAddresses', instance),
      Meta: instance.meta,
      ...(old || instance.port !== 0 ? { Port: instance.port } : {}),
      ...portsOf(instance),
      Weights: weightsOf(instance),
      EnableTagOverride: instance.enableTagOverride,
      Proxy: proxy,
      Connect: {},
      ...(old ? {} : { PeerName: instance.node.peer ?? '' }),
      CreateIndex: instance.createIndex,
      ModifyIndex: instance.modifyIndex,
    }),
    catalogService: (instance) => ({
      ID: instance.node.id,
      Node: instance.node.name,
      Address: instance.node.address,
      Datacenter: instance.node.datacenter,
      TaggedAddresses: nodeAddresses(instance.node),
      NodeMeta: instance.node.id === '' ? orNull(instance.node.meta) : instance.node.meta,
      ServiceKind: '',
      ServiceID: instance.id,
      ServiceName: instance.name,
      ServiceTags: instance.tags,
      ServiceAddress: instance.address,
      ...taggedAddresses('ServiceTaggedAddresses', instance),
      ServiceWeights: weightsOf(instance),
      ServiceMeta: instance.meta ?? {},
      ServicePort: instance.port,
      ...(named ? { ServicePorts: portsOf(instance).Ports ?? null } : {}),
      ...(old ? {} : { ServiceSocketPath: '' }),
      ServiceEnableTagOverride: instance.enableTagOverride,
      ServiceProxy: proxy,
      ServiceConnect: {},
      ...(old ? {} : { ServiceLocality: null }),
      CreateIndex: instance.createIndex,
      ModifyIndex: instance.modifyIndex,
    }),
    agentService: (instance, contentHash) => ({
      ID: instance.id,
      Service: instance.name,
      Tags: instance.tags,
      Meta: instance.meta ?? {},
      Port: instance.port,
      ...portsOf(instance),
      Address: instance.address,
      ...taggedAddresses('TaggedAddresses', instance),
      Weights: weightsOf(instance),
      EnableTagOverride: instance.enableTagOverride,
      ...(contentHash === undefined ? {} : { ContentHash: contentHash }),
      ...(old ? {} : { Datacenter: datacenter }),
    }),
    check: (check, of) => ({
      ...checkIn(check, of, check.type),
      ...timing(check),
      Definition: {},
      CreateIndex: check.createIndex,
      ModifyIndex: check.modifyIndex,
    }),
    agentCheck: (check, of) => ({
      ...checkIn(check, of, check.type),
      ...timing(check),
      Definition: {},
      CreateIndex: 0,
      ModifyIndex: 0,
    }),
    healthCheck: (check, of) => ({
      ...checkIn(check, of, ''),
      ...(old ? {} : { ExposedPort: 0 }),
      Definition: old ? OLD_DEFINITION : DEFINITION,
      CreateIndex: 0,
      ModifyIndex: 0,
    }),
  };
}

const OLD_DEFINITION = {
  Interval: '0s',
  Timeout: '0s',
  DeregisterCriticalServiceAfter: '0s',
  HTTP: '',
  Header: null,
  Method: '',
  Body: '',
  TLSSkipVerify: false,
  TCP: '',
};
const { TLSSkipVerify, TCP, ...before } = OLD_DEFINITION;
const DEFINITION = {
  ...before,
  TLSServerName: '',
  TLSSkipVerify,
  TCP,
  TCPUseTLS: false,
  UDP: '',
  GRPC: '',
  OSService: '',
  GRPCUseTLS: false,
};

function weightsOf({ weights }: Instance) {
  return { Passing: weights.passing, Warning: weights.warning };
}

function portsOf({ ports }: Instance): { Ports?: object[] } {
  if (ports.length === 0) return {};
  return {
    Ports: ports.map(({ name, port, default: chosen = false }) => ({
      Name: name,
      Port: port,
      Default: chosen,
    })),
  };
}

function taggedAddresses(key: string, { taggedAddresses: tagged, port: own }: Instance) {
  const all = Object.entries(tagged).sort(([one], [other]) => (one < other ? -1 : 1));
  if (all.length === 0) return {};
  const addresses = all.map(([tag, { address, port = own }]) => [tag, { Address: address, Port: port }]);
  return { [key]: Object.fromEntries(addresses) };
}

/** An agent tags its node's address by itself; what came through the catalogue's API has what it was given. */
function nodeAddresses({ id, address, taggedAddresses: given }: CatalogueNode) {
  if (id === '') return orNull(given);
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const own = { lan: address, [`lan_${family}`]: address, wan: address, [`wan_${family}`]: address };
  return { ...own, ...given };
}

function peerOf({ peer }: CatalogueNode) {
  return peer === undefined ? {} : { PeerName: peer };
}

function orNull<T extends object>(map: T): T | null {
  return Object.keys(map).length === 0 ? null : map;
}
