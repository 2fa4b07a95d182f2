import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createSecureServer, type Http2SecureServer, type SecureServerOptions } from 'node:http2';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach } from 'vitest';
import type { Address } from '../../src/resolver/resolver.ts';

/** A server on loopback that stands for an instance of a service. */
export interface Instance {
  readonly address: Address;
  readonly port: number;
  readonly server: Server | Http2SecureServer;
  /** Connections that are open now. */
  readonly sockets: Set<Socket>;
  /** Connections so far. */
  accepted: number;
  /** Requests so far. */
  requests: number;
}

const running: Instance[] = [];
afterEach(async () => {
  for (const instance of running.splice(0)) await stop(instance);
});

/** Ends it now, with all its connections. */
export async function stop({ server, sockets }: Instance): Promise<void> {
  for (const socket of sockets) socket.destroy();
  if (server.listening) await new Promise((resolve) => server.close(resolve));
}

/** Says which instance answered. */
export const ownPort: RequestListener = (request, response) => {
  request.resume();
  response.end(String(request.socket.localPort));
};

/** Says what reached it. */
export const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { method, url, headers } = request;
    const body = Buffer.concat(chunks).toString('latin1');
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method, url, headers, body, port: request.socket.localPort }));
  });
};

export async function instance(answer: RequestListener = ownPort, host = '127.0.0.1'): Promise<Instance> {
  return begin(createServer(answer), host);
}

export async function tlsInstance(
  options: ServerOptions,
  answer: RequestListener = ownPort,
): Promise<Instance> {
  return begin(createTlsServer(options, answer), '127.0.0.1');
}

/** Speaks HTTP/2 and, with `allowHTTP1`, what else it is asked for. */
export async function h2Instance(
  options: SecureServerOptions,
  answer: RequestListener = ownPort,
): Promise<Instance> {
  return begin(createSecureServer(options, answer as never), '127.0.0.1');
}

async function begin(server: Server | Http2SecureServer, host: string): Promise<Instance> {
  const sockets = new Set<Socket>();
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const began: Instance = {
    address: { host, port, priority: 1, weight: 1 },
    port,
    server,
    sockets,
    accepted: 0,
    requests: 0,
  };
  server.on('connection', (socket: Socket) => {
    began.accepted++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (_: IncomingMessage) => began.requests++);
  // What the other side breaks off is what it says of the certificate.
  server.on('tlsClientError', () => {});
  running.push(began);
  return began;
}

export function instances(count: number, answer?: RequestListener, host?: string): Promise<Instance[]> {
  return Promise.all(Array.from({ length: count }, () => instance(answer, host)));
}

/** What a scripted source answers with. */
export function listOf(...those: readonly Instance[]): { addresses: Address[] } {
  return { addresses: those.map(({ address }) => address) };
}
