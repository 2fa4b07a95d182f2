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
 * Whether an error says that no connection was made, so that nothing of the request can have reached the endpoint and repeating it is
 * safe whatever it does. Looks through `cause` (fetch wraps what happened in a TypeError) and, for attempts at several addresses, at
 * all of `errors`.
 */
export function connectionNeverMade(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > deepest) return false;
  const { code, syscall, errors, cause } = error as Record<string, unknown>;
  if (typeof code === 'string' && (neverConnected.has(code) || syscall === 'connect')) return true;
  if (Array.isArray(errors) && errors.length > 0)
    return errors.every((each) => connectionNeverMade(each, depth + 1));
  return connectionNeverMade(cause, depth + 1);
}
