import type { Client, Place } from './client.ts';

export interface Contestant {
  readonly title: string;
  /** The key of what it is compared with. */
  readonly floor: string;
  readonly open: (place: Place) => Promise<Client>;
}

// Each module is loaded only where it is measured.
const undici = () => import('./undici-clients.ts');
const ours = () => import('./our-clients.ts');
const fetch = () => import('./fetch-clients.ts');
const http = () => import('./http-clients.ts');

/** Floors before those that are compared with them. */
export const contestants = {
  raw: {
    title: 'undici, a Pool per backend, cursor',
    floor: 'raw',
    open: async (place) => (await undici()).rawUndici(place),
  },
  again: {
    title: 'the same again',
    floor: 'raw',
    open: async (place) => (await undici()).rawUndici(place),
  },
  dispatcher: {
    title: 'ours: createDispatcher',
    floor: 'raw',
    open: async (place) => (await ours()).ourDispatcher(place),
  },
  interceptor: {
    title: 'ours: interceptor, over an Agent',
    floor: 'raw',
    open: async (place) => (await ours()).ourInterceptor(place),
  },
  oneLine: {
    title: 'an interceptor of one line, cursor',
    floor: 'raw',
    open: async (place) => (await undici()).oneLineInterceptor(place),
  },
  dns: {
    title: 'undici interceptors.dns, static list',
    floor: 'raw',
    open: async (place) => (await undici()).dnsInterceptor(place),
  },
  balanced: {
    title: 'undici BalancedPool',
    floor: 'raw',
    open: async (place) => (await undici()).balancedPool(place),
  },
  haproxy: {
    title: 'HAProxy on SRV, undici in front',
    floor: 'raw',
    open: async (place) => (await undici()).proxied(place),
  },
  rawUrl: {
    title: 'undici request(url), Pools, cursor',
    floor: 'rawUrl',
    open: async (place) => (await undici()).rawByUrl(place),
  },
  ourUrl: {
    title: 'ours: request(url), createDispatcher',
    floor: 'rawUrl',
    open: async (place) => (await ours()).ourDispatcherByUrl(place),
  },
  rawFetch: {
    title: 'undici fetch, Agent, cursor',
    floor: 'rawFetch',
    open: async (place) => (await fetch()).rawFetch(place),
  },
  ourFetch: {
    title: 'ours: createFetch',
    floor: 'rawFetch',
    open: async (place) => (await ours()).ourFetch(place),
  },
  rawHttp: {
    title: 'node:http Agent, cursor',
    floor: 'rawHttp',
    open: async (place) => (await http()).rawHttp(place),
  },
  ourHttp: {
    title: 'ours: HttpAgent',
    floor: 'rawHttp',
    open: async (place) => (await http()).ourHttp(place),
  },
} satisfies Record<string, Contestant>;

export type Key = keyof typeof contestants;
