/** RFC 9110, section 9.2.2: a second one has the effect of the first. */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** Who sends one lets the server find out that it knows the request already. */
const keys = new Set(['idempotency-key', 'x-idempotency-key']);

/** Whether a request may reach two servers. @param said what the caller says of it, which holds. */
export function isIdempotent(method: string, headers: unknown, said?: boolean | null): boolean {
  return said ?? (idempotent.has(method.toUpperCase()) || names(headers).some((name) => keys.has(name)));
}

/** Of all ways in which headers are given to undici: pairs, a flat list, an iterable, an object. */
function names(headers: unknown): string[] {
  if (headers === null || typeof headers !== 'object') return [];
  if (Array.isArray(headers) && !Array.isArray(headers[0]))
    return headers.filter((_, i) => i % 2 === 0).map(lower);
  if (Symbol.iterator in headers)
    return Array.from(headers as Iterable<readonly unknown[]>, ([name]) => lower(name));
  return Object.keys(headers).map(lower);
}

function lower(name: unknown): string {
  return String(name).toLowerCase();
}
