import { randomInt } from 'node:crypto';
import type { Engine } from './engine.ts';
import { labels } from './leftovers.ts';

const attempts = 10;

/**
 * Two networks. Over `lan` the agents of a cluster talk to each other, at addresses of our choice; over `access` their
 * published ports are reached: whoever is cut off from the one is still reached over the other.
 */
export interface Networks {
  readonly access: string;
  readonly lan: string;
  /** The address of a host of `lan`, 2…254. */
  address(host: number): string;
}

export async function createNetworks(engine: Engine): Promise<Networks> {
  for (let attempt = 1; ; attempt++) {
    // Set aside for benchmarks (RFC 2544), so that hardly anybody is reached there.
    const prefix = `198.${18 + randomInt(2)}.${randomInt(256)}`;
    const id = `consul-dns-balancer-test-${process.pid}-${attempt}`;
    const access = `${id}-access`;
    const lan = `${id}-lan`;
    try {
      await engine.createNetwork({
        Name: lan,
        Internal: true,
        Labels: labels,
        IPAM: { Driver: 'default', Config: [{ Subnet: `${prefix}.0/24` }] },
      });
      await engine.createNetwork({ Name: access, Labels: labels });
      return { access, lan, address: (host) => `${prefix}.${host}` };
    } catch (error) {
      if (attempt === attempts || !/overlap/i.test(String(error))) throw error;
    }
  }
}
