import { ipFromHex } from '../dns/addr-name.ts';

/** `0a000001.addr…` is 10.0.0.1, 32 digits are an IPv6 address: computed by Consul, so it needs no question. */
export function ipFromHexTarget(target: string): string | undefined {
  const digits = /^([0-9a-f]{8}|[0-9a-f]{32})\.addr\./.exec(target)?.[1];
  return digits === undefined ? undefined : ipFromHex(digits);
}
