import { endpointKey } from '../endpoint.ts';
import { inOnePiece } from '../one-piece.ts';
import type { Address } from './resolver.ts';
import { sameAddress } from './same-address.ts';

/**
 * The addresses of a new answer, in its order, as they are to be kept: by the objects of the answer before where they say the same, so
 * that all who keep a list keep one set of objects, and what a refresh without news has made is forgotten at once. O(n).
 */
export function keptAddresses(before: readonly Address[], now: readonly Address[]): readonly Address[] {
  const known = new KnownAddresses(before);
  const texts = new Map<string, string>();
  return now.map((address) => {
    const twin = known.find(address);
    return twin !== undefined && sameAddress(twin, address) ? twin : compact(address, texts);
  });
}

/** By host, which is a text that is there already; only those that share one are told apart by texts to be made. */
class KnownAddresses {
  readonly #byHost = new Map<string, Address>();
  #others: Map<string, Address> | undefined;

  constructor(addresses: readonly Address[]) {
    for (const address of addresses) {
      const { host, port } = address;
      if (!this.#byHost.has(host)) {
        this.#byHost.set(host, address);
        continue;
      }
      this.#others ??= new Map();
      this.#others.set(endpointKey(host, port), address);
    }
  }

  find({ host, port }: Address): Address | undefined {
    const known = this.#byHost.get(host);
    if (known === undefined || known.port === port) return known;
    return this.#others?.get(endpointKey(host, port));
  }
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
