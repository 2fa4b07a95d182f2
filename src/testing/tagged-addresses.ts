import type { CatalogueNode, Instance } from './catalogue.ts';
import type { AddressTag } from './definitions.ts';
import type { Settings } from './settings.ts';
import { TYPES } from './wire.ts';

/** Where an instance is to be found by whoever asks: Consul picks one of several registered addresses (F2.11, F7.5). */
export interface Whereabouts {
  service: string;
  node: string;
  port: number;
}

/** `datacenter`: where the instance was looked for; '' for a peer's, which is never the own. */
export function whereabouts(
  settings: Settings,
  { address, taggedAddresses, node }: Instance,
  port: number,
  datacenter: string,
  type: number,
): Whereabouts {
  const wan = usesWan(settings, datacenter);
  const tagged = (tag: AddressTag) => taggedAddresses[tag]?.address;
  return {
    service: choose(address, tagged, wan, type),
    node: nodeAddress(settings, node, type),
    port: (wan && taggedAddresses.wan?.port) || port,
  };
}

export function nodeAddress(settings: Settings, node: CatalogueNode, type: number): string {
  return choose(node.address, (tag) => node.taggedAddresses[tag], usesWan(settings, node.datacenter), type);
}

function usesWan({ translateWan, datacenter }: Settings, other: string): boolean {
  return translateWan && datacenter.toLowerCase() !== other.toLowerCase();
}

/** IPv6 wins wherever the question does not ask for IPv4 alone. */
function choose(
  registered: string,
  tagged: (tag: AddressTag) => string | undefined,
  wan: boolean,
  type: number,
): string {
  const plain = (wan ? tagged('wan') : undefined) ?? registered;
  const v4 = (wan ? tagged('wan_ipv4') : undefined) ?? tagged('lan_ipv4') ?? '';
  const v6 = (wan ? tagged('wan_ipv6') : undefined) ?? tagged('lan_ipv6') ?? '';
  if (type !== TYPES.A && v6 !== '') return v6;
  if (type !== TYPES.AAAA && v4 !== '') return v4;
  return plain;
}
