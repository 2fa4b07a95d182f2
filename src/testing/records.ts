import { isIP, isIPv4 } from 'node:net';
import type { Random } from '../random.ts';
import type { CatalogueNode } from './catalogue.ts';
import { addressBytes, type DnsRecord, TYPES } from './wire.ts';

/** `key=value`, one record per key, in random order; a key of its own kind stands for the bare value (F2.14). */
export function metadata(name: string, { meta }: CatalogueNode, ttl: number, random: Random): DnsRecord[] {
  const texts = Object.entries(meta).map(([key, value]): DnsRecord => {
    const text = key.toLowerCase().startsWith('rfc1035-')
      ? value
      : `${quoteKey(key)}=${value.replaceAll('`', '``')}`;
    return { name, ttl, type: 'TXT', text };
  });
  return shuffle(texts, random);
}

/** RFC 1464: backquotes go before what would read as the border of the key. */
function quoteKey(key: string): string {
  return key.replace(/[`=]|^ +| +$/g, (part) =>
    part.startsWith(' ') ? part.replaceAll(' ', '` ') : `\`${part}`,
  );
}

/** A node of a peer is named by its peer, every other by its datacenter (F2.8). */
export function nodeName({ name, datacenter, peer }: CatalogueNode, domain: string): string {
  return peer === undefined ? `${name}.node.${datacenter}.${domain}` : `${name}.node.${peer}.peer.${domain}`;
}

/** The name that holds an IP address in itself; `place` is a datacenter and the domain, for a peer the domain alone. */
export function hexName(address: string, place: string): string {
  const hex = addressBytes(address).map((byte) => byte.toString(16).padStart(2, '0'));
  return `${hex.join('')}.addr.${place}`;
}

export function addressRecords(name: string, address: string, ttl: number): DnsRecord[] {
  return isIP(address) === 0 ? [] : [{ name, ttl, type: isIPv4(address) ? 'A' : 'AAAA', address }];
}

export function asksAddresses(type: number): boolean {
  return type === TYPES.A || type === TYPES.AAAA || type === TYPES.ANY || type === TYPES.TXT;
}

/** TXT on a service means addresses, too (F2.15). */
export function wants(type: number, address: string): boolean {
  if (type === TYPES.ANY || type === TYPES.TXT) return true;
  return type === (isIPv4(address) ? TYPES.A : TYPES.AAAA);
}

export function shuffle<T>(items: T[], random: Random): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return items;
}
