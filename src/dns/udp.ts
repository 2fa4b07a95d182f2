import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { orAbort } from '../abort.ts';
import type { Clock } from '../clock.ts';

import { type DnsCounters, PendingQueries, type Question, TryFailure } from './pending.ts';
import type { DnsReply } from './reply.ts';
import type { ServerAddress } from './server-address.ts';

/** More at once overrun the receive buffers on both sides; Consul answers fastest at about this many. */
const inFlightLimit = 64;

interface Channel {
  readonly socket: Socket;
  readonly pending: PendingQueries;
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
  #inFlight = 0;
  /** Questions that wait for one in flight to end, first come first served. */
  readonly #queue = new Set<() => void>();

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

  async #askNow(question: Question, timeout: number, signal: AbortSignal | undefined): Promise<DnsReply> {
    if (this.#current === undefined || this.#current.suspect) this.#current = await this.#open();
    const channel = this.#current;
    const { query, reply } = channel.pending.add(question, timeout, signal, () => {
      channel.suspect = true;
    });
    const send = () =>
      channel.socket.send(query.bytes, (error) => {
        if (error) channel.pending.fail(query, unreachable(error));
      });
    if (channel.connected === true) send();
    else channel.connected.then(send, (error) => channel.pending.fail(query, unreachable(error)));
    try {
      return await reply;
    } finally {
      if (channel !== this.#current && channel.pending.size === 0) this.#retire(channel);
    }
  }

  close(): void {
    this.#current = undefined;
    for (const channel of this.#channels) this.#retire(channel);
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

  async #open(): Promise<Channel> {
    const { host, port } = this.#server;
    const family = isIP(host);
    const target = family === 0 ? await this.#lookup() : { address: host, family };
    // Another question may have opened one while this one waited for the name.
    if (this.#current !== undefined && !this.#current.suspect) return this.#current;
    const socket = createSocket({
      type: target.family === 6 ? 'udp6' : 'udp4',
      recvBufferSize: 4 << 20,
    }).unref();
    const channel: Channel = {
      socket,
      pending: new PendingQueries(this.#clock, this.#counters),
      connected: true,
      suspect: false,
    };
    this.#channels.add(channel);
    channel.connected = new Promise<void>((resolve, reject) => {
      socket.on('error', (error) => {
        reject(error);
        channel.pending.failAll(unreachable(error));
        if (this.#current === channel) this.#current = undefined;
        this.#retire(channel);
      });
      socket.connect(port, target.address, () => {
        channel.connected = true;
        resolve();
      });
    });
    channel.connected.catch(() => {});
    socket.on('message', (message) => channel.pending.receive(message));
    return channel;
  }

  async #lookup(): Promise<{ address: string; family: number }> {
    try {
      return await lookup(this.#server.host);
    } catch (cause) {
      throw unreachable(cause as NodeJS.ErrnoException);
    }
  }

  #retire(channel: Channel): void {
    if (!this.#channels.delete(channel)) return;
    channel.pending.failAll(new TryFailure('unreachable', 'the socket was closed'));
    channel.socket.close();
  }
}

/** The system's word for it, with the words people know for the commonest. */
export function unreachable(error: NodeJS.ErrnoException): TryFailure {
  const words = error.code === 'ECONNREFUSED' ? 'connection refused' : (error.code ?? error.message);
  return new TryFailure('unreachable', words, { cause: error });
}
