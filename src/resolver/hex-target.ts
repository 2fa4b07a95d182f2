import { ipText } from '../ip.ts';

/** `0a000001.addr…` is 10.0.0.1, 32 digits are an IPv6 address: computed by Consul, so it needs no question. */
export function ipFromHexTarget(target: string): string | undefined {
  const hex = /^([0-9a-f]{8}|[0-9a-f]{32})\.addr\./.exec(target)?.[1];
  if (hex === undefined) return undefined;
  return hex.length === 8 ? ipv4FromHex(hex) : ipText(hex.match(/.{4}/g)!.join(':'));
}

function ipv4FromHex(hex: string): string {
  const bits = Number.parseInt(hex, 16);
  return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
}
