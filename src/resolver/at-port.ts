import { decorated } from './decorated.ts';
import type { CombinedResolver } from './parts.ts';
import type { Resolver } from './resolver.ts';

/** The same hosts at another port, whatever the resolver says of it. Closing it closes `resolver`. */
export function atPort(resolver: Resolver, port: number): CombinedResolver {
  return decorated(resolver, 'atPort', (resolution) => ({
    ...resolution,
    addresses: resolution.addresses.map((address) => ({ ...address, port })),
  }));
}
