import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { request } from 'undici';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { createDispatcher } from '../../src/adapter/undici.ts';
import { createDiscovery, type Discovery, type RetriesExhaustedError } from '../../src/index.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

const fixture = (name: string) => readFile(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8');

/** An error and what is underneath it, outermost first. */
function chain(error: unknown): { name: string; code: string | undefined }[] {
  if (!(error instanceof Error)) return [];
  return [{ name: error.name, code: (error as NodeJS.ErrnoException).code }, ...chain(error.cause)];
}

describeWithConsul('a service that speaks TLS', () => {
  let agent: Agent;
  let ca: string;
  const open: { id: string; server: Server }[] = [];
  const discoveries: Discovery[] = [];

  beforeAll(async () => {
    agent = await startAgent();
    ca = await fixture('ca');
  });
  afterEach(async () => {
    for (const discovery of discoveries.splice(0)) await discovery.close();
    for (const { id, server } of open.splice(0)) {
      await agent.deregister(id);
      server.closeAllConnections();
      server.close();
    }
  });
  afterAll(() => agent.stop());

  /** An instance of `web` that shows the named certificate. It answers with the server name and the Host it was asked for. */
  async function serve(certificate: 'web' | 'other' | 'stranger') {
    const [cert, key] = await Promise.all([fixture(certificate), fixture(`${certificate}-key`)]);
    const seen = { connections: 0, requests: 0 };
    const server = createServer({ cert, key }, (asked, response) => {
      seen.requests++;
      response.end(
        JSON.stringify({ serverName: (asked.socket as TLSSocket).servername, host: asked.headers.host }),
      );
    });
    server.on('connection', () => seen.connections++);
    // What the other side breaks off is what it says of the certificate.
    server.on('tlsClientError', () => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const id = `web-${port}`;
    await agent.register({ name: 'web', id, address: '127.0.0.1', port, tags: ['v1'] });
    open.push({ id, server });
    return seen;
  }

  function client(options: Parameters<typeof createDispatcher>[1] = { pool: { connect: { ca } } }) {
    const discovery = createDiscovery({ servers: [agent.dnsAddress] });
    discoveries.push(discovery);
    const dispatcher = createDispatcher(discovery, options);
    return async (url: string, method: 'GET' | 'POST' = 'GET') => {
      const { statusCode, body } = await request(url, { dispatcher, method });
      return { statusCode, ...((await body.json()) as { serverName: string; host: string }) };
    };
  }

  it.each(['web.service.consul', 'v1.web.service.consul'])(
    "https://%s is shown a certificate for that name, whatever the instance's address",
    async (host) => {
      const seen = [await serve('web'), await serve('web')];
      const get = client();
      for (let i = 0; i < 20; i++)
        expect(await get(`https://${host}/`)).toEqual({ statusCode: 200, serverName: host, host });
      // One connection each, kept.
      expect(seen).toEqual([
        { connections: 1, requests: 10 },
        { connections: 1, requests: 10 },
      ]);
    },
  );

  it.each([
    ['is for another name', 'other', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['nobody vouches for', 'stranger', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ] as const)(
    'a certificate that %s is refused (%s: %s), after one retry and not on and on',
    async (_, certificate, code) => {
      const seen = [await serve(certificate), await serve(certificate), await serve(certificate)];
      const get = client({ pool: { connect: { ca } }, retries: 1 });
      for (const method of ['GET', 'POST'] as const) {
        const error = await get('https://web.service.consul/', method).catch((thrown: unknown) => thrown);
        expect(chain(error)).toMatchObject([{ name: 'RetriesExhaustedError' }, { code }]);
        expect((error as RetriesExhaustedError).attempts).toHaveLength(2);
      }
      const connections = seen.reduce((sum, each) => sum + each.connections, 0);
      // POST too: nothing was sent.
      expect(connections).toBe(4);
      expect(seen.map(({ requests }) => requests)).toEqual([0, 0, 0]);
    },
  );

  it('without the authority nobody is trusted', async () => {
    const seen = await serve('web');
    const get = client({});
    const error = await get('https://web.service.consul/').catch((thrown: unknown) => thrown);
    expect(chain(error).at(-1)?.code).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect(seen.requests).toBe(0);
  });

  it('one of three with a wrong certificate costs no request, and is soon let be', async () => {
    const seen = [await serve('web'), await serve('other'), await serve('web')];
    const post = client();
    // Not idempotent: repeated all the same, since nothing was sent.
    for (let i = 0; i < 100; i++)
      expect(await post('https://web.service.consul/', 'POST')).toMatchObject({ statusCode: 200 });
    expect(seen[1]!.requests).toBe(0);
    // Five failures in a row eject it.
    expect(seen[1]!.connections).toBe(5);
  });
});
