import type { Clock } from '../clock.ts';
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
