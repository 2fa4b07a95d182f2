import type { Dispatcher, Pool } from 'undici';
import { callable, entriesOf, fields, having, oneOf, text } from '../../checks.ts';
import { type HostOptions, hostChecks } from '../hosts.ts';
import { type RetryOptions, retryChecks } from '../retry-options.ts';
import type { Undici } from './peer.ts';

/** What a `key` function is given: the request as undici dispatches it. */
export interface KeyedRequest {
  readonly origin?: string | URL;
  readonly path: string;
  readonly method: string;
  readonly headers?: unknown;
}

/** What is the same for dispatchers, interceptors and fetch. */
export interface RequestOptions extends HostOptions, RetryOptions {
  /** What a request belongs to, for strategies that stick (consistent-hash). `undefined`: to nothing. */
  readonly key?: (request: KeyedRequest) => string | undefined;
  /** The `Host` header where the request brings none: the service's name (default), or `'endpoint'`: its `host:port`. */
  readonly hostHeader?: 'service' | 'endpoint';
  /**
   * The name that TLS asks for and checks: the service's (default), `'target'`: the host name that Consul gives for the instance, where it
   * is a real one, or this very name.
   */
  readonly serverName?: 'service' | 'target' | (string & {});
  /** The undici to work with. Default: the one that is installed. */
  readonly undici?: unknown;
}

export interface DispatcherOptions extends RequestOptions {
  /**
   * Of the pool of each endpoint, as `new Pool(url, options)` takes them: `connections`, `pipelining`, `keepAliveTimeout`, `allowH2`, `connect`
   * (TLS too) … `connectTimeout` is 2 000 ms here, where undici waits for 10 000: there are other endpoints.
   */
  readonly pool?: Pool.Options;
  /** Who gets the requests to other hosts. Default: an Agent of its own, with the same options. One given is not closed with the discovery. */
  readonly others?: Dispatcher;
}

const requestChecks = {
  ...hostChecks,
  ...retryChecks,
  key: callable<NonNullable<RequestOptions['key']>>('a function (request) => string'),
  hostHeader: oneOf('service', 'endpoint'),
  serverName: text,
  undici: (value: unknown): Undici => value as Undici,
};

/** @throws InvalidOptionError */
export const checkRequestOptions = fields(requestChecks);

/** @throws InvalidOptionError */
export const checkDispatcherOptions = fields({
  ...requestChecks,
  pool: (value: unknown, path: string) => Object.fromEntries(entriesOf(value, path)) as Pool.Options,
  others: having<Dispatcher>('dispatch'),
});
