/**
 * A process of its own between a client and a DNS server, UDP and TCP on one port, that lets through as much as it is told to.
 * A partition differs from this in one thing: here TCP connections are still accepted, and then nothing comes.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { ProxyMode } from './messages.ts';

const host = '127.0.0.1';
/** A client's socket that says nothing for so long is gone, in ms. */
const forgetAfter = 5_000;

interface Client {
  readonly upstream: UdpSocket;
  last: number;
}

const [port = 0, serverPort = 0] = JSON.parse(process.argv[2] ?? '[]') as number[];
let mode: ProxyMode = 'pass';
let open: { udp: UdpSocket; tcp: Server } | undefined;
const clients = new Map<string, Client>();
const connections = new Set<Socket>();

const passes = () => mode === 'pass' || (mode === 'lossy' && Math.random() < 2 / 3);

function clientOf(udp: UdpSocket, address: string, from: number): Client {
  const key = `${address}:${from}`;
  const known = clients.get(key);
  if (known !== undefined) return known;
  const upstream = createSocket('udp4');
  const client: Client = { upstream, last: Date.now() };
  clients.set(key, client);
  const leave = () => {
    if (clients.get(key) === client) clients.delete(key);
    upstream.close();
  };
  upstream.on('message', (reply) => {
    if (passes() && open?.udp === udp) udp.send(reply, from, address);
  });
  // The server is down: to the client that is silence, as behind a network.
  upstream.on('error', () => {});
  const forget = setInterval(() => {
    if (Date.now() - client.last < forgetAfter) return;
    clearInterval(forget);
    leave();
  }, forgetAfter);
  return client;
}

async function listen(): Promise<void> {
  const udp = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  udp.on('message', (query, { address, port: from }) => {
    if (!passes()) return;
    const client = clientOf(udp, address, from);
    client.last = Date.now();
    client.upstream.send(query, serverPort, host);
  });
  const tcp = createServer((socket) => {
    const upstream = connect(serverPort, host);
    for (const [near, far] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      connections.add(near);
      near.on('data', (chunk) => {
        if (mode === 'pass' || mode === 'lossy') far.write(chunk);
      });
      near.on('end', () => far.end());
      near.on('error', () => far.destroy());
      near.on('close', () => {
        connections.delete(near);
        far.destroy();
      });
    }
  });
  const bound = once(udp, 'listening');
  udp.bind(port, host);
  await bound;
  const listening = once(tcp, 'listening');
  tcp.listen(port, host);
  await listening;
  open = { udp, tcp };
}

async function shut(): Promise<void> {
  if (open === undefined) return;
  const { udp, tcp } = open;
  open = undefined;
  for (const connection of connections) connection.destroy();
  const closed = Promise.all([once(udp, 'close'), once(tcp, 'close')]);
  udp.close();
  tcp.close();
  await closed;
}

process.on('message', async (next: ProxyMode) => {
  mode = next;
  if (mode === 'refuse') await shut();
  else if (open === undefined) await listen();
  process.send!(mode);
});
process.once('disconnect', () => process.exit());
await listen();
process.send!('pass');
