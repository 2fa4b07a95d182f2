/** Ours over undici. */
import { Agent, request } from 'undici';
import { createDispatcher, createFetch, interceptor } from '../../src/adapter/undici.ts';
import { createDiscovery } from '../../src/index.ts';
import { type Client, keepAlive, type Place, path, serviceHost } from './client.ts';
import { textOf as textOfFetched } from './fetch-clients.ts';
import { textOf, through } from './undici-clients.ts';

function discover({ dnsPort }: Place) {
  return createDiscovery({ servers: [`127.0.0.1:${dnsPort}`] });
}

/** Closing the discovery closes the dispatcher. */
export function ourDispatcher(place: Place): Client {
  const discovery = discover(place);
  return through(createDispatcher(discovery, { pool: keepAlive }), () => discovery.close());
}

/** As it is usually called, which has undici read the URL each time. */
export function ourDispatcherByUrl(place: Place): Client {
  const discovery = discover(place);
  const dispatcher = createDispatcher(discovery, { pool: keepAlive });
  const url = `http://${serviceHost}${path}`;
  return {
    request: async () => textOf(await request(url, { dispatcher })),
    close: () => discovery.close(),
  };
}

export function ourInterceptor(place: Place): Client {
  const discovery = discover(place);
  const agent = new Agent(keepAlive);
  return through(agent.compose(interceptor(discovery)), async () => {
    await agent.close();
    await discovery.close();
  });
}

export function ourFetch(place: Place): Client {
  const discovery = discover(place);
  const fetch = createFetch(discovery, { pool: keepAlive });
  const url = `http://${serviceHost}${path}`;
  return {
    request: async () => textOfFetched((await fetch(url)) as never),
    close: () => discovery.close(),
  };
}
