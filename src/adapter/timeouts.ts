const codes = new Set(['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'ECONNABORTED', 'ERR_TIMEOUT']);

/**
 * Whether what a caller gives a request up with says that its patience has ended, and not only its wish: `AbortSignal.timeout()`, and the
 * timeouts of got and axios. An endpoint that does not answer shows in nothing else.
 */
export function isTimeout(reason: unknown): boolean {
  const { code, name, cause } = Object(reason);
  return (
    codes.has(code) ||
    name === 'TimeoutError' ||
    (name === 'AbortError' && Object(cause).name === 'TimeoutError')
  );
}
