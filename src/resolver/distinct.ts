import { endpointKey } from '../endpoint.ts';
import type { Address } from './resolver.ts';

/** Addresses by `host:port`, one each: where two have the same, the one with the larger weight stands for both. O(n). */
export function distinct(addresses: Iterable<Address>): Map<string, Address> {
  const byKey = new Map<string, Address>();
  for (const address of addresses) {
    const key = endpointKey(address.host, address.port);
    const twin = byKey.get(key);
    if (twin === undefined || address.weight > twin.weight) byKey.set(key, address);
  }
  return byKey;
}
