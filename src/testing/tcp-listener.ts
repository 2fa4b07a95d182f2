import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { type Clock, sleep, type TimerHandle } from '../clock.ts';
import type { Listener, Outgoing, ServerOptions } from './servers.ts';

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
