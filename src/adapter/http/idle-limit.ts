import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** A request that is written at the moment at which the server closes is lost: so long before that a connection is given up, in ms. */
const margin = 1_000;

/**
 * How long a connection whose response is read may wait for the next request, by what the server says in `Keep-Alive: timeout=5`
 * (RFC 2068, section 19.7.1): in ms, 0 or less where that is not at all, `undefined` where it says nothing.
 */
export function idleLimit(socket: Duplex): number | undefined {
  const { _httpMessage: request } = socket as { _httpMessage?: { res?: IncomingMessage | null } };
  const hint = /(?:^|,)\s*timeout=(\d+)/i.exec(String(request?.res?.headers['keep-alive'] ?? ''))?.[1];
  return hint === undefined ? undefined : Number(hint) * 1_000 - margin;
}
