import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { systemClock } from '../../clock.ts';
import type { Service } from '../../service.ts';
import { connect } from './connect.ts';
import { type ConnectOptions, checkConnect, checkService } from './options.ts';

/** What ioredis takes as `Connector`; it builds one for each client. `never`: its type of it has private parts. */
export type RedisConnector = new (options: unknown) => never;

/** What it uses of what Redis was given. */
interface RedisOptions {
  readonly tls?: boolean | ConnectionOptions;
  readonly disconnectTimeout?: number;
}

/**
 * For ioredis 5: `new Redis({ Connector: redisConnector(service) })`. Every connection, the later ones too, goes to an endpoint that is
 * picked then. `tls` is by default what Redis was given as `tls`. Where no endpoint can be had, ioredis tries again as its
 * `retryStrategy` says; its `connectTimeout` does not count, that of `options` does.
 *
 * @throws InvalidOptionError
 */
export function redisConnector(
  service: Service,
  options: Omit<ConnectOptions, 'signal'> = {},
): RedisConnector {
  checkService(service, 'redisConnector');
  checkConnect(options, 'redisConnector');
  return class extends Connector {
    constructor(redis: unknown) {
      super(service, options, redis as RedisOptions);
    }
  } as unknown as RedisConnector;
}

/** As its `AbstractConnector`, without loading ioredis for it. */
class Connector {
  /** What it reports where the stream is closed already. */
  firstError: Error | undefined;
  readonly #service: Service;
  readonly #options: ConnectOptions;
  readonly #disconnectTimeout: number;
  #stop = new AbortController();
  #stream: Socket | undefined;

  constructor(service: Service, options: ConnectOptions, redis: RedisOptions) {
    const { tls, disconnectTimeout = 2_000 } = redis;
    this.#service = service;
    this.#options = { ...(tls !== undefined && { tls }), ...options };
    this.#disconnectTimeout = disconnectTimeout;
  }

  /** Whether the server that `INFO` describes will do. */
  check(): boolean {
    return true;
  }

  /** A closed stream where there is no connection: a rejection would be the end, a closed stream is connected again. */
  async connect(): Promise<Socket> {
    this.firstError = undefined;
    this.#stop = new AbortController();
    try {
      this.#stream = await connect(this.#service, { ...this.#options, signal: this.#stop.signal });
    } catch (error) {
      this.firstError = error as Error;
      this.#stream = new Socket().destroy();
    }
    return this.#stream;
  }

  disconnect(): void {
    this.#stop.abort(new Error('Connection is closed.'));
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed) return;
    const timer = systemClock.setTimeout(() => stream.destroy(), this.#disconnectTimeout);
    stream.once('close', () => systemClock.clearTimeout(timer));
    stream.end();
  }
}
