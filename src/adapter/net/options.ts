import type { ConnectionOptions } from 'node:tls';
import { signal as aSignal, type Check, entriesOf, fields, number, oneOf, refuse } from '../../checks.ts';
import type { Service } from '../../service.ts';

/** How a connection is made. */
export interface SocketOptions {
  /** What the connection belongs to, for strategies that stick. */
  readonly key?: string;
  /** Milliseconds for one endpoint, 1 or more, the TLS handshake included; then the next is tried. Default 2 000. */
  readonly connectTimeout?: number;
  /**
   * How many more endpoints are tried where one refuses or does not answer in time, 0…100; each is taken from the retry budget of the
   * service. Default: the others that it has, at most 3.
   */
  readonly retries?: number;
  /** Milliseconds for all of it, 1 or more, waiting for a first list included. Default: none. */
  readonly timeout?: number;
}

export interface ConnectOptions extends SocketOptions {
  /** Ends the connecting, not the connection: rejects with its reason. Nothing of it is left on the socket. */
  readonly signal?: AbortSignal;
  /**
   * `true`, or the options of `tls.connect()`: the socket is a TLSSocket whose handshake is done. `servername` is by default the DNS name
   * of the service.
   */
  readonly tls?: boolean | ConnectionOptions;
  /**
   * What a certificate must be valid for where `tls.servername` does not say it: the DNS name of the service (default), or `'target'`: the
   * host name the instance is registered with, where it is a real one. Whoever may register instances, or forge DNS, chooses that name.
   */
  readonly serverName?: 'service' | 'target';
}

const longest = 2 ** 31 - 1;

const known = {
  key: ((value, path) =>
    typeof value === 'string' ? value : refuse(path, 'a string', value)) as Check<string>,
  connectTimeout: number(1, longest),
  retries: number(0, 100, { whole: true }),
  timeout: number(1, longest),
};

/** Where to connect to is not theirs to say. */
const checkTls: Check<ConnectionOptions | undefined> = (value, path) => {
  if (typeof value === 'boolean') return value ? {} : undefined;
  const taken = entriesOf(value, path).find(([key]) => ['host', 'port', 'path', 'socket'].includes(key));
  if (taken !== undefined)
    refuse(`${path}.${taken[0]}`, 'nothing: the service says where to connect', taken[1]);
  return value as ConnectionOptions;
};

export const checkSocket = fields(known);
export const checkConnect = fields({
  ...known,
  signal: aSignal,
  tls: checkTls,
  serverName: oneOf('service', 'target'),
});

/** By what it can do, not by its class: two copies of this package may be loaded. */
export const checkService: Check<Service> = (value, path) => {
  const { acquire, adapt } = Object(value) as Partial<Service>;
  const fits = typeof acquire === 'function' && typeof adapt === 'function';
  return fits ? (value as Service) : refuse(path, 'the service that discovery.service() returned', value);
};
