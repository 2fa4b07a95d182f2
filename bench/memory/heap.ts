/** The child's side of the memory benchmark. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createDiscovery, type Service } from '../../src/index.ts';
import { asChild } from '../child.ts';

export interface Task {
  readonly port: number;
  readonly names: readonly string[];
  readonly balancer: 'round-robin' | 'least-used';
}

export interface Result {
  readonly bytes: number;
  /** In all lists. */
  readonly endpoints: number;
  readonly perEndpoint: number;
  readonly perName: number;
  /** Endpoints are the same objects after the refreshes. */
  readonly kept: boolean;
}

/** At once: the server sends what 50 of them need well within a timeout. */
const batch = 50;

async function used(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc!();
    await sleep(20);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

await asChild(async ({ port, names, balancer }: Task): Promise<Result> => {
  const discovery = createDiscovery({
    servers: [`127.0.0.1:${port}`],
    transport: 'tcp',
    timeout: 10_000,
    maxServices: names.length,
    balancer,
    // Nothing is asked in the background meanwhile.
    ttl: { min: 3_600_000, max: 3_600_000 },
  });
  const inBatches = async (work: (name: string) => Promise<unknown>) => {
    for (let start = 0; start < names.length; start += batch)
      await Promise.all(names.slice(start, start + batch).map(work));
  };
  // What the first lookups compile and open is no list's.
  await discovery.resolve(names[0]!);
  const empty = await used();
  const services: Service[] = [];
  await inBatches((name) => {
    const service = discovery.service(name);
    services.push(service);
    return service.ready();
  });
  const first = services.map(({ endpoints }) => endpoints[0]);
  for (let round = 0; round < 2; round++) await inBatches((name) => discovery.service(name).refresh());
  for (const service of services) service.pick();
  const bytes = (await used()) - empty;
  const endpoints = services.reduce((sum, service) => sum + service.endpoints.length, 0);
  const kept = services.every((service, i) => service.endpoints[0] === first[i]);
  await discovery.close();
  return { bytes, endpoints, perEndpoint: bytes / endpoints, perName: bytes / names.length, kept };
});
