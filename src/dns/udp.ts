import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { orAbort } from '../abort.ts';
import type { Clock } from '../clock.ts';
import { type DnsCounters, PendingQueries, type Question, TryFailure, unreachable } from './pending.ts';
import type { DnsReply } from './reply.ts';
import type { ServerAddress } from './server-address.ts';

/** More at once overrun the receive buffers on both sides; Consul answers fastest at about this many. */
const inFlightLimit = 64;

interface Channel {
  readonly socket: Socket;
  readonly pending: PendingQueries;
  /** True once connected, else when that is decided. */
  connected: Promise<void> | true;
  /** A question timed out here: the local address may be gone or the port lost, so the next one gets a new socket. */
  suspect: boolean;
}

/**
 * UDP to one server: many questions at once on one connected socket.
 *
 * Connected, so that the kernel drops what others send and reports a dead agent (ECONNREFUSED) at once instead of by timeout.
 * Sockets are unreferenced: waiting callers hold the process themselves (keep-alive.ts).
 */
export class UdpTransport {
  readonly #server: ServerAddress;
  readonly #clock: Clock;
  readonly #counters: DnsCounters;
  readonly #channels = new Set<Channel>();
  #current: Channel | undefined;
  #opening: Promise<Channel> | undefined;
  #inFlight = 0;
  /** Questions that wait for one in flight to end, first come first served. */
  readonly #queue = new Set<() => void>();
  #closed = false;

  constructor(server: ServerAddress, clock: Clock, counters: DnsCounters) {
    this.#server = server;
    this.#clock = clock;
    this.#counters = counters;
  }

  /** @throws TryFailure; the signal's reason on abort. */
  async ask(question: Question, timeout: number, signal?: AbortSignal): Promise<DnsReply> {
    signal?.throwIfAborted();
    if (this.#inFlight >= inFlightLimit) await this.#turn(signal);
    this.#inFlight++;
    try {
      return await this.#askNow(question, timeout, signal);
    } finally {
      this.#inFlight--;
      this.#next();
    }
  }

  close(): void {
    this.#closed = true;
    this.#current = undefined;
    for (const channel of this.#channels) this.#retire(channel);
  }

  async #askNow(question: Question, timeout: number, signal: AbortSignal | undefined): Promise<DnsReply> {
    const channel = this.#usable() ?? (await orAbort(this.#lookUpAndOpen(timeout), signal));
    const { query, reply } = channel.pending.add(question, timeout, signal, () => {
      channel.suspect = true;
    });
    const send = () => {
      try {
        channel.socket.send(query.bytes, (error) => {
          if (error) channel.pending.fail(query, unreachable(error));
        });
      } catch (error) {
        // The socket was closed between connecting and sending.
        channel.pending.fail(query, unreachable(error as Error));
      }
    };
    if (channel.connected === true) send();
    else channel.connected.then(send, (error) => channel.pending.fail(query, unreachable(error)));
    try {
      return await reply;
    } finally {
      const leaving = channel.suspect || channel !== this.#current;
      if (leaving && channel.pending.size === 0) this.#retire(channel);
    }
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    let mine = () => {};
    const turn = new Promise<void>((resolve) => {
      mine = () => {
        this.#queue.delete(mine);
        resolve();
      };
    });
    this.#queue.add(mine);
    try {
      await orAbort(turn, signal);
    } catch (reason) {
      // A turn that was given in the moment of leaving goes to the next one.
      if (!this.#queue.delete(mine)) this.#next();
      throw reason;
    }
  }

  #next(): void {
    const [next] = this.#queue;
    next?.();
  }

  /** The channel in use; a new one where the address needs no lookup. */
  #usable(): Channel | undefined {
    this.#mustBeOpen();
    if (this.#current !== undefined && !this.#current.suspect) return this.#current;
    const { host } = this.#server;
    const family = isIP(host);
    return family === 0 ? undefined : this.#open(host, family);
  }

  /** One lookup for all who wait; bounded like a try. */
  #lookUpAndOpen(timeout: number): Promise<Channel> {
    this.#opening ??= this.#lookUp(timeout)
      .then(({ address, family }) => {
        this.#mustBeOpen();
        return this.#open(address, family);
      })
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }

  #lookUp(timeout: number): Promise<{ address: string; family: number }> {
    const { host } = this.#server;
    return new Promise((resolve, reject) => {
      const late = () => reject(new TryFailure('timeout', `${host} was not resolved in ${timeout} ms`));
      const timer = this.#clock.setTimeout(late, timeout);
      lookup(host)
        .then(resolve, (error) => reject(unreachable(error)))
        .finally(() => this.#clock.clearTimeout(timer));
    });
  }

  #open(address: string, family: number): Channel {
    const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 }).unref();
    const pending = new PendingQueries(this.#clock, this.#counters);
    const channel: Channel = { socket, pending, connected: true, suspect: false };
    this.#channels.add(channel);
    channel.connected = new Promise<void>((resolve, reject) => {
      const fail = (error: Error) => {
        reject(error);
        pending.failAll(unreachable(error));
        this.#retire(channel);
      };
      socket.on('error', fail);
      // With a callback, dgram reports a failure to connect (no route, not permitted) to it and nowhere else.
      socket.connect(this.#server.port, address, (error?: Error) => {
        if (error) return fail(error);
        channel.connected = true;
        resolve();
      });
    });
    channel.connected.catch(() => {});
    socket.on('message', (message) => pending.receive(message));
    const replaced = this.#current;
    this.#current = channel;
    if (replaced?.pending.size === 0) this.#retire(replaced);
    return channel;
  }

  #retire(channel: Channel): void {
    if (this.#current === channel) this.#current = undefined;
    if (!this.#channels.delete(channel)) return;
    channel.pending.failAll(new TryFailure('unreachable', 'the socket was closed'));
    channel.socket.close();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new TryFailure('unreachable', 'the resolver was closed');
  }
}
