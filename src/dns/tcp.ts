import type { TimerHandle } from '../clock.ts';
import type { ClientContext } from './context.ts';
import { splitMessages } from './framing.ts';
import { guessLimit, PendingQueries, type Question } from './pending.ts';
import type { DnsReply } from './reply.ts';
import type { ServerAddress } from './server-address.ts';
import type { StreamSocket } from './sockets.ts';
import { TryFailure, unreachable } from './try-failure.ts';

/**
 * Consul closes a connection after 128 questions, and a client that runs into that loses replies. It closes an idle one
 * after 8 s, one that never asked after 2 s. We leave first.
 */
const questionsPerConnection = 100;
const idleLimit = 5_000;
/** Replies come in the order of the questions on a connection, so a slow one holds up those behind it: rather connect again. */
const connectionLimit = 8;

interface Connection {
  readonly socket: StreamSocket;
  readonly pending: PendingQueries;
  asked: number;
  replied: boolean;
  /** No further questions: used up, timed out on, or closing. */
  retired: boolean;
  idleTimer: TimerHandle | undefined;
}

/** TCP to one server (RFC 7766): few connections, reused, with idle ones preferred to a queue. All unreferenced. */
export class TcpTransport {
  readonly #server: ServerAddress;
  readonly #context: ClientContext;
  readonly #connections = new Set<Connection>();
  #closed = false;

  constructor(server: ServerAddress, context: ClientContext) {
    this.#server = server;
    this.#context = context;
  }

  /** @throws TryFailure; the signal's reason on abort. */
  async ask(question: Question, timeout: number, signal?: AbortSignal): Promise<DnsReply> {
    signal?.throwIfAborted();
    if (this.#closed) throw new TryFailure('unreachable', 'the resolver was closed');
    const connection = this.#choose();
    const wasUsed = connection.replied;
    try {
      return await this.#askOn(connection, question, timeout, signal);
    } catch (failure) {
      // The server may close a kept connection at the very moment we write to it; that says nothing about the server.
      const dropped = failure instanceof TryFailure && failure.kind === 'unreachable';
      const lostRace = wasUsed && dropped && !this.#closed;
      if (!lostRace) throw failure;
      return await this.#askOn(this.#connect(), question, timeout, signal);
    }
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections)
      this.#drop(connection, new TryFailure('unreachable', 'closed'));
  }

  async #askOn(
    connection: Connection,
    question: Question,
    timeout: number,
    signal?: AbortSignal,
  ): Promise<DnsReply> {
    this.#context.clock.clearTimeout(connection.idleTimer);
    const { query, reply } = connection.pending.add(question, timeout, signal, () => {
      connection.retired = true;
    });
    this.#context.counters.sentByTcp++;
    connection.asked++;
    if (connection.asked >= questionsPerConnection) connection.retired = true;
    const length = Buffer.allocUnsafe(2);
    length.writeUInt16BE(query.bytes.length);
    connection.socket.write(Buffer.concat([length, query.bytes]));
    try {
      return await reply;
    } finally {
      if (connection.pending.size === 0) this.#rest(connection);
    }
  }

  #choose(): Connection {
    let shortest: Connection | undefined;
    for (const connection of this.#connections) {
      if (connection.retired) continue;
      if (shortest === undefined || connection.pending.size < shortest.pending.size) shortest = connection;
    }
    const mustQueue = this.#connections.size >= connectionLimit;
    return shortest !== undefined && (shortest.pending.size === 0 || mustQueue) ? shortest : this.#connect();
  }

  #connect(): Connection {
    const { host, port } = this.#server;
    const socket = this.#context.sockets.stream(host, port);
    const flooded = `${guessLimit} messages came that answer no question`;
    const connection: Connection = {
      socket,
      pending: new PendingQueries(this.#context, {
        authentic: true,
        onGuessing: () => this.#drop(connection, new TryFailure('unreachable', flooded)),
      }),
      asked: 0,
      replied: false,
      retired: false,
      idleTimer: undefined,
    };
    this.#connections.add(connection);
    socket.on(
      'data',
      splitMessages((message) => {
        connection.replied = true;
        connection.pending.receive(message);
      }),
    );
    socket.on('error', (error) => this.#drop(connection, unreachable(error)));
    socket.on('close', () =>
      this.#drop(connection, new TryFailure('unreachable', 'the connection was closed')),
    );
    return connection;
  }

  #rest(connection: Connection): void {
    if (connection.retired) this.#drop(connection, new TryFailure('unreachable', 'closed'));
    else {
      const leave = () => this.#drop(connection, new TryFailure('unreachable', 'closed'));
      connection.idleTimer = this.#context.clock.setTimeout(leave, idleLimit);
    }
  }

  #drop(connection: Connection, reason: TryFailure): void {
    connection.retired = true;
    this.#context.clock.clearTimeout(connection.idleTimer);
    if (!this.#connections.delete(connection)) return;
    connection.socket.destroy();
    connection.pending.failAll(reason);
  }
}
