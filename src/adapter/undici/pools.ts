import type { buildConnector, Pool } from 'undici';
import type { Endpoint } from '../../endpoint.ts';
import type { Follower, Service } from '../../service.ts';
import type { Change } from '../../snapshot.ts';
import { type Placed, UnderWay } from '../under-way.ts';
import type { DispatchOptions } from './dispatch.ts';
import type { Transport } from './exchange.ts';
import type { RequestOptions } from './options.ts';
import type { Undici } from './peer.ts';

export interface PoolsSetup {
  readonly undici: Undici;
  readonly service: Service;
  /** `http://web.service.consul`: what the pools take themselves for. */
  readonly origin: string;
  readonly serverName: NonNullable<RequestOptions['serverName']>;
  readonly hostHeader: NonNullable<RequestOptions['hostHeader']>;
  readonly pool: Pool.Options;
  /** The service is gone: the next request finds another. */
  readonly onClosed: () => void;
  /** Nothing is left of it. */
  readonly onDrained: () => void;
}

/** A request, as far as it can be ended. */
interface Ending extends Placed {
  abort(reason: unknown): void;
}

interface Held {
  readonly pool: Pool;
  /** Attempts that have not ended. */
  active: number;
  /** The endpoint is not in the list any more. */
  left: boolean;
}

/**
 * One undici pool for each endpoint of a service, under one scheme and server name.
 *
 * A pool takes itself for the origin of the service and connects to the endpoint: so requests pass to it as they are, `Host` header and
 * TLS server name included, and nothing is copied. The pool of an endpoint that left is closed as soon as nothing is under way there;
 * where the endpoint returns before, it is used again, its connections too.
 */
export class EndpointPools implements Transport, Follower {
  readonly service: Service;
  readonly #setup: PoolsSetup;
  readonly #pools = new Map<Endpoint, Held>();
  readonly #closing = new Set<Pool>();
  readonly #requests = new UnderWay<Ending>();
  readonly #unfollow: () => void;
  readonly #drained: Promise<void>;
  #tellDrained = () => {};
  #closed = false;

  constructor(setup: PoolsSetup) {
    this.#setup = setup;
    this.service = setup.service;
    this.#drained = new Promise((resolve) => {
      this.#tellDrained = resolve;
    });
    this.#unfollow = setup.service.follow(this);
  }

  /** A request is on its way: attempts may follow until it has ended. */
  began(request: Ending): void {
    this.#requests.add(request);
  }

  ended(request: Ending): void {
    this.#requests.delete(request);
    if (this.#closed) this.#checkDrained();
  }

  send(endpoint: Endpoint, options: DispatchOptions, handler: object): void {
    const held = this.#pools.get(endpoint) ?? this.#open(endpoint);
    held.active++;
    held.pool.dispatch(options as never, handler as never);
  }

  done(endpoint: Endpoint): void {
    const held = this.#pools.get(endpoint);
    if (held === undefined) return;
    held.active--;
    if (held.active === 0 && (held.left || this.#closed)) this.#close(endpoint, held);
  }

  changed({ added, removed }: Change): void {
    for (const endpoint of added) this.#mark(endpoint, false);
    for (const endpoint of removed) this.#mark(endpoint, true);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unfollow();
    this.#setup.onClosed();
    for (const [endpoint, held] of [...this.#pools]) if (held.active === 0) this.#close(endpoint, held);
    this.#checkDrained();
  }

  /** What is under way may finish; resolves when nothing is left. */
  async drain(): Promise<void> {
    this.closed();
    await this.#drained;
  }

  /** Ends what is under way; resolves when nothing is left. */
  async destroy(given: Error | null): Promise<void> {
    this.closed();
    const error = given ?? new this.#setup.undici.errors.ClientDestroyedError();
    // First the requests: an attempt that broke off would be followed by another.
    for (const request of this.#requests.all) request.abort(error);
    for (const pool of [...this.#closing]) void pool.destroy(error);
    for (const { pool } of [...this.#pools.values()]) void pool.destroy(error);
    await this.#drained;
  }

  #checkDrained(): void {
    if (this.#pools.size + this.#closing.size + this.#requests.size > 0) return;
    this.#tellDrained();
    this.#setup.onDrained();
  }

  #open(endpoint: Endpoint): Held {
    const { undici, origin, hostHeader, pool } = this.#setup;
    const url = hostHeader === 'endpoint' ? endpoint.url('/', origin.slice(0, origin.indexOf(':'))) : origin;
    const options = { ...pool, connect: this.#connector(endpoint) } as Pool.Options;
    const held = { pool: new undici.Pool(new URL(url).origin, options), active: 0, left: false };
    this.#pools.set(endpoint, held);
    return held;
  }

  /** Whatever the pool takes itself for, this leads to the endpoint. */
  #connector(endpoint: Endpoint): buildConnector.connector {
    const { undici, serverName, pool, origin } = this.#setup;
    const { connect, connectTimeout: timeout = 2_000, tls, maxCachedSessions, allowH2 } = pool as PoolOptions;
    const { useH2c = (pool as PoolOptions).h2Options?.useH2c } = pool as PoolOptions;
    const inner =
      typeof connect === 'function'
        ? connect
        : undici.buildConnector({ ...tls, maxCachedSessions, allowH2, useH2c, timeout, ...connect } as never);
    const name = serverName === 'target' ? (endpoint.serverName ?? hostOf(origin)) : serverName;
    const fixed = serverName === 'service' ? undefined : name;
    const { host: hostname, port } = endpoint;
    return (options, callback) => {
      const to = { ...options, hostname, port: String(port) };
      // Without TLS undici would look the name up. With `hostHeader: 'endpoint'` the pool knows none: an IP address is none for TLS.
      if (options.protocol === 'https:') to.servername = fixed ?? (options.servername || hostOf(origin));
      inner(to, callback);
    };
  }

  #mark(endpoint: Endpoint, left: boolean): void {
    const held = this.#pools.get(endpoint);
    if (held === undefined) return;
    held.left = left;
    if (left && held.active === 0) this.#close(endpoint, held);
  }

  #close(endpoint: Endpoint, { pool }: Held): void {
    this.#pools.delete(endpoint);
    this.#closing.add(pool);
    const done = () => {
      if (this.#closing.delete(pool) && this.#closed) this.#checkDrained();
    };
    // Nothing of it is waited for any more. Not at once: it may be about to tell of its last request.
    pool.close().then(done, done);
    // What is left in its queue was given up, and would be connected for, one by one.
    setImmediate(() => pool.destroy().then(done, done));
  }
}

/** What undici knows and its types of one major or the other leave out. */
interface PoolOptions {
  connect?: buildConnector.connector | object;
  connectTimeout?: number;
  tls?: object | null;
  maxCachedSessions?: number | null;
  allowH2?: boolean;
  useH2c?: boolean;
  h2Options?: { useH2c?: boolean };
}

function hostOf(origin: string): string {
  return new URL(origin).hostname;
}
