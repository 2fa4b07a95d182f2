import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Listener, Outgoing, ServerOptions } from './servers.ts';

/** More packets at once would be lost in the receiver's buffer, the true one among them. */
const BURST = 32;

export function udpListener({ host, clock, handle }: ServerOptions): Listener {
  const family = host.includes(':') ? 'udp6' : 'udp4';
  let current: Socket | undefined;
  let other: Socket | undefined;

  const answer = (socket: Socket, outgoing: Outgoing, peer: { address: string; port: number }) => {
    const { packets, delay, spoofed, late } = outgoing;
    const send = (more: readonly Buffer[], by = socket) => {
      if (socket !== current) return;
      // What the system refuses to send is lost, as with Consul (F4.5).
      for (const packet of more.slice(0, BURST)) by.send(packet, peer.port, peer.address, () => {});
      if (more.length > BURST) setImmediate(send, more.slice(BURST), by);
    };
    const sendAll = () => {
      if (socket !== current) return;
      if (spoofed.length > 0) {
        other ??= createSocket(family).on('error', () => {});
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
