import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDiscovery, type DiscoveryOptions } from '../../src/index.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

/** Sizes at which Consul leaves out one random healthy instance, and their neighbours; `n1` is the node's name length that shows them. */
const sizes: [DiscoveryOptions & { title: string }, readonly number[]][] = [
  [{ title: 'EDNS 1232', edns: 1232 }, [2, 3, 6, 7, 8, 9, 10, 12, 13, 14]],
  [{ title: 'EDNS 4096', edns: 4096 }, [22, 23, 24, 42, 43, 44]],
  [{ title: 'the default', transport: 'auto' }, [2, 9, 13, 43]],
  [{ title: 'TCP', transport: 'tcp' }, [9, 13, 609, 610, 611]],
];

const metadata = { usual: {}, 'with three more keys': { rack: 'r1', zone: 'zone-a', class: 'standard' } };

for (const [what, nodeMeta] of Object.entries(metadata))
  describeWithConsul(
    `one of many is really removed, at the sizes where Consul hides a random one (metadata: ${what})`,
    () => {
      let agent: Agent;
      beforeAll(async () => {
        agent = await startAgent({ node: 'n1', nodeMeta });
      });
      afterAll(() => agent.stop());

      for (const [{ title, ...options }, counts] of sizes) {
        it(`${title}: it is gone within 2 refreshes, and none else ever`, async () => {
          const slowest: string[] = [];
          for (const count of counts) {
            const name = `hole${count}-${title.length}`;
            const instances = Array.from({ length: count }, (_, i) => ({
              name,
              address: `10.9.${i >> 8}.${i & 255}`,
              port: 9_000 + i,
            }));
            const ids = await agent.registerMany(instances);
            const discovery = createDiscovery({ servers: [agent.dnsAddress], ...options });
            const service = discovery.service(name);
            const gone = new Set<string>();
            const wronglyRemoved: string[] = [];
            service.subscribe((_snapshot, { removed }) => {
              for (const { address } of removed) if (!gone.has(address)) wronglyRemoved.push(address);
            });
            await service.ready();
            for (let refresh = 0; refresh < 8; refresh++) await service.refresh();
            expect([count, service.endpoints.length]).toEqual([count, count]);

            const last = instances.at(-1)!;
            gone.add(`${last.address}:${last.port}`);
            await agent.deregister(ids.at(-1)!);
            let refreshes = 0;
            do {
              await service.refresh();
              refreshes++;
            } while (service.endpoints.length === count && refreshes < 10);
            slowest.push(`${count}: ${refreshes}`);
            for (let refresh = 0; refresh < 8; refresh++) await service.refresh();
            expect([count, service.endpoints.length, wronglyRemoved]).toEqual([count, count - 1, []]);
            expect([count, refreshes <= 2]).toEqual([count, true]);
            await discovery.close();
            await agent.deregisterMany(ids.slice(0, -1));
          }
          console.info(
            `Consul ${agent.version}, metadata ${what}, ${title}: refreshes until gone, by size: ${slowest.join(', ')}`,
          );
        });
      }
    },
  );
