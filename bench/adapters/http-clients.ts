/** node:http by itself, and with our agent. */
import { Agent, get, type RequestOptions } from 'node:http';
import { HttpAgent } from '../../src/adapter/http.ts';
import { createDiscovery } from '../../src/index.ts';
import { type Client, cursorOver, type Place, path, serviceHost, wrongStatus } from './client.ts';

/** The floor: one Agent, hosts and ports by a cursor, with the Host header that a balanced request has. */
export function rawHttp({ origins }: Place): Client {
  const agent = new Agent({ keepAlive: true });
  const next = cursorOver(
    origins.map((origin) => {
      const { hostname, port } = new URL(origin);
      return { host: hostname, port: Number(port), path, agent, headers: { host: serviceHost } };
    }),
  );
  return { request: () => text(next()), close: async () => agent.destroy() };
}

export function ourHttp({ dnsPort }: Place): Client {
  const discovery = createDiscovery({ servers: [`127.0.0.1:${dnsPort}`] });
  const options = { host: serviceHost, path, agent: new HttpAgent(discovery) };
  return { request: () => text(options), close: () => discovery.close() };
}

function text(options: RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    get(options, (response) => {
      let body = '';
      if (response.statusCode !== 200) reject(wrongStatus(response.statusCode));
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
      response.on('error', reject);
    }).on('error', reject);
  });
}
