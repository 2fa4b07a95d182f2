import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { orAbort } from '../abort.ts';
import type { ClientContext } from './context.ts';
import { guessLimit, PendingQueries, type Question } from './pending.ts';
import type { DnsReply } from './reply.ts';
import type { ServerAddress } from './server-address.ts';
import type { DatagramSocket } from './sockets.ts';
import { Doubt, TryFailure, unreachable } from './try-failure.ts';

/** More at once overrun the receive buffers on both sides; Consul answers fastest at about this many. */
const inFlightLimit = 64;
/** Of a socket before it is replaced: 2048…4095 questions and 5…10 minutes, drawn anew for each. */
const fewestQuestions = 2_048;
const shortestLife = 300_000;

interface Channel {
  readonly socket: DatagramSocket;
  readonly pending: PendingQueries;
  readonly address: string;
  readonly family: number;
  /** Questions it may still carry. */
  left: number;
  /** When it is too old for another question, on the client's clock. */
  readonly oldAt: number;
  /** True once connected, else when that is decided. */
  connected: Promise<void> | true;
  /** A question timed out here: the local address may be gone or the port lost, so the next one gets a new socket. */
  suspect: boolean;
}

/**
 * UDP to one server: many questions at once on one connected socket.
 *
 * Connected, so that the kernel drops what others send and reports a dead agent (ECONNREFUSED) at once instead of by timeout.
 *
 * The local port is one of the secrets a forger has to guess, so no socket lives long: it is replaced after some thousand questions
 * or some minutes (questions in flight end on the old one), after a timeout, as soon as somebody knew an id, and after `guessLimit`
 * guesses, which ends the questions in flight too: they have to be asked again.
 */
export class UdpTransport {
  readonly #server: ServerAddress;
  readonly #context: ClientContext;
  readonly #channels = new Set<Channel>();
  #current: Channel | undefined;
  #opening: Promise<Channel> | undefined;
  #inFlight = 0;
  /** Questions that wait for one in flight to end, first come first served. */
  readonly #queue = new Set<() => void>();
  #closed = false;

  constructor(server: ServerAddress, context: ClientContext) {
    this.#server = server;
    this.#context = context;
  }

  /** @throws TryFailure; Doubt; the signal's reason on abort. */
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
    for (const channel of this.#channels) this.#retire(channel, new TryFailure('unreachable', 'closed'));
  }

  async #askNow(question: Question, timeout: number, signal: AbortSignal | undefined): Promise<DnsReply> {
    const channel = this.#usable() ?? (await orAbort(this.#lookUpAndOpen(timeout), signal));
    channel.left--;
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
    } catch (error) {
      // Whoever knew the id knows the port.
      if (error instanceof Doubt) channel.left = 0;
      throw error;
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
    const channel = this.#current;
    if (channel !== undefined && !channel.suspect) {
      const worn = channel.left <= 0 || this.#context.clock.now() >= channel.oldAt;
      return worn ? this.#open(channel.address, channel.family) : channel;
    }
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
    const { clock } = this.#context;
    return new Promise((resolve, reject) => {
      const late = () => reject(new TryFailure('timeout', `${host} was not resolved in ${timeout} ms`));
      const timer = clock.setTimeout(late, timeout);
      lookup(host)
        .then(resolve, (error) => reject(unreachable(error)))
        .finally(() => clock.clearTimeout(timer));
    });
  }

  #open(address: string, family: number): Channel {
    const socket = this.#context.sockets.datagram(family);
    const pending = new PendingQueries(this.#context, {
      authentic: false,
      onGuessing: () => this.#abandon(channel),
      onEmpty: () => {
        if (channel.suspect || channel !== this.#current) this.#retire(channel);
      },
    });
    const life = this.#drawLife();
    const channel: Channel = { socket, pending, address, family, ...life, connected: true, suspect: false };
    this.#channels.add(channel);
    channel.connected = new Promise<void>((resolve, reject) => {
      const fail = (error: Error) => {
        reject(error);
        this.#retire(channel, unreachable(error));
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

  #drawLife(): { left: number; oldAt: number } {
    const random = Buffer.allocUnsafe(4);
    this.#context.randomFill(random);
    return {
      left: fewestQuestions + (random.readUInt16BE(0) % fewestQuestions),
      oldAt: this.#context.clock.now() + shortestLife * (1 + random.readUInt16BE(2) / 0x1_0000),
    };
  }

  #abandon(channel: Channel): void {
    this.#context.counters.abandoned++;
    // To the same address: a host name that has to be looked up again could be answered by the same forger.
    if (channel === this.#current) this.#open(channel.address, channel.family);
    const reason = `${guessLimit} messages came that answer no question: somebody may be guessing, the socket was given up`;
    this.#retire(channel, new TryFailure('guessed', reason));
  }

  #retire(channel: Channel, reason?: TryFailure): void {
    if (this.#current === channel) this.#current = undefined;
    if (!this.#channels.delete(channel)) return;
    if (reason !== undefined) channel.pending.failAll(reason);
    channel.socket.close();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new TryFailure('unreachable', 'the resolver was closed');
  }
}
