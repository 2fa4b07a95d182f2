import { describe, expect, it } from 'vitest';
import { consulDns } from '../../src/consul-dns.ts';
import { Warnings } from '../../src/diagnostics.ts';
import { checkHold } from '../../src/hold.ts';
import { cached } from '../../src/resolver/cached.ts';
import { overDatacenters } from '../../src/resolver/datacenters.ts';
import { failover } from '../../src/resolver/failover.ts';
import { filter } from '../../src/resolver/filter.ts';
import { merge } from '../../src/resolver/merge.ts';
import { renamed } from '../../src/resolver/renamed.ts';
import type { Resolver } from '../../src/resolver/resolver.ts';
import { split } from '../../src/resolver/split.ts';
import { subset } from '../../src/resolver/subset.ts';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { type ContractInstance, resolverContract } from '../../src/testing/resolver-contract.ts';

interface Combination {
  /** Of two Consuls. */
  readonly combine: (a: Resolver, b: Resolver) => Resolver;
  /** Where an instance is registered: in which of the two, and in which datacenter of it. */
  readonly place?: (instance: ContractInstance) => { consul?: 0 | 1; datacenter?: string };
}

const alternately = ({ port }: ContractInstance) => ({ consul: (port % 2) as 0 | 1 });

const combinations: Record<string, Combination> = {
  'failover, all in the first,': { combine: (a, b) => failover(a, b) },
  'failover, all in the second,': { combine: (a, b) => failover(a, b), place: () => ({ consul: 1 }) },
  merge: { combine: (a, b) => merge(a, b), place: alternately },
  'datacenters of one Consul': {
    combine: (a) =>
      overDatacenters(a, ['dc1', 'dc2'], { hold: checkHold({ empty: 0 }, 'hold'), warnings: new Warnings() }),
    place: ({ port }) => ({ datacenter: port % 2 === 0 ? 'dc1' : 'dc2' }),
  },
  filter: { combine: (a) => filter(a, () => true) },
  subset: { combine: (a) => subset(a, { size: 1_000 }) },
  renamed: { combine: (a) => renamed(a, { datacenter: 'dc2' }), place: () => ({ datacenter: 'dc2' }) },
  'split without a canary': { combine: (a, b) => split(a, b, { share: 0.5 }) },
  'split without a stable one': { combine: (a, b) => split(b, a, { share: 0.5, by: 'weight' }) },
  'all in all': {
    combine: (a, b) => {
      const both = merge(
        overDatacenters(a, ['dc1', 'dc2'], {
          hold: checkHold({ empty: 0 }, 'hold'),
          warnings: new Warnings(),
        }),
        renamed(b, { datacenter: 'dc1' }),
      );
      const some = subset(
        filter(both, () => true),
        { size: 1_000, key: 'k' },
      );
      return cached(failover(some, split(b, b, { share: 0.5 })));
    },
    place: ({ port }) => (port % 3 === 0 ? { consul: 1 } : { datacenter: port % 3 === 1 ? 'dc1' : 'dc2' }),
  },
};

for (const [title, { combine, place }] of Object.entries(combinations)) {
  resolverContract(
    title,
    async () => {
      const doubles = [await createConsulDouble(), await createConsulDouble()] as [
        ConsulDouble,
        ConsulDouble,
      ];
      const consuls = doubles.map(({ dnsAddress }) => consulDns({ servers: [dnsAddress] }));
      const resolver = combine(consuls[0]!, consuls[1]!);
      return {
        resolver,
        async register({ weight = 1, ...instance }) {
          const { consul = 0, datacenter } = place?.({ weight, ...instance }) ?? {};
          const registered = doubles[consul].register({
            ...instance,
            ...(datacenter !== undefined && { datacenter }),
            weights: { passing: weight, warning: weight },
          });
          return async () => registered.deregister();
        },
        async close() {
          await resolver.close?.();
          for (const consul of consuls) await consul.close?.();
          for (const double of doubles) await double.close();
        },
      };
    },
    { describe, it, expect },
  );
}
