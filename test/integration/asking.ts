import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type DnsAnswer, DnsClient } from '../../src/dns/client.ts';
import { parseServerAddress } from '../../src/dns/server-address.ts';
import {
  createDiscovery,
  type Discovery,
  type DiscoveryOptions,
  type DiscoveryWarning,
  type Resolution,
} from '../../src/index.ts';
import type { Agent } from './consul-agent.ts';

/** A node and, with `service`, an instance on it, as the catalogue takes them: no agent checks what it says. */
export interface CatalogEntry {
  readonly node: string;
  /** Of the node: an IP or a host name. */
  readonly at: string;
  readonly nodeMeta?: Readonly<Record<string, string>>;
  readonly nodeTagged?: Readonly<Record<string, string>>;
  readonly service?: string;
  /** IP or host name; default: none, so that Consul names the node. */
  readonly address?: string;
  /** Default 0, as Consul has it. */
  readonly port?: number;
  readonly weights?: { readonly Passing: number; readonly Warning: number };
  readonly tagged?: Readonly<Record<string, { readonly Address: string; readonly Port: number }>>;
}

/** Present in DNS answers once awaited. */
export async function enter(agent: Agent, ...entries: readonly CatalogEntry[]): Promise<void> {
  for (const entry of entries) {
    const { node, at, nodeMeta, nodeTagged, service, address, port, weights, tagged } = entry;
    const ID = [service, address, port].filter((part) => part !== undefined).join('-');
    await agent.http('PUT', '/v1/catalog/register', {
      Node: node,
      Address: at,
      NodeMeta: nodeMeta,
      TaggedAddresses: nodeTagged,
      ...(service !== undefined && {
        Service: {
          Service: service,
          ID,
          Address: address,
          Port: port,
          Weights: weights,
          TaggedAddresses: tagged,
        },
      }),
    });
  }
}

/** A discovery that ends with the test, and what it warned of. */
export function discover(
  agent: Agent,
  options: DiscoveryOptions = {},
): { readonly discovery: Discovery; readonly warnings: readonly DiscoveryWarning[] } {
  const warnings: DiscoveryWarning[] = [];
  const discovery = createDiscovery({
    servers: [agent.dnsAddress],
    onWarning: (warning) => void warnings.push(warning),
    ...options,
  });
  onTestFinished(() => discovery.close());
  return { discovery, warnings };
}

/** `host:port`, sorted. */
export function pairs({ addresses }: Pick<Resolution, 'addresses'>): string[] {
  return addresses.map(({ host, port }) => `${host}:${port}`).sort();
}

/** What Consul itself sends, so that a test can show that it met the shape it is about. */
export async function replyOf(
  agent: Agent,
  question: string,
  type: 'SRV' | 'A' | 'AAAA',
  how: { readonly transport?: 'udp' | 'tcp'; readonly edns?: number } = {},
): Promise<DnsAnswer['reply']> {
  const client = new DnsClient({
    servers: [parseServerAddress(agent.dnsAddress)],
    timeout: 2_000,
    retries: 0,
    edns: undefined,
    clock: systemClock,
  });
  try {
    return (await client.query(question, type, { transport: 'udp', ...how })).reply;
  } finally {
    client.close();
  }
}

/** What an agent accepts shows in DNS a little later. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(20)) {
    if (await holds()) return;
  }
  throw new Error(`not within 30 s: ${what}`);
}

/** One line for people: what was seen of a condition. */
export function seen(agent: Agent, condition: string, what: unknown): void {
  console.info(
    `Consul ${agent.version}, ${condition}: ${typeof what === 'string' ? what : JSON.stringify(what)}`,
  );
}

export async function errorOf(work: Promise<unknown>): Promise<Error & { code?: string; rcode?: string }> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error, got a result');
}
