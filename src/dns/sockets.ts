import { createSocket } from 'node:dgram';
import { createConnection } from 'node:net';

/**
 * CONTRACT: the sockets a client is made of, injected, so that tests and the fuzzer need no network.
 *
 * Sockets are unreferenced: waiting callers hold the process themselves (keep-alive.ts).
 */
export interface Sockets {
  /** Neither bound nor connected yet. */
  datagram(family: number): DatagramSocket;
  /** Connecting already; what is written before that is sent then. */
  stream(host: string, port: number): StreamSocket;
}

/** The part of `dgram.Socket` that is used. */
export interface DatagramSocket {
  /** Binds to a port of the system's choice. A failure is told to `done` and nowhere else. */
  connect(port: number, address: string, done: (error?: Error) => void): void;
  send(bytes: Uint8Array, done: (error: Error | null) => void): void;
  close(): unknown;
  on(event: 'message', listener: (message: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** The part of `net.Socket` that is used. */
export interface StreamSocket {
  write(bytes: Uint8Array): unknown;
  destroy(): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
}

export const systemSockets: Sockets = {
  // 64 replies of 64 KiB have to wait their turn somewhere.
  datagram: (family) =>
    createSocket({ type: family === 6 ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 }).unref(),
  stream: (host, port) => createConnection({ host, port, noDelay: true }).unref(),
};
