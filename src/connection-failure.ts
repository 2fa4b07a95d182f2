import type { Endpoint } from './endpoint.ts';

/** How deep causes are followed: they may form a circle. */
const deepest = 10;

const neverConnected = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'ERR_SOCKET_CONNECTION_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * Whether an error says that no connection to the endpoint was made, so that nothing of the request can have reached it and repeating
 * it is safe whatever it does. Looks through `cause` (fetch wraps what happened in a TypeError) and, for attempts at several addresses,
 * at all of `errors`.
 */
export function connectionNeverMade(
  error: unknown,
  endpoint: Pick<Endpoint, 'host' | 'port'>,
  depth = 0,
): boolean {
  if (typeof error !== 'object' || error === null || depth > deepest) return false;
  const { code, syscall, errors, cause } = error as Record<string, unknown>;
  if (typeof code === 'string' && (neverConnected.has(code) || syscall === 'connect'))
    return !isOfAnother(error, endpoint);
  if (Array.isArray(errors) && errors.length > 0)
    return errors.every((each) => connectionNeverMade(each, endpoint, depth + 1));
  return connectionNeverMade(cause, endpoint, depth + 1);
}

/** A database may refuse, say, after the endpoint has answered. Node's errors say whom they tried to reach; others need not. */
function isOfAnother(
  { address, port }: { address?: unknown; port?: unknown },
  endpoint: Pick<Endpoint, 'host' | 'port'>,
): boolean {
  if (typeof port === 'number' && port !== endpoint.port) return true;
  // IPv6 can be written in several ways, and IPv4 in it.
  return typeof address === 'string' && !address.includes(':') && address !== endpoint.host;
}
