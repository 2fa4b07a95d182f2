/** undici by itself: floors, and what it has of its own for several backends. */
import { Agent, BalancedPool, type Dispatcher, interceptors, Pool, request } from 'undici';
import { type Client, cursorOver, keepAlive, type Place, path, serviceHost, wrongStatus } from './client.ts';

/** The Host header that a balanced request has. */
const headers = { host: serviceHost };

/** The floor: a Pool for each backend, picked by a cursor. */
export function rawUndici({ origins }: Place): Client {
  const pools = origins.map((origin) => new Pool(origin, keepAlive));
  const next = cursorOver(pools);
  return {
    request: async () => textOf(await next().request({ path, method: 'GET', headers })),
    close: () => Promise.all(pools.map((pool) => pool.close())),
  };
}

/** The floor of those who call by URL, which undici reads each time. */
export function rawByUrl({ origins }: Place): Client {
  const pools = origins.map((origin) => new Pool(origin, keepAlive));
  const next = cursorOver(pools.map((dispatcher, i) => ({ dispatcher, url: origins[i]! + path })));
  return {
    request: async () => {
      const { url, dispatcher } = next();
      return textOf(await request(url, { dispatcher, headers }));
    },
    close: () => Promise.all(pools.map((pool) => pool.close())),
  };
}

export function balancedPool({ origins }: Place): Client {
  const pool = new BalancedPool([...origins], keepAlive);
  return {
    request: async () => textOf(await pool.request({ path, method: 'GET', headers })),
    close: () => pool.close(),
  };
}

/** With the list given to it, so that it never asks again. */
export function dnsInterceptor({ origins }: Place): Client {
  const { keepAliveTimeout: ttl } = keepAlive;
  const records = origins.map((origin) => {
    const { hostname, port } = new URL(origin);
    return { address: hostname, port: Number(port), family: 4 as const, ttl };
  });
  const agent = new Agent(keepAlive);
  const dns = interceptors.dns({ maxTTL: ttl, lookup: (_origin, _options, done) => done(null, records) });
  return through(agent.compose(dns), () => agent.close());
}

/** What every interceptor that chooses a backend costs at least. */
export function oneLineInterceptor({ origins }: Place): Client {
  const agent = new Agent(keepAlive);
  const next = cursorOver(origins);
  const dispatcher = agent.compose(
    (dispatch) => (options, handler) => dispatch({ ...options, origin: next(), headers }, handler),
  );
  return through(dispatcher, () => agent.close());
}

/** One origin with as many connections as there are requests at once. */
export function proxied({ proxy }: Place): Client {
  const pool = new Pool(proxy!, { ...keepAlive, connections: 16, pipelining: 1 });
  return {
    request: async () => textOf(await pool.request({ path, method: 'GET', headers })),
    close: () => pool.close(),
  };
}

/** A dispatcher that finds the backend by the host name. */
export function through(dispatcher: Dispatcher, close: () => Promise<unknown>): Client {
  const origin = `http://${serviceHost}`;
  return {
    request: async () => textOf(await dispatcher.request({ origin, path, method: 'GET' })),
    close,
  };
}

export function textOf({ statusCode, body }: Dispatcher.ResponseData): Promise<string> {
  if (statusCode !== 200) throw wrongStatus(statusCode);
  return body.text();
}
