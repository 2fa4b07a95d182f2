import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeDefinition, QueryDefinition, ServiceDefinition } from '../../../src/testing/definitions.ts';
import type { ConsulVersion } from '../../../src/testing/versions.ts';
import { agentMetadata } from '../../../src/testing/versions.ts';
import type { Agent } from '../../integration/consul-agent.ts';
import type { Puttable, Step } from './scenario.ts';

/** One thing done to Consul, as the double's methods name it. */
type Operation =
  | ['node', NodeDefinition]
  | ['service', ServiceDefinition]
  | ['query', QueryDefinition]
  | ['virtual', string]
  | ['acl', string]
  | ['unreachable'];

/** What a step does, written down instead of done. */
export function operationsOf({ put }: Step): Operation[] {
  const operations: Operation[] = [];
  const notes: Puttable = {
    addNode: (node) => void operations.push(['node', node]),
    register: (service) => operations.push(['service', service]),
    addQuery: (query) => void operations.push(['query', query]),
    setVirtualAddress: (service) => void operations.push(['virtual', service]),
    dns: {
      acl: (policy) => void operations.push(['acl', policy]),
      unreachable: () => void operations.push(['unreachable']),
    },
  };
  put?.(notes);
  return operations;
}

export interface Agents {
  version: ConsulVersion;
  own: Agent;
  /** Of the other datacenter, or of the peer. */
  other: Agent | undefined;
  /** Metadata of nodes that are given none. */
  meta: Record<string, string>;
}

/** Nodes by name and peer: Consul's API wants the node again with each of its services. */
export type KnownNodes = Map<string, NodeDefinition>;

const UNKNOWN_TOKEN = '11111111-1111-1111-1111-111111111111';
/** Consul needs a moment for a network coordinate to count. */
const COORDINATES_SETTLE = 7_000;

export async function put(agents: Agents, nodes: KnownNodes, operation: Operation): Promise<void> {
  const { own, other } = agents;
  const [kind] = operation;
  switch (kind) {
    case 'node': {
      const node = operation[1];
      nodes.set(key(node.name, node.peer), node);
      await agentFor(agents, node).http('PUT', '/v1/catalog/register', nodeBody(agents, node));
      break;
    }
    case 'service':
      await putService(agents, nodes, operation[1]);
      break;
    case 'query':
      await putQuery(agents, operation[1]);
      break;
    case 'virtual': {
      // Consul gives a mesh address to whatever has a sidecar; the first is 240.0.0.1.
      const name = operation[1];
      const proxy = { Kind: 'connect-proxy', Port: 21_000, Proxy: { DestinationServiceName: name } };
      await own.http('PUT', '/v1/agent/service/register', { Name: name, ID: name, Port: 80 });
      await own.http('PUT', '/v1/agent/service/register', { Name: `${name}-sidecar-proxy`, ...proxy });
      break;
    }
    case 'acl':
      await own.http('PUT', '/v1/agent/token/default', {
        Token: operation[1] === 'deny' ? '' : UNKNOWN_TOKEN,
      });
      break;
    case 'unreachable':
      await other?.kill();
      break;
  }
}

function agentFor(
  { own, other }: Agents,
  { datacenter, peer }: { datacenter?: string; peer?: string },
): Agent {
  return (datacenter === undefined && peer === undefined ? undefined : other) ?? own;
}

function key(name: string, peer = ''): string {
  return `${peer}/${name}`;
}

function nodeBody({ meta }: Agents, node: NodeDefinition): object {
  return {
    Node: node.name,
    Address: node.address,
    NodeMeta: node.meta ?? meta,
    TaggedAddresses: node.taggedAddresses,
  };
}

let registered = 0;

async function putService(agents: Agents, nodes: KnownNodes, service: ServiceDefinition): Promise<void> {
  const { name, address = '', port = 0, ports, tags = [], weights, status, node, ingressFor } = service;
  const id = service.id ?? `${name}-${++registered}`;
  const tagged = { ...(node === undefined ? {} : asAnAgentTags(service)), ...service.taggedAddresses };
  const body = {
    ID: id,
    Address: address,
    ...(ports
      ? { Ports: ports.map((one) => ({ Name: one.name, Port: one.port, Default: one.default ?? false })) }
      : { Port: port }),
    Tags: tags,
    Weights: weights && { Passing: weights.passing, Warning: weights.warning },
    TaggedAddresses: Object.fromEntries(
      Object.entries(tagged).map(([tag, at]) => [tag, { Address: at.address, Port: at.port ?? 0 }]),
    ),
    ...(service.sidecarFor
      ? { Kind: 'connect-proxy', Proxy: { DestinationServiceName: service.sidecarFor } }
      : {}),
    ...(service.native ? { Connect: { Native: true } } : {}),
    ...(ingressFor ? { Kind: 'ingress-gateway' } : {}),
  };
  const agent = agentFor(agents, service);
  if (ingressFor) {
    const listener = { Port: 9998, Protocol: 'tcp', Services: ingressFor.map((one) => ({ Name: one })) };
    await agent.http('PUT', '/v1/config', { Kind: 'ingress-gateway', Name: name, Listeners: [listener] });
  }
  if (node === undefined) {
    const check = status && status !== 'passing' ? { TTL: '1h', Status: status } : undefined;
    await agent.http('PUT', '/v1/agent/service/register', { Name: name, ...body, Check: check });
    return;
  }
  const check = status && {
    Node: node,
    CheckID: `check:${id}`,
    Name: 'check',
    Status: status,
    ServiceID: id,
  };
  const at = nodes.get(key(node, service.peer))!;
  await agent.http('PUT', '/v1/catalog/register', {
    ...nodeBody(agents, at),
    Service: { Service: name, ...body },
    Check: check,
  });
}

function asAnAgentTags({
  address = '',
  port = 0,
  ports,
}: ServiceDefinition): Record<string, { address: string; port: number }> {
  const own = { address, port: ports?.find((one) => one.default)?.port ?? port };
  const family = isIP(address);
  return family === 0 ? {} : { [`lan_ipv${family}`]: own, [`wan_ipv${family}`]: own };
}

async function putQuery(agents: Agents, query: QueryDefinition): Promise<void> {
  const { name, service, tag, ttl, near, failover, onlyPassing } = query;
  await agentFor(agents, query).http('POST', '/v1/query', {
    Name: name,
    Service: {
      Service: service,
      ...(tag ? { Tags: [tag] } : {}),
      ...(near ? { Near: near[0] } : {}),
      ...(failover ? { Failover: { Datacenters: failover } } : {}),
      OnlyPassing: onlyPassing ?? false,
    },
    ...(ttl === undefined ? {} : { DNS: { TTL: `${ttl}ms` } }),
  });
  if (near === undefined) return;
  for (const [distance, node] of near.entries()) {
    const coordinate = {
      Vec: [distance / 10, 0, 0, 0, 0, 0, 0, 0],
      Error: 0.1,
      Adjustment: 0,
      Height: 0.0001,
    };
    await agents.own.http('PUT', '/v1/coordinate/update', { Node: node, Coord: coordinate });
  }
  await sleep(COORDINATES_SETTLE);
}

/** Metadata of catalogue nodes in a scenario's double: what agents publish, and what was given. */
export function metaOf(
  version: ConsulVersion,
  given: Record<string, string> | undefined,
): Record<string, string> {
  return given ?? agentMetadata(version);
}
