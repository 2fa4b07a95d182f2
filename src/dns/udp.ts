import { isIP } from 'node:net';
import { orAbort } from '../abort.ts';
import type { ClientContext } from './context.ts';
import { InFlight } from './in-flight.ts';
import { guessLimit, PendingQueries, type Question } from './pending.ts';
import type { DnsReply } from './reply.ts';
import type { ServerAddress } from './server-address.ts';
import { ServerLookup } from './server-lookup.ts';
import type { DatagramSocket } from './sockets.ts';
import { Doubt, TryFailure, unreachable } from './try-failure.ts';

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
  /** A reply came. */
  answered: boolean;
}

/**
 * UDP to one server: many questions at once on one connected socket.
 *
 * Connected, so that the kernel drops what others send and reports a dead agent (ECONNREFUSED) at once instead of by timeout.
 *
 * The local port is one of the secrets a forger has to guess, so no socket lives long: it is replaced after some thousand questions
 * or some minutes (questions in flight end on the old one), after a timeout, as soon as somebody knew an id, and after `guessLimit`
 * guesses, which ends the questions in flight too: they have to be asked again. Where the server is a host name, it is
 * looked up again for the new socket, unless somebody may be guessing.
 */
export class UdpTransport {
  readonly #server: ServerAddress;
  readonly #context: ClientContext;
  readonly #channels = new Set<Channel>();
  readonly #inFlight: InFlight;
  readonly #lookup: ServerLookup;
  #current: Channel | undefined;
  #opening: Promise<Channel> | undefined;
  #closed = false;

  constructor(server: ServerAddress, context: ClientContext) {
    this.#server = server;
    this.#context = context;
    this.#inFlight = new InFlight(context.clock);
    this.#lookup = new ServerLookup(server.host, context.clock);
  }

  /** @throws TryFailure; Doubt; the signal's reason on abort. */
  ask(question: Question, timeout: number, signal?: AbortSignal): Promise<DnsReply> {
    return this.#inFlight.run(() => this.#askNow(question, timeout, signal), timeout, signal);
  }

  /** Sends everybody away who waits for a turn to ask. */
  refuse(reason: TryFailure): void {
    this.#inFlight.refuse(reason);
  }

  close(): void {
    this.#closed = true;
    const closed = new TryFailure('unreachable', 'the resolver was closed');
    this.refuse(closed);
    this.#lookup.close(closed);
    for (const channel of this.#channels) this.#retire(channel, closed);
  }

  async #askNow(question: Question, timeout: number, signal: AbortSignal | undefined): Promise<DnsReply> {
    this.#mustBeOpen();
    const channel = this.#usable() ?? (await orAbort(this.#lookUpAndOpen(timeout), signal));
    this.#mustBeOpen();
    channel.left--;
    const { query, reply } = channel.pending.add(question, timeout, signal, () => {
      channel.suspect = true;
    });
    const fail = (error: NodeJS.ErrnoException) => {
      const failure = unreachable(error);
      // The kernel tells one sender, and mostly of a question before his: those will not be answered either.
      if (error.code === 'ECONNREFUSED') this.#retire(channel, failure);
      channel.pending.fail(query, failure);
    };
    const send = () => {
      try {
        channel.socket.send(query.bytes, (error) => {
          if (error) fail(error);
        });
      } catch (error) {
        // The socket was closed between connecting and sending.
        fail(error as Error);
      }
    };
    if (channel.connected === true) send();
    else channel.connected.then(send, fail);
    try {
      const answer = await reply;
      channel.answered = true;
      return answer;
    } catch (error) {
      // Whoever knew the id knows the port. Not looked up again: the system's resolver may be under the same attack.
      if (error instanceof Doubt && channel === this.#current) this.#open(channel.address, channel.family);
      throw error;
    }
  }

  /** The channel in use; a new one where the address needs no lookup. */
  #usable(): Channel | undefined {
    const channel = this.#current;
    const isFresh = channel !== undefined && channel.left > 0 && this.#context.clock.now() < channel.oldAt;
    if (isFresh && !channel.suspect) return channel;
    const { host } = this.#server;
    const family = isIP(host);
    return family === 0 ? undefined : this.#open(host, family);
  }

  /** One lookup for all who wait; bounded like a try. */
  #lookUpAndOpen(timeout: number): Promise<Channel> {
    const before = this.#current;
    this.#opening ??= this.#lookup
      .find(timeout)
      .catch((error) => {
        // The address that served until now is better than none.
        if (before === undefined || before.suspect) throw error;
        return before;
      })
      .then(({ address, family }) => {
        this.#mustBeOpen();
        return this.#open(address, family);
      })
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
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
    const channel: Channel = {
      socket,
      pending,
      address,
      family,
      ...this.#drawLife(),
      connected: true,
      suspect: false,
      answered: false,
    };
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
    const isLost = channel.suspect || reason?.kind === 'unreachable';
    if (isLost && !channel.answered) this.#lookup.avoid(channel.address);
    if (reason !== undefined) channel.pending.failAll(reason);
    channel.socket.close();
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new TryFailure('unreachable', 'the resolver was closed');
  }
}
