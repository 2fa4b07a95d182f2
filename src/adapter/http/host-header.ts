import type { ClientRequest } from 'node:http';

/** What Node keeps of a request until it has a socket; http-proxy-agent rewrites the same. */
interface Unsent {
  /** The head as it will be sent, once it is written. */
  _header?: string | null;
  readonly outputData?: { data: unknown }[];
}

/** The Host header of a request, as it was set or written. */
export function hostHeader(request: ClientRequest): string | undefined {
  const host = request.getHeader('host');
  if (host !== undefined) return String(host);
  // Headers given as an array are written at once and never set.
  return hostLine.exec((request as Unsent)._header ?? '')?.[2];
}

/** Another Host header for a request that has no socket yet, though its head may be written. */
export function renameHost(request: ClientRequest, host: string): void {
  const unsent = request as Unsent;
  const written = unsent._header;
  if (typeof written !== 'string') {
    request.setHeader('Host', host);
    return;
  }
  const head = written.replace(hostLine, `$1${host}`);
  unsent._header = head;
  const [first] = unsent.outputData ?? [];
  if (typeof first?.data === 'string' && first.data.startsWith(written))
    first.data = head + first.data.slice(written.length);
}

const hostLine = /^(host: *)([^\r\n]*)/im;
