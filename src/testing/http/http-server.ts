import * as http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, sleep } from '../../clock.ts';
import type { HttpFaultState, HttpRequest } from './http-faults.ts';
import type { Reply } from './reply.ts';
import { Question } from './request.ts';

export interface HttpServerOptions {
  host: string;
  clock: Clock;
  faults: HttpFaultState;
  /** The status of redirects. */
  redirects: 301 | 307;
  onRequest(request: HttpRequest): void;
  respond(question: Question): Promise<Reply>;
}

export interface HttpListener {
  /** Which port it got. */
  open(port: number): Promise<number>;
  close(): Promise<void>;
  /** Breaks the connections there are. */
  disconnect(): void;
}

/** Longer than the longest value of the KV store, which is refused with Consul's own words. */
const LONGEST_BODY = 8 * 1_024 * 1_024;

/** The HTTP port of an agent: real connections, and the faults of single answers. */
export function httpListener(options: HttpServerOptions): HttpListener {
  const { host, clock, faults, redirects, onRequest, respond } = options;
  const sockets = new Set<Socket>();
  let server: http.Server | undefined;

  const disconnect = () => {
    for (const socket of sockets) socket.destroy();
  };
  const serve = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    const ended = new AbortController();
    response.on('close', () => ended.abort());
    const body = await bodyOf(request);
    const { method = 'GET' } = request;
    const [path, query] = taken(request.url ?? '/');
    if (path === undefined || body === undefined) return sent(response, { status: 400, text: 'Bad Request' });
    const asked: HttpRequest = { method, path, query, body: body.toString() };
    onRequest(asked);
    const reply = await spoiled(asked, ended.signal, () => {
      const cleaned = cleanPath(path);
      if (cleaned !== path) return redirect(cleaned, redirects);
      const { headers } = request;
      return respond(new Question({ method, path, query, headers, body, signal: ended.signal }));
    });
    if (reply === 'hang' || ended.signal.aborted) return;
    if (reply === 'reset') request.socket.destroy();
    else sent(response, reply, query.has('pretty'));
  };
  const spoiled = async (
    asked: HttpRequest,
    signal: AbortSignal,
    answer: () => Reply | Promise<Reply>,
  ): Promise<Reply | 'hang' | 'reset'> => {
    if (faults.only !== undefined && !faults.only(asked)) return answer();
    const delay = faults.delay(asked);
    if (delay > 0) await sleep(clock, delay, signal);
    if (faults.hang) return 'hang';
    if (faults.reset) return 'reset';
    if (faults.failing.count > 0) {
      faults.failing.count--;
      return faults.failing;
    }
    return faults.error ?? answer();
  };

  return {
    open: async (port) => {
      if (server !== undefined) return (server.address() as AddressInfo).port;
      const created = http.createServer((request, response) => {
        serve(request, response).catch((error: unknown) => {
          if (response.destroyed || response.headersSent) return;
          sent(response, { status: 500, text: `the double failed: ${(error as Error)?.stack ?? error}` });
        });
      });
      created.on('connection', (socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      });
      // Consul keeps idle connections for two minutes.
      created.keepAliveTimeout = 120_000;
      await new Promise<void>((resolve, reject) => {
        created.once('error', reject);
        created.listen({ host, port }, resolve);
      });
      server = created;
      return (created.address() as AddressInfo).port;
    },
    close: async () => {
      const closing = server;
      server = undefined;
      if (closing === undefined) return;
      const closed = new Promise((resolve) => closing.close(resolve));
      disconnect();
      await closed;
    },
    disconnect,
  };
}

async function bodyOf(request: http.IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > LONGEST_BODY) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** `+` in a query is a space, as in Go. */
function taken(url: string): [path: string | undefined, query: URLSearchParams] {
  const at = url.indexOf('?');
  const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
  try {
    return [decodeURIComponent(at < 0 ? url : url.slice(0, at)), query];
  } catch {
    return [undefined, query];
  }
}

/** Without `//`, `.` and `..`, as Go's router insists on. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  const slash = path.endsWith('/') && parts.length > 0 ? '/' : '';
  return `/${parts.join('/')}${slash}`;
}

function redirect(path: string, status: number): Reply {
  return { status, headers: { Location: encodeURI(path) } };
}

function sent(
  response: http.ServerResponse,
  { status = 200, headers = {}, ...content }: Reply,
  pretty = false,
): void {
  const { json, bytes, text } = content;
  const type =
    json !== undefined ? 'application/json' : text !== undefined ? 'text/plain; charset=utf-8' : undefined;
  const body =
    json !== undefined
      ? JSON.stringify(json, null, pretty ? 4 : 0) + (pretty ? '\n' : '')
      : (bytes ?? text ?? '');
  response.writeHead(status, {
    ...(type !== undefined && { 'Content-Type': type }),
    Vary: 'Accept-Encoding',
    ...headers,
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}
