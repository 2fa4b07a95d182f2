import { isIP } from 'node:net';

/** An IP literal in its one canonical spelling (IPv6: RFC 5952), so that an address is one endpoint however it was learned. */
export function ipText(host: string): string {
  return isIP(host) === 6 && !host.includes('%') ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host;
}
