import { once } from 'node:events';
import * as net from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { connect, socketFor } from '../../src/adapter/net.ts';
import { discover, seen } from './asking.ts';
import { describeWithConsul, startAgent } from './consul-agent.ts';
import { freePorts } from './free-ports.ts';

/** Says its port and echoes, until it is stopped. */
async function serve(port: number): Promise<() => Promise<void>> {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    socket.write(`${port}\n`);
    socket.pipe(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return async () => {
    for (const socket of open) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
}

async function scene(count: number) {
  const agent = await startAgent();
  onTestFinished(() => agent.stop());
  const ports = await freePorts(count);
  const stops = await Promise.all(ports.map(serve));
  onTestFinished(async () => {
    for (const stop of stops) await stop();
  });
  const instance = (port: number) => ({ name: 'line', address: '127.0.0.1', port });
  const ids = await agent.registerMany(ports.map(instance));
  const { discovery } = discover(agent, { ttl: { min: 1_000 } });
  return { agent, ports, stops, ids, instance, line: discovery.service('line') };
}

const greeting = async (socket: net.Socket) => Number(String((await once(socket, 'data'))[0]).split('\n')[0]);

describeWithConsul('connections to a service', () => {
  it('go to its instances by turns, and past one that ended before Consul says so', async () => {
    const { agent, ports, stops, line } = await scene(4);
    const counts = new Map<number, number>();
    const visit = async (socket: net.Socket) => {
      const port = await greeting(socket);
      counts.set(port, (counts.get(port) ?? 0) + 1);
      socket.destroy();
    };
    for (let i = 0; i < 40; i++) await visit(await connect(line));
    expect([...counts].sort()).toEqual(ports.map((port) => [port, 10]).sort());
    counts.clear();
    await stops[0]!();
    for (let i = 0; i < 60; i++) {
      await visit(await connect(line));
      await visit(socketFor(line).connect({ port: 1 }));
    }
    expect(counts.has(ports[0]!)).toBe(false);
    expect([...counts.values()].reduce((sum, each) => sum + each)).toBe(120);
    expect(line.stats()).toMatchObject({ inFlight: 0, ejected: 1, endpoints: 4 });
    seen(agent, 'an instance ended, Consul does not know', { connections: 120, failed: 0 });
  });

  it('outlive the registration of their instance, and a Consul that was killed', async () => {
    const { agent, ports, ids, line } = await scene(3);
    const sockets = await Promise.all(ports.map(() => connect(line)));
    const kept = await Promise.all(sockets.map(greeting));
    expect([...kept].sort()).toEqual([...ports].sort());
    await agent.deregister(ids[0]!);
    await expect.poll(() => line.endpoints.length, { timeout: 20_000 }).toBe(2);
    for (let i = 0; i < 10; i++) {
      const socket = await connect(line);
      expect(await greeting(socket)).not.toBe(ports[0]);
      socket.destroy();
    }
    await agent.kill();
    for (let i = 0; i < 10; i++) (await connect(line)).destroy();
    for (const socket of sockets) {
      socket.write('still here');
      expect(String((await once(socket, 'data'))[0])).toBe('still here');
      socket.destroy();
    }
    expect(line.stats().inFlight).toBe(0);
  });
});
