import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { httpProbe } from '../../src/health/http.ts';
import type { ProbeTarget } from '../../src/health/probe.ts';
import { registeredCheckProbe } from '../../src/health/registered-check.ts';
import { tcpProbe } from '../../src/health/tcp.ts';

const servers: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const tls = (name: string) => new URL(`../fixtures/tls/${name}`, import.meta.url);
const never = new AbortController().signal;

async function http(handler: Parameters<typeof createServer>[1]): Promise<{ host: string; port: number }> {
  const server: Server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

describe('the TCP probe', () => {
  it('is the time to connect', async () => {
    const elapsed = await tcpProbe(await http(() => {}), never);
    expect(elapsed).toBeGreaterThan(0);
    expect(elapsed).toBeLessThan(1_000);
  });

  it('fails where nobody listens', async () => {
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await expect(tcpProbe({ host: '127.0.0.1', port }, never)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });

  it('ends when it is aborted', async () => {
    await expect(tcpProbe(await http(() => {}), AbortSignal.abort())).rejects.toThrow();
  });
});

describe('the HTTP probe', () => {
  it('asks with HEAD for the path, with the host it is meant for', async () => {
    const seen: string[] = [];
    const target = await http((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.host}`);
      response.end();
    });
    await httpProbe({ http: '/health' })(target, never);
    await httpProbe({ http: '/x', method: 'GET' })({ ...target, serverName: 'web.example' }, never);
    expect(seen).toEqual([`HEAD /health 127.0.0.1:${target.port}`, 'GET /x web.example']);
  });

  it('takes a status of 400 or more for a failure (T32: a fast error is not fast)', async () => {
    for (const [status, fails] of [
      [200, false],
      [302, false],
      [404, true],
      [503, true],
    ] as const) {
      const target = await http((_request, response) => response.writeHead(status).end());
      const outcome = await httpProbe({ http: '/' })(target, never).then(
        () => false,
        () => true,
      );
      expect([status, outcome]).toEqual([status, fails]);
    }
  });

  it('does not wait for the body', async () => {
    const target = await http((_request, response) => {
      response.writeHead(200);
      response.write('the first of many');
    });
    expect(await httpProbe({ http: '/', method: 'GET' })(target, never)).toBeGreaterThan(0);
  });

  it('ends when it is aborted', async () => {
    const controller = new AbortController();
    const target = await http(() => controller.abort(new Error('enough')));
    await expect(httpProbe({ http: '/' })(target, controller.signal)).rejects.toThrow();
  });
});

describe("the probe of Consul's own check", () => {
  it('asks for the URL with GET, by the host that stands in it', async () => {
    const seen: string[] = [];
    const check = await http((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.host}`);
      response.end();
    });
    const target = { host: '127.0.0.1', port: 1, check: `http://localhost:${check.port}/health?deep=1` };
    expect(await registeredCheckProbe(target, never)).toBeGreaterThan(0);
    expect(seen).toEqual([`GET /health?deep=1 localhost:${check.port}`]);
  });

  it('takes a redirect for an answer and follows none; a status of 400 or more is a failure', async () => {
    let asked = 0;
    for (const [status, fails] of [
      [301, false],
      [429, true],
      [500, true],
    ] as const) {
      const { port } = await http((_request, response) => {
        asked++;
        response.writeHead(status, { location: '/elsewhere' }).end();
      });
      const probed = registeredCheckProbe(
        { host: '127.0.0.1', port, check: `http://127.0.0.1:${port}/` },
        never,
      );
      expect([
        status,
        await probed.then(
          () => false,
          () => true,
        ),
      ]).toEqual([status, fails]);
    }
    expect(asked).toBe(3);
  });

  it('looks at no certificate: only the time matters', async () => {
    const server = createTlsServer(
      { key: readFileSync(tls('web-key.pem')), cert: readFileSync(tls('web.pem')) },
      (_request, response) => response.end(),
    );
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const target = { host: '127.0.0.1', port, check: `https://127.0.0.1:${port}/` };
    expect(await registeredCheckProbe(target, never)).toBeGreaterThan(0);
  });

  it('connects where Consul does; to the instance where it is not known how Consul looks', async () => {
    const { port } = await http(() => {});
    const connects = (target: ProbeTarget) =>
      registeredCheckProbe(target, never).then(
        () => true,
        () => false,
      );
    expect(await connects({ host: '127.0.0.1', port: 1, check: `tcp://127.0.0.1:${port}` })).toBe(true);
    expect(await connects({ host: '127.0.0.1', port })).toBe(true);
    expect(await connects({ host: '127.0.0.1', port, check: 'no URL' })).toBe(true);
    expect(await connects({ host: '127.0.0.1', port, check: 'gopher://127.0.0.1:1/' })).toBe(true);
    expect(await connects({ host: '127.0.0.1', port, check: 'tcp://127.0.0.1:1' })).toBe(false);
  });

  it('ends when it is aborted', async () => {
    const { port } = await http(() => {});
    const end = new AbortController();
    const probed = registeredCheckProbe(
      { host: '127.0.0.1', port, check: `http://127.0.0.1:${port}/` },
      end.signal,
    );
    end.abort();
    await expect(probed).rejects.toThrow();
  });
});
