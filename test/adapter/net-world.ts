import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as net from 'node:net';
import { onTestFinished } from 'vitest';
import type { Outcome, ServiceOptions } from '../../src/index.ts';
import type { Address } from '../../src/resolver/resolver.ts';
import { readyWorld } from '../service-world.ts';

export interface Listening {
  readonly port: number;
  /** Connections so far. */
  readonly accepted: net.Socket[];
  /** Takes no more connections, and keeps those it has. */
  refuse(): void;
  close(): Promise<void>;
}

/** A server that greets and echoes, until the test is over. */
export async function listen(server: net.Server = echoing(), at = 0): Promise<Listening> {
  const accepted: net.Socket[] = [];
  server.on('connection', (socket: net.Socket) => {
    accepted.push(socket.on('error', () => {}));
  });
  server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const socket of accepted) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  return {
    port: (server.address() as net.AddressInfo).port,
    accepted,
    refuse: () => void server.close(),
    close,
  };
}

export function echoing(): net.Server {
  return net.createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
}

/** A port where nobody listens. */
export async function refusing(): Promise<number> {
  const { port } = await listen();
  // The near end of a connection: nobody listens there, and nobody is given the port meanwhile.
  const holder = net.connect(port, '127.0.0.1').on('error', () => {});
  await once(holder, 'connect');
  onTestFinished(() => void holder.destroy());
  return holder.localPort!;
}

/**
 * A port where nobody answers: its process stands still, and as many connections wait there as may. The system drops the packets of
 * all others, as a firewall does.
 */
export async function silent(): Promise<number> {
  const program =
    "const s = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))";
  const child: ChildProcess = spawn(process.execPath, ['-e', program], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const filling: net.Socket[] = [];
  onTestFinished(async () => {
    for (const socket of filling) socket.destroy();
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  const [said] = (await once(child.stdout!, 'data')) as [Buffer];
  const port = Number(said.toString());
  child.kill('SIGSTOP');
  for (let i = 0; i < 4; i++) filling.push(net.connect(port, '127.0.0.1').on('error', () => {}));
  await Promise.all(filling.slice(0, 2).map((socket) => once(socket, 'connect')));
  return port;
}

export const at = (...ports: readonly number[]): Address[] =>
  ports.map((port) => ({ host: '127.0.0.1', port, priority: 1, weight: 1 }));

/** A service with an instance at each of the ports, which picks them in the order of `ports`, and what its strategy is told. */
export async function netWorld(
  ports: readonly number[],
  options: ServiceOptions = {},
  { picking = () => {} }: { picking?: (retry: boolean) => void } = {},
) {
  const told: [how: 'reported' | 'finished', port: number, outcome: Outcome][] = [];
  const balancer: ServiceOptions['balancer'] = () => {
    let open: readonly { port: number }[] = [];
    return {
      timed: true,
      update: ({ endpoints }) => {
        open = ports.flatMap((port) => endpoints.filter((each) => each.port === port));
      },
      pick: (_key, exclude) => {
        picking(exclude !== undefined);
        return (open as never[]).find((each) => exclude?.has(each) !== true);
      },
      reported: ({ port }, outcome) => told.push(['reported', port, outcome]),
      finished: ({ port }, outcome) => told.push(['finished', port, outcome]),
    };
  };
  const world = await readyWorld({ balancer, ...options }, { addresses: at(...ports) });
  const inFlight = () => world.web.stats().inFlight;
  return { ...world, told, inFlight };
}

export const failed = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error) => error,
  );

/** Until the sockets of this process have done what is under way; no time is waited for. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 100_000 && !holds(); turns++)
    await new Promise((resolve) => setImmediate(resolve));
  if (!holds()) throw new Error('did not come about');
}

/** Of this process: with those that servers here accepted. */
export function sockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
}
