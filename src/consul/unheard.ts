/** Connections that broke, as the codes of the system say. */
const broken = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT', 'ENOTCONN']);
const connecting = new Set(['connect', 'getaddrinfo']);

/** Nothing was sent: there was no connection. */
export function neverSent(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(neverSent);
  return connecting.has(Object(error).syscall);
}

/** Sent or not, nobody answered; the next connection may do better. Not where a certificate or an answer is wrong. */
export function unheard(error: unknown): boolean {
  return neverSent(error) || broken.has(Object(error).code);
}
