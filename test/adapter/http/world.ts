import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import {
  HttpAgent,
  type HttpAgentOptions,
  HttpsAgent,
  type HttpsAgentOptions,
} from '../../../src/adapter/http.ts';
import type { DiscoveryOptions, Endpoint, Outcome, ServiceOptions } from '../../../src/index.ts';
import type { Address } from '../../../src/resolver/resolver.ts';
import { readyWorld } from '../../service-world.ts';

export const pem = (name: string) =>
  readFileSync(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url), 'utf8');

export interface Backend {
  readonly port: number;
  /** Connections so far. */
  readonly accepted: Socket[];
  /** Requests so far, by method, path and Host header. */
  readonly asked: { readonly method: string; readonly url: string; readonly host: string | undefined }[];
  readonly server: http.Server | https.Server;
  close(): Promise<void>;
}

type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void;

const greets: Answer = (request, response) => {
  request.resume().on('end', () => response.end(`hello from ${request.socket.localPort}`));
};

/** A server of one's own, until the test is over. */
export async function backend(
  answer: Answer = greets,
  { tls, mutual = false }: { tls?: string; mutual?: boolean } = {},
): Promise<Backend> {
  const asked: Backend['asked'] = [];
  const accepted: Socket[] = [];
  const listener: Answer = (request, response) => {
    asked.push({ method: request.method!, url: request.url!, host: request.headers.host });
    answer(request, response);
  };
  const server =
    tls === undefined
      ? http.createServer(listener)
      : https.createServer(
          { key: pem(`${tls}-key`), cert: pem(tls), ca: pem('ca'), requestCert: mutual },
          listener,
        );
  // Only our side decides here how long a connection is kept.
  server.keepAliveTimeout = 0;
  server.on('connection', (socket: Socket) => void accepted.push(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const socket of accepted) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  return { port: (server.address() as AddressInfo).port, accepted, asked, server, close };
}

export const backends = (count: number, ...rest: Parameters<typeof backend>): Promise<Backend[]> =>
  Promise.all(Array.from({ length: count }, () => backend(...rest)));

/** A port where nobody listens. */
export async function refusing(): Promise<number> {
  const { port } = await backend();
  // The near end of a connection: nobody listens there, and nobody is given the port meanwhile.
  const holder = connect(port, '127.0.0.1').on('error', () => {});
  await once(holder, 'connect');
  onTestFinished(() => void holder.destroy());
  return holder.localPort!;
}

export const at = (...ports: readonly number[]): Address[] =>
  ports.map((port) => ({ host: '127.0.0.1', port, priority: 1, weight: 1 }));

export interface Told {
  readonly port: number;
  readonly outcome: Outcome;
}

/** A service with an instance at each of the ports, which takes them in turn as they are given here, and what its strategy is told. */
export async function httpWorld(
  ports: readonly number[],
  options: ServiceOptions = {},
  rest: DiscoveryOptions = {},
) {
  const told: Told[] = [];
  const keys: (string | undefined)[] = [];
  const balancer: ServiceOptions['balancer'] = () => {
    let open: Endpoint[] = [];
    let turn = 0;
    return {
      update: ({ endpoints }) => {
        const known = ports.flatMap((port) => endpoints.filter((each) => each.port === port));
        open = [...known, ...endpoints.filter(({ port }) => !ports.includes(port))];
      },
      pick: (key, exclude) => {
        keys.push(key);
        for (let i = 0; i < open.length; i++) {
          const next = open[turn++ % open.length]!;
          if (exclude?.has(next) !== true) return next;
        }
        return undefined;
      },
      finished: ({ port }, outcome) => void told.push({ port, outcome }),
      reported: ({ port }, outcome) => void told.push({ port, outcome }),
    };
  };
  const world = await readyWorld({ balancer, outlier: false, ...options }, { addresses: at(...ports) }, rest);
  const inFlight = () => world.web.endpoints.reduce((sum, each) => sum + each.inFlight, 0);
  const agent = (given?: HttpAgentOptions) => destroyed(new HttpAgent(world.discovery, given));
  const tlsAgent = (given?: HttpsAgentOptions) =>
    destroyed(new HttpsAgent(world.discovery, { ca: pem('ca'), ...given }));
  return { ...world, told, keys, inFlight, agent, tlsAgent };
}

/** An agent that goes with its test. */
export function destroyed<A extends http.Agent>(agent: A): A {
  onTestFinished(() => agent.destroy());
  return agent;
}

export interface Answered {
  readonly status: number;
  readonly body: string;
}

/** One request, with its body read. */
export function ask(
  url: string,
  options: https.RequestOptions & { body?: string | Buffer },
): Promise<Answered> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? https : http).request(url, rest, (response) => {
      const chunks: Buffer[] = [];
      response
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => resolve({ status: response.statusCode!, body: Buffer.concat(chunks).toString() }))
        .on('error', reject);
    });
    request.on('error', reject).end(body);
  });
}

export const failed = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error) => error,
  );

/** Until the sockets of this process have done what is under way; no time is waited for. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 200_000 && !holds(); turns++)
    await new Promise((resolve) => setImmediate(resolve));
  if (!holds()) throw new Error('did not come about');
}

/** Sockets that an agent has in whatever state, and requests that wait for one. */
export function held({ sockets, freeSockets, requests }: http.Agent): number {
  return [sockets, freeSockets, requests]
    .flatMap((each) => Object.values(each))
    .reduce((sum, list) => sum + (list as unknown[]).length, 0);
}
