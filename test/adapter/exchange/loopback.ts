import type { RequestListener } from 'node:http';
import type * as Undici from 'undici';
import type { Dispatcher } from 'undici';
import { vi } from 'vitest';
import { createDispatcher, createFetch, type DispatcherOptions } from '../../../src/adapter/undici.ts';
import type { ServiceOptions } from '../../../src/index.ts';
import { readyWorld } from '../../service-world.ts';
import { type Instance, instance, listOf, stop } from '../undici-instances.ts';
import { recording, type Told } from './recording.ts';

/** Nobody listens there, where an instance was a moment ago. */
export async function gone(): Promise<Instance> {
  const one = await instance();
  await stop(one);
  return one;
}

/** Requests over real connections to `instances`, asked in the order in which they stand here; our own timers stand still. */
export async function loopback(
  undici: typeof Undici,
  given: readonly (RequestListener | Instance)[],
  options: DispatcherOptions = {},
  service: ServiceOptions = {},
) {
  const outcomes: Told[] = [];
  const reports: Told[] = [];
  const all = await Promise.all(given.map((each) => (typeof each === 'function' ? instance(each) : each)));
  const place = (port: number) => all.findIndex((each) => each.port === port);
  const world = await readyWorld(
    {
      // The list is sorted by address: not as they stand here.
      balancer: () => {
        const turns = recording(outcomes, reports);
        return {
          ...turns,
          update: ({ endpoints, ...rest }) =>
            turns.update({ ...rest, endpoints: endpoints.toSorted((a, b) => place(a.port) - place(b.port)) }),
        };
      },
      ...service,
    },
    listOf(...all),
  );
  const dispatcher = createDispatcher(world.discovery, { undici, ...options });
  return {
    ...world,
    instances: all,
    outcomes,
    reports,
    dispatcher,
    request: (path = '/', more: Partial<Dispatcher.RequestOptions> & { signal?: AbortSignal } = {}) =>
      undici.request(`http://web.service.consul${path}`, { dispatcher, ...more } as never),
    /** Another dispatcher, with the same options. */
    fetch: createFetch(world.discovery, { undici, ...options }),
    /** How it went, by place: `0 ok`, `1 failed`, `2 nothing`. */
    get said(): string[] {
      return outcomes.map(
        ({ endpoint, outcome: { ok, aborted } }) =>
          `${place(endpoint.port)} ${aborted ? 'nothing' : ok ? 'ok' : 'failed'}`,
      );
    },
    /** Requests that reached each of them. */
    get asked(): number[] {
      return all.map(({ requests }) => requests);
    },
    get inFlight(): number {
      return world.web.stats().inFlight;
    },
  };
}

/** Becomes true some time soon. */
export const soon = (what: () => void) => vi.waitFor(what, { interval: 2, timeout: 5_000 });

export const wellAnswered: RequestListener = (request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => response.end(`${request.method} ${Buffer.concat(parts)}`));
};
/** Takes the request and breaks the connection. */
export const breaking: RequestListener = (request) => void request.socket.destroy();
/** Reads all of it, and breaks the connection then. */
export const breakingLate: RequestListener = (request) => {
  request.resume();
  request.on('end', () => request.socket.destroy());
};
export const failing: RequestListener = (request, response) => {
  request.resume();
  request.on('end', () => void response.writeHead(503).end('not now'));
};
export const silent: RequestListener = (request) => void request.resume();
