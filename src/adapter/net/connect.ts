import * as net from 'node:net';
import * as tls from 'node:tls';
import { type Clock, systemClock } from '../../clock.ts';
import type { Endpoint } from '../../endpoint.ts';
import type { Service } from '../../service.ts';
import { dial } from './dial.ts';
import { type ConnectOptions, checkConnect, checkService } from './options.ts';

/**
 * A connected socket to a picked endpoint, to the next where that refuses or does not answer in time. In flight until it closes. It is
 * Node's own, and yours: errors of it go to your `'error'` listener, and neither `service.close()` nor `discovery.close()` ends it.
 *
 * @throws what connecting failed with, where there was nobody else to try; RetriesExhaustedError with every attempt;
 * RequestTimeoutError; `signal.reason`; NoEndpointsError, OverloadedError, ServiceNotFoundError, DnsError, ClosedError as `ready()` and
 * `acquire()` do; InvalidOptionError.
 */
export function connect(
  service: Service,
  options: ConnectOptions & { readonly tls: true | tls.ConnectionOptions },
): Promise<tls.TLSSocket>;
export function connect(service: Service, options?: ConnectOptions): Promise<net.Socket>;
export function connect(service: Service, options: ConnectOptions = {}): Promise<net.Socket> {
  return connectIn(systemClock, service, options);
}

/** @internal In a world whose time a test owns. */
export async function connectIn(
  clock: Clock,
  service: Service,
  options: ConnectOptions = {},
): Promise<net.Socket> {
  checkService(service, 'connect');
  const { tls: secure, serverName, ...rest } = checkConnect(options, 'connect');
  rest.signal?.throwIfAborted();
  const nameOf = (endpoint: Endpoint) =>
    serverName === 'target' ? (endpoint.serverName ?? service.name) : service.name;
  if (secure === undefined) return dial(clock, service, openPlain, rest);
  return dial(
    clock,
    service,
    (endpoint, signal) => openSecure(endpoint, nameOf(endpoint), secure, signal),
    rest,
  );
}

function openPlain({ host, port }: Endpoint, signal: AbortSignal): Promise<net.Socket> {
  return opened(net.connect({ host, port }), 'connect', signal);
}

function openSecure(
  { host, port }: Endpoint,
  servername: string,
  options: tls.ConnectionOptions,
  signal: AbortSignal,
): Promise<net.Socket> {
  const socket = tls.connect({ servername, ...options, host, port });
  return opened(socket, 'secureConnect', signal);
}

/** Leaves no listener on a socket that it hands out. */
function opened(
  socket: net.Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      socket.off(event, onOpen).off('error', onError);
      signal.removeEventListener('abort', onAbort);
    };
    const onOpen = () => {
      settle();
      resolve(socket);
    };
    const onError = (error: Error) => {
      settle();
      reject(error);
    };
    const onAbort = () => {
      settle();
      socket.on('error', () => {}).destroy();
      reject(signal.reason);
    };
    socket.on(event, onOpen).on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
