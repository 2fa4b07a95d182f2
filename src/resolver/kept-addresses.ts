import { endpointKey } from '../endpoint.ts';
import { inOnePiece } from '../one-piece.ts';
import { distinct } from './distinct.ts';
import type { Address } from './resolver.ts';
import { sameAddress } from './same-address.ts';

/**
 * The addresses of a new answer, in its order, as they are to be kept: by the objects of the answer before where they say the same, so
 * that all who keep a list keep one set of objects, and what a refresh without news has made is forgotten at once. O(n).
 */
export function keptAddresses(before: readonly Address[], now: readonly Address[]): readonly Address[] {
  const known = distinct(before);
  const texts = new Map<string, string>();
  return now.map((address) => {
    const twin = known.get(endpointKey(address.host, address.port));
    return twin !== undefined && sameAddress(twin, address) ? twin : compact(address, texts);
  });
}

/** The same with its texts as small as they get. A list has few nodes and datacenters, each many times. */
function compact(address: Address, texts: Map<string, string>): Address {
  const shared = (text: string) => {
    const known = texts.get(text);
    if (known === undefined) texts.set(text, text);
    return known ?? text;
  };
  const { host, node, datacenter } = address;
  return {
    ...address,
    host: inOnePiece(host),
    ...(node !== undefined && { node: shared(node) }),
    ...(datacenter !== undefined && { datacenter: shared(datacenter) }),
  };
}
