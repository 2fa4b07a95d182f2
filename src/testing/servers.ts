import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { type Clock, sleep, type TimerHandle } from '../clock.ts';
import type { Transport } from './reply.ts';

/** What goes back for one request: nothing, the reply, or the reply behind others. */
export interface Outgoing {
  packets: readonly Buffer[];
  /** ms */
  delay: number;
  /** Sent before, from another port; over UDP only. */
  spoofed: readonly Buffer[];
  /** Sent once more, so many ms later; over UDP only. */
  late: { packet: Buffer; after: number } | undefined;
}

export const silence: Outgoing = { packets: [], delay: 0, spoofed: [], late: undefined };

/** What to send for a request; a promise where that takes time. */
export type Handle = (
  request: Buffer,
  transport: Transport,
  from: { address: string; port: number },
) => Outgoing | Promise<Outgoing>;

export interface ServerOptions {
  host: string;
  clock: Clock;
  handle: Handle;
}

/** One of the two sockets of the double; both can be opened and closed again and again. */
export interface Listener {
  /** Resolves with the port; 0 takes a free one. Nothing happens where it is open already. */
  open(port: number): Promise<number>;
  close(): Promise<void>;
}

/** More packets at once would be lost in the receiver's buffer, the true one among them. */
const BURST = 32;

export function udpListener({ host, clock, handle }: ServerOptions): Listener {
  const family = host.includes(':') ? 'udp6' : 'udp4';
  let current: UdpSocket | undefined;
  let other: UdpSocket | undefined;

  const answer = (socket: UdpSocket, outgoing: Outgoing, peer: { address: string; port: number }) => {
    const { packets, delay, spoofed, late } = outgoing;
    const send = (more: readonly Buffer[], by = socket) => {
      if (socket !== current) return;
      // What the system refuses to send is lost, as with Consul (F4.5).
      for (const packet of more.slice(0, BURST)) by.send(packet, peer.port, peer.address, () => {});
      if (more.length > BURST) setImmediate(send, more.slice(BURST), by);
    };
    const sendAll = () => {
      if (spoofed.length > 0) {
        other ??= createSocket(family);
        send(spoofed, other);
      }
      send(packets);
      if (late !== undefined) clock.setTimeout(() => send([late.packet]), late.after);
    };
    if (delay > 0) clock.setTimeout(sendAll, delay);
    else sendAll();
  };

  return {
    async open(port) {
      if (current !== undefined) return current.address().port;
      const socket = createSocket(family);
      socket.on('message', (request, { address, port: from }) => {
        const peer = { address, port: from };
        const outgoing = handle(request, 'udp', peer);
        if (outgoing instanceof Promise) void outgoing.then((held) => answer(socket, held, peer));
        else answer(socket, outgoing, peer);
      });
      socket.bind(port, host);
      try {
        await once(socket, 'listening');
      } catch (error) {
        socket.close();
        throw error;
      }
      socket.on('error', () => {});
      current = socket;
      return socket.address().port;
    },
    async close() {
      const sockets = [current, other];
      current = undefined;
      other = undefined;
      await Promise.all(
        sockets.map(async (socket) => {
          if (socket === undefined) return;
          const closed = once(socket, 'close');
          socket.close();
          await closed;
        }),
      );
    },
  };
}

export function tcpListener({ host, clock, handle }: ServerOptions): Listener {
  let current: Server | undefined;
  const connections = new Set<Socket>();
  return {
    async open(port) {
      if (current !== undefined) return portOf(current);
      // A client that has said all it wants to say still gets its replies (F8.3).
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
        connections.add(socket);
        socket.on('close', () => connections.delete(socket));
        const { remoteAddress: address = '', remotePort: port = 0 } = socket;
        serveConnection(socket, clock, (request) => handle(request, 'tcp', { address, port }));
      });
      server.listen(port, host);
      await once(server, 'listening');
      current = server;
      return portOf(server);
    },
    async close() {
      const server = current;
      current = undefined;
      if (server === undefined) return;
      server.close();
      for (const socket of connections) socket.destroy();
      await once(server, 'close');
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** ms until the first whole message, and between a reply and the next message (F8.3). */
const FIRST_MESSAGE = 2_000;
const IDLE = 8_000;
/** After so many the server closes, whatever was sent behind them (F8.2). */
const QUERIES_PER_CONNECTION = 128;

/** One message after the other: a slow one holds up those behind it (F8.1). */
function serveConnection(
  socket: Socket,
  clock: Clock,
  handle: (request: Buffer) => Outgoing | Promise<Outgoing>,
): void {
  let received: Buffer = Buffer.alloc(0);
  let served = 0;
  let serving = false;
  let clientDone = false;
  let deadline: TimerHandle | undefined;
  const within = (ms: number) => {
    clock.clearTimeout(deadline);
    deadline = clock.setTimeout(() => socket.destroy(), ms);
  };

  const nextMessage = (): Buffer | undefined => {
    const end = received.length < 2 ? Infinity : 2 + received.readUInt16BE(0);
    if (end > received.length) return undefined;
    const message = received.subarray(2, end);
    received = received.subarray(end);
    return message;
  };

  const serve = async () => {
    if (serving) return;
    serving = true;
    while (served < QUERIES_PER_CONNECTION) {
      const request = nextMessage();
      if (request === undefined) break;
      clock.clearTimeout(deadline);
      served++;
      const { packets, delay } = await handle(request);
      if (delay > 0) await sleep(clock, delay);
      if (socket.destroyed) return;
      for (const packet of packets) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(packet.length);
        socket.write(Buffer.concat([length, packet]));
      }
      within(IDLE);
    }
    serving = false;
    if (clientDone || served === QUERIES_PER_CONNECTION) socket.end();
  };

  within(FIRST_MESSAGE);
  socket.on('data', (chunk) => {
    // Past the last query everything is read and forgotten, so that the close does not cost the client its replies.
    if (served === QUERIES_PER_CONNECTION) return;
    received = Buffer.concat([received, chunk]);
    void serve();
  });
  socket.on('end', () => {
    clientDone = true;
    void serve();
  });
  socket.on('error', () => {});
  socket.on('close', () => clock.clearTimeout(deadline));
}
