import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock.ts';

/** How an attempt to connect may end. Exactly one of them is called, exactly once, unless the attempt is given up. */
export interface Ends {
  /** A request may be written now. */
  connected(): void;
  failed(error: unknown): void;
  /** Closed from this side: the agent was destroyed. */
  closed(): void;
}

export interface Limits {
  readonly clock: Clock;
  /** Milliseconds, the TLS handshake included. */
  readonly limit: number;
  readonly late: () => Error;
}

/**
 * Waits until a socket is connected, with TLS until the handshake is done.
 *
 * @returns the way to give it up, which closes the socket.
 */
export function connecting(socket: Duplex, secure: boolean, limits: Limits, ends: Ends): () => void {
  const { clock, limit, late } = limits;
  const event = secure ? 'secureConnect' : 'connect';
  const end = (how: () => void) => () => {
    stop();
    how();
  };
  const onConnect = end(ends.connected);
  const onClose = end(ends.closed);
  const onError = (error: unknown) => {
    stop();
    // Nobody listens now, and one more would end the process.
    socket.on('error', () => {});
    ends.failed(error);
  };
  const timer = clock.setTimeout(() => socket.destroy(late()), limit);
  const stop = () => {
    clock.clearTimeout(timer);
    socket.off(event, onConnect).off('close', onClose).off('error', onError);
  };
  socket.on(event, onConnect).on('close', onClose).on('error', onError);
  return () => {
    stop();
    socket.on('error', () => {});
    socket.destroy();
  };
}

/** Also false for a stream of somebody's own, which is ready as it comes. */
export function isConnecting(socket: Duplex): boolean {
  const { connecting, secureConnecting } = socket as Socket & { readonly secureConnecting?: boolean };
  return connecting === true || secureConnecting === true;
}
