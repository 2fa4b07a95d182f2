import type { Clock } from '../clock.ts';
import type { DnsCounters } from './pending.ts';
import type { Sockets } from './sockets.ts';

/** What all sockets of one client share. */
export interface ClientContext {
  readonly clock: Clock;
  readonly counters: DnsCounters;
  readonly sockets: Sockets;
  /** Fills the whole array with bytes that nobody can guess: ids, letter case and lifetimes come from here. */
  readonly randomFill: (bytes: Uint8Array) => void;
}
