/** The child's side of the resolve benchmarks: contenders by turns against one server. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createDiscovery, type Discovery } from '../../src/index.ts';
import { asChild } from '../child.ts';
import type { Instance } from '../consul.ts';
import { NodeResolver } from '../contenders/node-resolver.ts';
import { addressesIn, RawDnsPacket } from '../contenders/raw-dns-packet.ts';
import { median, percentile } from '../statistics.ts';

export interface Task {
  readonly service: string;
  readonly instances: readonly Instance[];
  readonly port: number;
  /** A new discovery, socket and resolver for each resolve, or one for all. */
  readonly each: boolean;
  readonly rounds: number;
  /** Rounds before those that count. */
  readonly warmUp: number;
}

export type Results = Record<'raw' | 'ours' | 'node', Result>;

export interface Result {
  /** µs. */
  readonly median: number;
  readonly p99: number;
  /** The median of the first 100 rounds in the process, warm-up or not. */
  readonly early: number;
  /** Of the instances, the fewest in any round. */
  readonly found: number;
  /** Addresses that are none of the instances, in all rounds. */
  readonly wrong: number;
}

interface Contender {
  /** What is measured: up to the answer. Returns how to see what was found. */
  ask(): Promise<() => readonly string[]>;
  /** After each turn, not measured. */
  tidy?(): Promise<void> | void;
  close?(): Promise<void> | void;
}

const orders = [
  [0, 1, 2],
  [1, 2, 0],
  [2, 0, 1],
  [0, 2, 1],
  [2, 1, 0],
  [1, 0, 2],
];

await asChild(async ({ service, instances, port, each, rounds, warmUp }: Task): Promise<Results> => {
  const contenders = each ? everythingNew(service, port) : await keptOpen(service, port);
  const wanted = new Set(instances.map((instance) => `${instance.address}:${instance.port}`));
  const names = Object.keys(contenders) as (keyof Results)[];
  const seen = names.map(() => ({
    times: [] as number[],
    early: [] as number[],
    found: Number.POSITIVE_INFINITY,
    wrong: 0,
  }));
  for (let round = -warmUp; round < rounds; round++) {
    // In each order equally often, since who comes second finds warm caches.
    for (const i of orders[(round + warmUp) % orders.length]!) {
      const contender = contenders[names[i]!];
      // What the one before left to be done is not counted here.
      await nextTurn();
      const start = performance.now();
      const answer = await contender.ask();
      const time = performance.now() - start;
      await contender.tidy?.();
      const result = seen[i]!;
      if (round + warmUp < 100) result.early.push(time * 1000);
      if (round < 0) continue;
      const addresses = [...new Set(answer())];
      const right = addresses.filter((address) => wanted.has(address)).length;
      result.times.push(time * 1000);
      result.found = Math.min(result.found, right);
      result.wrong += addresses.length - right;
    }
  }
  for (const name of names) await contenders[name].close?.();
  return Object.fromEntries(
    seen.map(({ times, early, found, wrong }, i) => [
      names[i]!,
      { median: median(times), p99: percentile(times, 0.99), early: median(early), found, wrong },
    ]),
  ) as Results;
});

async function keptOpen(service: string, port: number): Promise<Record<keyof Results, Contender>> {
  const raw = await RawDnsPacket.open('127.0.0.1', port);
  const discovery = createDiscovery({ servers: [`127.0.0.1:${port}`] });
  const node = new NodeResolver(`127.0.0.1:${port}`);
  return {
    raw: { ask: () => askRaw(raw, service), close: () => raw.close() },
    ours: { ask: () => askOurs(discovery, service), close: () => discovery.close() },
    node: { ask: () => askNode(node, service) },
  };
}

function everythingNew(service: string, port: number): Record<keyof Results, Contender> {
  let raw: RawDnsPacket | undefined;
  let discovery: Discovery | undefined;
  return {
    raw: {
      ask: async () => {
        raw = await RawDnsPacket.open('127.0.0.1', port);
        return askRaw(raw, service);
      },
      tidy: () => raw?.close(),
    },
    ours: {
      ask: () => {
        discovery = createDiscovery({ servers: [`127.0.0.1:${port}`] });
        return askOurs(discovery, service);
      },
      tidy: () => discovery?.close(),
    },
    node: { ask: () => askNode(new NodeResolver(`127.0.0.1:${port}`), service) },
  };
}

async function askRaw(raw: RawDnsPacket, service: string) {
  const reply = await raw.ask(`${service}.service.consul`);
  return () => addressesIn(reply);
}

async function askOurs(discovery: Discovery, service: string) {
  const { addresses } = await discovery.resolve(service, { fresh: true });
  return () => addresses.map(({ host, port }) => `${host}:${port}`);
}

async function askNode(node: NodeResolver, service: string) {
  const addresses = await node.ask(`${service}.service.consul`);
  return () => addresses;
}
