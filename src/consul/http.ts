import { setMaxListeners } from 'node:events';
import { type Clock, sleep } from '../clock.ts';
import { ClosedError, ConsulError, DiscoveryError } from '../errors.ts';
import { keepAliveDuring } from '../keep-alive.ts';
import { Connections } from './connections.ts';
import { Exchange, TooLongError } from './exchange.ts';
import { onAbort } from './on-abort.ts';
import type { ConsulSettings } from './options.ts';
import { heldFor, pathAndQuery } from './query.ts';
import { checkMethod, checkPath, checkRequest, encoded, type RequestOptions } from './request-options.ts';
import { type ConsulResponse, understood } from './response.ts';
import { errorWithoutSecrets, secretsOfAuth, withoutSecrets } from './secrets.ts';
import { Token } from './token.ts';
import { neverSent, unheard } from './unheard.ts';

export type { QueryValue, RequestOptions } from './request-options.ts';
export type { ConsulResponse } from './response.ts';

/** Bytes of an answer. A KV value has at most 512 KiB, a catalogue of 10 000 instances some 20 MiB. */
export const longestAnswer = 256 * 1_024 * 1_024;
/** Milliseconds that `close()` waits for those who take leave. */
const longestLeave = 1_000;
const safe = new Set(['GET', 'HEAD']);

/** Requests to Consul's HTTP API: the connections, the token, and one place that says what went wrong. */
export class ConsulHttp {
  readonly #settings: ConsulSettings;
  readonly #clock: Clock;
  readonly #token: Token;
  readonly #connections: Connections;
  readonly #lifetime = new AbortController();
  readonly #underWay = new Set<Exchange>();
  readonly #leaving = new Set<() => Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(settings: ConsulSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#token = new Token(settings.token, settings.tokenFile);
    this.#connections = new Connections(settings);
    // As many as there are pieces of work under way, and Node takes the eleventh for a leak.
    setMaxListeners(0, this.#lifetime.signal);
  }

  get clock(): Clock {
    return this.#clock;
  }

  /** Aborts when the client is closed. */
  get lifetime(): AbortSignal {
    return this.#lifetime.signal;
  }

  /** What others may know: no secrets. */
  get settings(): Pick<ConsulSettings, 'target'> {
    return { target: this.#settings.target };
  }

  /** Where it is, for messages. */
  get address(): string {
    const { secure, host, port, socketPath, pathPrefix } = this.#settings.target;
    if (socketPath !== undefined) return `unix://${socketPath}`;
    return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}${pathPrefix}`;
  }

  /**
   * @param path begins with `/v1/`; what is put into it by the caller has to be encoded.
   * @throws ConsulError for a status outside 2xx, redirects too; DiscoveryError ERR_UNREACHABLE, ERR_TIMEOUT; ClosedError;
   * InvalidOptionError; `signal.reason`.
   */
  request<T = unknown>(
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<ConsulResponse<T>> {
    // Between two tries there is no socket that would do it.
    return keepAliveDuring(this.requestInBackground<T>(method, path, options));
  }

  /** The same for work that nobody awaits: it does not keep the process alive by itself. */
  async requestInBackground<T = unknown>(
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<ConsulResponse<T>> {
    const given = checkRequest(options);
    const verb = checkMethod(method);
    checkPath(path);
    const repeatable = given.idempotent ?? safe.has(verb);
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once<T>(verb, path, given);
      } catch (error) {
        const { code, cause } = Object(error) as { code?: string; cause?: unknown };
        const again = code === 'ERR_UNREACHABLE' && (repeatable ? unheard(cause) : neverSent(cause));
        if (!again || attempt >= this.#settings.retries) throw error;
        await this.pause(50 * 2 ** attempt, given.signal);
      }
    }
  }

  /** Resolves after `delay` ms, or when the client is closed. Rejects with `signal.reason`. */
  async pause(delay: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const end = new AbortController();
    const heard = [signal, this.lifetime].map((one) => one && onAbort(one, () => end.abort()));
    try {
      if (!this.lifetime.aborted) await sleep(this.#clock, delay, end.signal);
    } catch {
      signal?.throwIfAborted();
    } finally {
      for (const forget of heard) forget?.();
    }
  }

  /** `leave` is called by `close()` while requests can still be made, for a second at most. Returns the way to take it back. */
  beforeClose(leave: () => Promise<unknown>): () => void {
    this.#leaving.add(leave);
    return () => void this.#leaving.delete(leave);
  }

  /** Ends what is under way; idempotent. At once, unless somebody takes leave. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#leaving.size > 0) {
      const all = Promise.allSettled([...this.#leaving].map((leave) => leave()));
      await keepAliveDuring(Promise.race([all, sleep(this.#clock, longestLeave)]));
    }
    const closed = closedError();
    this.#lifetime.abort(closed);
    for (const exchange of this.#underWay) exchange.cancel(closed);
    this.#connections.destroy();
  }

  async #once<T>(method: string, path: string, options: RequestOptions): Promise<ConsulResponse<T>> {
    const token = await this.#token.current();
    const { signal } = options;
    signal?.throwIfAborted();
    // A reason of its own for each: what it is thrown from is in its stack.
    if (this.#lifetime.signal.aborted) throw closedError();
    const { target, auth, timeout } = this.#settings;
    const { bytes, type } = encoded(options.body);
    const asked = pathAndQuery(method, path, options, this.#settings);
    const held = heldFor(asked);
    const headers = {
      accept: 'application/json',
      ...(token !== undefined && { 'x-consul-token': token }),
      ...(type !== undefined && { 'content-type': type }),
      ...(bytes !== undefined && { 'content-length': bytes.byteLength }),
      ...options.headers,
    };
    const secrets = [...secretsOfAuth(auth), ...secretsIn(headers, asked)];
    const what = `${method} ${withoutSecrets(path, secrets)}`;
    const request = this.#connections.request(
      {
        method,
        path: target.pathPrefix + asked,
        host: target.host,
        port: target.port,
        ...(target.socketPath !== undefined && { socketPath: target.socketPath }),
        ...(auth !== undefined && { auth }),
        headers,
      },
      held > 0,
    );
    const exchange = new Exchange(request, bytes, longestAnswer);
    const limit = (options.timeout ?? timeout) + held;
    const late = () =>
      exchange.cancel(
        new DiscoveryError(
          'ERR_TIMEOUT',
          `${what}: Consul at ${this.address} did not answer in ${Math.round(limit)} ms.`,
        ),
      );
    let timer: ReturnType<Clock['setTimeout']> | undefined;
    const start = () => {
      timer = this.#clock.setTimeout(late, limit);
    };
    // A blocking query may have to wait for its turn, however long that takes.
    if (held > 0) exchange.onConnection(start);
    else start();
    const forget = signal && onAbort(signal, () => exchange.cancel(signal.reason));
    this.#underWay.add(exchange);
    try {
      return understood<T>(`${what}: Consul at ${this.address}`, await exchange.answer, options, secrets);
    } catch (error) {
      if (error instanceof DiscoveryError) throw error;
      signal?.throwIfAborted();
      throw this.#failure(what, error as Error, secrets);
    } finally {
      this.#clock.clearTimeout(timer);
      forget?.();
      this.#underWay.delete(exchange);
    }
  }

  #failure(what: string, error: Error, secrets: readonly string[]): DiscoveryError {
    const cause = errorWithoutSecrets(error, secrets);
    if (cause instanceof TooLongError)
      return new ConsulError(`${what}: Consul at ${this.address}: ${cause.message}`, {
        status: 200,
        body: '',
      });
    // Of several addresses that were tried at once Node says nothing but the code.
    const why = cause.message || String((cause as NodeJS.ErrnoException).code);
    return new DiscoveryError(
      'ERR_UNREACHABLE',
      `${what}: Consul at ${this.address} cannot be reached: ${why}`,
      { cause },
    );
  }
}

/** The tokens that this very request names, by whatever way. */
function secretsIn(headers: Readonly<Record<string, unknown>>, asked: string): string[] {
  const named = Object.entries(headers)
    .filter(([name]) => /^(x-consul-token|authorization|proxy-authorization|cookie)$/i.test(name))
    .flatMap(([, value]) => [String(value), String(value).replace(/^\w+ /, '')]);
  return [...named, ...new URLSearchParams(asked.split('?')[1] ?? '').getAll('token')];
}

function closedError(): ClosedError {
  return new ClosedError('The Consul client was closed.');
}
