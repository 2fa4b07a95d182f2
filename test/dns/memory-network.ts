import { DnsClient, type DnsClientOptions } from '../../src/dns/client.ts';
import { parseServerAddress } from '../../src/dns/server-address.ts';
import type { DatagramSocket, Sockets, StreamSocket } from '../../src/dns/sockets.ts';
import { createRandom } from '../../src/random.ts';
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts';

type Listener = (...args: never[]) => void;

/** Sockets without a network: the test sees what a client sends, and says what arrives, and when. Nothing waits. */
export class MemoryNetwork implements Sockets {
  /** All that were ever opened, in order. */
  readonly datagrams: MemoryDatagram[] = [];
  readonly streams: MemoryStream[] = [];
  onDatagram: (question: Buffer, socket: MemoryDatagram) => void = () => {};
  /** `undefined`: connections are refused. */
  onStream: ((question: Buffer, stream: MemoryStream) => void) | undefined;

  datagram(): MemoryDatagram {
    const socket = new MemoryDatagram((question) => this.onDatagram(question, socket));
    this.datagrams.push(socket);
    return socket;
  }

  stream(_host: string, port: number): MemoryStream {
    const refused = this.onStream === undefined;
    const stream = new MemoryStream(port, refused, (question) => this.onStream?.(question, stream));
    this.streams.push(stream);
    return stream;
  }

  /** The UDP socket a new question would take. */
  get current(): MemoryDatagram {
    return this.datagrams.findLast(({ closed }) => !closed)!;
  }

  /** Drops what is over: for runs so long that a record of them would fill the memory. */
  forget(): void {
    for (const list of [this.datagrams, this.streams]) {
      const open = list.filter(({ closed }) => !closed);
      list.length = 0;
      for (const socket of open) {
        socket.asked.length = 0;
        list.push(socket as never);
      }
    }
  }

  get open(): number {
    return [...this.datagrams, ...this.streams].filter(({ closed }) => !closed).length;
  }
}

export class MemoryDatagram implements DatagramSocket {
  readonly asked: Buffer[] = [];
  /** Of the server, by the client's word. */
  port = 0;
  closed = false;
  readonly #onQuestion: (question: Buffer) => void;
  readonly #listeners = new Map<string, Listener>();

  constructor(onQuestion: (question: Buffer) => void) {
    this.#onQuestion = onQuestion;
  }

  connect(port: number, _address: string, done: (error?: Error) => void): void {
    this.port = port;
    queueMicrotask(() => done());
  }

  send(bytes: Uint8Array, done: (error: Error | null) => void): void {
    done(null);
    const question = Buffer.from(bytes);
    this.asked.push(question);
    this.#onQuestion(question);
  }

  close(): void {
    this.closed = true;
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, listener);
  }

  /** From the server's address, real or forged. False where nobody listens any longer. */
  receive(message: Buffer): boolean {
    if (this.closed) return false;
    (this.#listeners.get('message') as ((message: Buffer) => void) | undefined)?.(message);
    return true;
  }

  fail(error: NodeJS.ErrnoException): void {
    (this.#listeners.get('error') as ((error: Error) => void) | undefined)?.(error);
  }
}

export class MemoryStream implements StreamSocket {
  readonly asked: Buffer[] = [];
  readonly port: number;
  closed = false;
  readonly #onQuestion: (question: Buffer) => void;
  readonly #listeners = new Map<string, Listener>();

  constructor(port: number, refused: boolean, onQuestion: (question: Buffer) => void) {
    this.port = port;
    this.#onQuestion = onQuestion;
    if (!refused) return;
    const error = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    queueMicrotask(() => this.#emit('error', error));
  }

  write(bytes: Uint8Array): void {
    const question = Buffer.from(bytes.subarray(2));
    this.asked.push(question);
    queueMicrotask(() => {
      if (!this.closed) this.#onQuestion(question);
    });
  }

  destroy(): void {
    this.closed = true;
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, listener);
  }

  /** Messages in one piece. */
  send(...messages: Buffer[]): void {
    this.receive(Buffer.concat(messages.flatMap((message) => [uint16(message.length), message])));
  }

  /** Bytes as they are. */
  receive(chunk: Buffer): void {
    if (!this.closed) this.#emit('data', chunk);
  }

  end(): void {
    this.#emit('close');
  }

  #emit(event: string, argument?: unknown): void {
    (this.#listeners.get(event) as ((argument: unknown) => void) | undefined)?.(argument);
  }
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export interface MemoryClient {
  readonly dns: DnsClient;
  readonly clock: FakeClock;
}

/** Bytes that a seed decides, for tests that have to go the same way each time. */
export function seededFill(seed: number): (bytes: Uint8Array) => void {
  const random = createRandom(seed);
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256);
  };
}

/** A client on such a network, whose time stands still. */
export function memoryClient(
  network: MemoryNetwork,
  options: Partial<Omit<DnsClientOptions, 'servers'>> & { servers?: readonly string[] } = {},
): MemoryClient {
  const clock = createFakeClock();
  const servers = (options.servers ?? ['192.0.2.1:8600']).map((server) => parseServerAddress(server));
  const usual = {
    timeout: 1_000,
    retries: 0,
    edns: undefined,
    clock,
    sockets: network,
    randomFill: seededFill(1),
  };
  return { clock, dns: new DnsClient({ ...usual, ...options, servers }) };
}
