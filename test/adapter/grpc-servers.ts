import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type * as Grpc from '@grpc/grpc-js';
import type { Address } from '../../src/resolver/resolver.ts';

const require = createRequire(import.meta.url);

/** Every minor version that is supported, oldest first. */
export const versions: readonly (readonly [version: string, grpc: typeof Grpc])[] = [
  'grpc-js-1.12',
  'grpc-js-1.13',
  '@grpc/grpc-js',
].map((name) => [require(`${name}/package.json`).version, require(name)]);

const same = (bytes: Buffer) => bytes;
const codec = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

/** A service without protoc: bytes in, bytes out. */
const definition = {
  say: { path: '/test.Echo/Say', requestStream: false, responseStream: false, ...codec },
  count: { path: '/test.Echo/Count', requestStream: false, responseStream: true, ...codec },
};

export interface EchoServer {
  readonly address: Address;
  readonly port: number;
  /** Unary calls so far, failed ones too. */
  readonly calls: number;
  /** What clients called the server, in the order of their calls. */
  readonly authorities: readonly string[];
  /** Connections accepted so far, and those that are open. */
  readonly accepted: number;
  readonly open: number;
  /** Unary calls fail with that status from now on; 0: no more; -1: they are never answered. */
  failing: number;
  /** Ends the process, so to speak: all connections break and new ones are refused. */
  crash(): Promise<void>;
  /** Comes back at the same port. */
  restart(): Promise<void>;
  /** Breaks the connections and takes new ones. */
  drop(): void;
}

const running = new Set<EchoServer>();

export async function closeServers(): Promise<void> {
  for (const server of running) await server.crash();
  running.clear();
}

/** Answers `Say` with its own port, and `Count` with as many messages as the request says, until the client leaves. */
export async function echoServer(
  grpc: typeof Grpc,
  credentials = grpc.ServerCredentials.createInsecure(),
): Promise<EchoServer> {
  const sockets = new Set<Socket>();
  let calls = 0;
  let accepted = 0;
  let port = 0;
  const authorities: string[] = [];
  const server = new grpc.Server();
  server.addService(definition as never, {
    say: (call: Grpc.ServerUnaryCall<Buffer, Buffer>, done: Grpc.sendUnaryData<Buffer>) => {
      calls++;
      authorities.push(call.getHost());
      if (echo.failing === 0) done(null, Buffer.from(String(port)));
      else if (echo.failing > 0) done({ code: echo.failing, details: 'as it was told' });
    },
    count: (call: Grpc.ServerWritableStream<Buffer, Buffer>) => {
      calls++;
      let left = Number(call.request.toString());
      const timer = setInterval(() => {
        if (left-- > 0) call.write(Buffer.from(String(port)));
        else {
          clearInterval(timer);
          call.end();
        }
      }, 5);
      call.on('cancelled', () => clearInterval(timer));
    },
  });
  const injector = server.createConnectionInjector(credentials);
  let listening: Server | undefined;
  const echo: EchoServer = {
    get address() {
      return { host: '127.0.0.1', port, priority: 1, weight: 1 };
    },
    get port() {
      return port;
    },
    get calls() {
      return calls;
    },
    authorities,
    get accepted() {
      return accepted;
    },
    get open() {
      return sockets.size;
    },
    failing: 0,
    drop() {
      for (const socket of sockets) socket.destroy();
    },
    async crash() {
      const closing = listening;
      listening = undefined;
      echo.drop();
      await new Promise<void>((resolve) => (closing ? closing.close(() => resolve()) : resolve()));
    },
    async restart() {
      listening = createServer((socket) => {
        accepted++;
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => sockets.delete(socket));
        injector.injectConnection(socket);
      });
      await new Promise<void>((resolve) => listening!.listen(port, '127.0.0.1', resolve));
      port = (listening.address() as AddressInfo).port;
    },
  };
  await echo.restart();
  running.add(echo);
  return echo;
}

/** The ports of those who answered, or what a call failed with. */
export interface EchoClient {
  /** @param rest per call: waitForReady, deadline in ms. */
  say(rest?: { waitForReady?: boolean; within?: number }): Promise<number>;
  /** Yields the port of who answers, `messages` times. */
  count(messages: number): AsyncIterable<number>;
  readonly channel: Grpc.Channel;
  close(): void;
}

const clients = new Set<EchoClient>();

export function closeClients(): void {
  for (const client of clients) client.close();
  clients.clear();
}

export function echoClient(
  grpc: typeof Grpc,
  target: string,
  options: Grpc.ChannelOptions = {},
  credentials = grpc.credentials.createInsecure(),
): EchoClient {
  const client = new grpc.Client(target, credentials, {
    'grpc.enable_http_proxy': 0,
    // Not those of another test with the same target.
    'grpc.use_local_subchannel_pool': 1,
    ...options,
  });
  const one: EchoClient = {
    say: ({ waitForReady = false, within = 10_000 } = {}) =>
      new Promise((resolve, reject) => {
        const metadata = new grpc.Metadata({ waitForReady });
        const rest = { deadline: Date.now() + within };
        client.makeUnaryRequest(
          '/test.Echo/Say',
          same,
          same,
          Buffer.from(''),
          metadata,
          rest,
          (error, reply) => (error ? reject(error) : resolve(Number(String(reply)))),
        );
      }),
    async *count(messages) {
      const stream = client.makeServerStreamRequest(
        '/test.Echo/Count',
        same,
        same,
        Buffer.from(String(messages)),
        new grpc.Metadata(),
        { deadline: Date.now() + 30_000 },
      );
      for await (const message of stream) yield Number(String(message));
    },
    channel: client.getChannel() as Grpc.Channel,
    close: () => client.close(),
  };
  clients.add(one);
  return one;
}

/** Calls until each of `who` was called, by this client or others of the test; at most for 5 s. */
export async function untilAllAnswer(client: EchoClient, who: readonly EchoServer[]): Promise<void> {
  const before = who.map(({ calls }) => calls);
  const silent = () => who.filter(({ calls }, i) => calls === before[i]);
  const until = performance.now() + 5_000;
  while (silent().length > 0) {
    if (performance.now() > until) throw new Error(`no call to ${silent().map(({ port }) => port)}`);
    await client.say();
  }
}
