import * as http from 'node:http';
import * as https from 'node:https';
import { signal as aSignal, fields, number, oneOf } from '../checks.ts';
import { type Clock, sleep } from '../clock.ts';
import { ClosedError, ConsulError, DiscoveryError, InvalidOptionError } from '../errors.ts';
import { keepAliveDuring } from '../keep-alive.ts';
import type { ConsulSettings } from './options.ts';
import { Token } from './token.ts';

export interface RequestOptions {
  /** Put into the URL; `undefined` and `false` are left out, `true` stands by its bare name. */
  readonly query?: Readonly<Record<string, QueryValue>>;
  /** Text and buffers are sent as they are, all else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; on top of what a blocking query may wait. Default: the client's. */
  readonly timeout?: number;
  /** Default: the client's for reading; none for writing. */
  readonly consistency?: 'default' | 'stale' | 'consistent';
  /** `'json'` (default), or the bytes as they came. */
  readonly as?: 'json' | 'bytes';
  /** Statuses that are an answer and no error. Default: none but 2xx. */
  readonly accept?: readonly number[];
}

export type QueryValue = string | number | boolean | readonly string[] | undefined;

/** What Consul answered. */
export interface ConsulResponse<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** X-Consul-Index: names this state, for blocking queries. `undefined` where the endpoint has none. */
  readonly index: number | undefined;
  /** X-Consul-LastContact in ms, and whether there was a leader: how stale it may be. */
  readonly lastContact: number | undefined;
  readonly knownLeader: boolean | undefined;
}

const checkRequest = fields({
  query: (value) => value as Record<string, QueryValue>,
  body: (value) => value,
  headers: (value) => value as Record<string, string>,
  signal: aSignal,
  timeout: number(1, 86_400_000),
  consistency: oneOf('default', 'stale', 'consistent'),
  as: oneOf('json', 'bytes'),
  accept: (value) => value as readonly number[],
});

/** Consul refuses the 201st connection of one client (`http_max_conns_per_client`); watches hold one each. */
const mostConnections = 100;
/** Of an answer, in bytes; a KV value has at most 512 KiB, a catalogue of 10 000 instances some 20 MiB. */
const longestAnswer = 256 * 1_024 * 1_024;
const safe = new Set(['GET', 'HEAD']);

/** Requests to Consul's HTTP API: one connection pool, one token, one place that says what went wrong. */
export class ConsulHttp {
  readonly settings: ConsulSettings;
  readonly #clock: Clock;
  readonly #token: Token;
  readonly #agent: http.Agent;
  readonly #lifetime = new AbortController();

  constructor(settings: ConsulSettings, clock: Clock) {
    this.settings = settings;
    this.#clock = clock;
    this.#token = new Token(settings.token, settings.tokenFile);
    const connections = { keepAlive: true, maxSockets: mostConnections };
    const { ca, cert, key, serverName, verify } = settings.tls;
    this.#agent = settings.target.secure
      ? new https.Agent({
          ...connections,
          ...(ca !== undefined && { ca: ca as string }),
          ...(cert !== undefined && { cert }),
          ...(key !== undefined && { key }),
          ...(serverName !== undefined && { servername: serverName }),
          rejectUnauthorized: verify !== false,
        })
      : new http.Agent(connections);
  }

  get clock(): Clock {
    return this.#clock;
  }

  /** Aborts when the client is closed. */
  get lifetime(): AbortSignal {
    return this.#lifetime.signal;
  }

  /** Where it is, for messages. */
  get address(): string {
    const { secure, host, port, socketPath } = this.settings.target;
    if (socketPath !== undefined) return `unix://${socketPath}`;
    return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  /**
   * @param path begins with `/v1/`; what is put into it by the caller has to be encoded.
   * @throws ConsulError for a status outside 2xx; DiscoveryError ERR_UNREACHABLE, ERR_TIMEOUT; ClosedError; `signal.reason`.
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
    const checked = checkRequest(options, 'request') as RequestOptions;
    if (!/^\/v1\/[!-~]*$/.test(path))
      throw new InvalidOptionError(
        `request: expected a path like '/v1/agent/self', got ${JSON.stringify(path)}.`,
      );
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once<T>(method.toUpperCase(), path, checked);
      } catch (error) {
        // Nobody answered: a second GET does no harm. A refused connection has not even seen a PUT.
        const { code, cause } = error as { code?: string; cause?: { code?: string } };
        const unheard = code === 'ERR_UNREACHABLE' && (safe.has(method) || cause?.code === 'ECONNREFUSED');
        if (!unheard || attempt >= this.settings.retries) throw error;
        await sleep(this.#clock, 50 * 2 ** attempt, checked.signal);
      }
    }
  }

  /** Ends what is under way; idempotent. */
  close(): void {
    this.#lifetime.abort(new ClosedError('The Consul client was closed.'));
    this.#agent.destroy();
  }

  async #once<T>(method: string, path: string, options: RequestOptions): Promise<ConsulResponse<T>> {
    const token = await this.#token.current();
    const { signal } = options;
    signal?.throwIfAborted();
    this.#lifetime.signal.throwIfAborted();
    const { target, auth, timeout } = this.settings;
    const [body, type] = encoded(options.body);
    const url = path + this.#query(method, path, options);
    const limit = (options.timeout ?? timeout) + waitOf(options.query);
    const request = (target.secure ? https : http).request({
      agent: this.#agent,
      method,
      path: url,
      host: target.host,
      port: target.port,
      ...(target.socketPath !== undefined && { socketPath: target.socketPath }),
      ...(auth !== undefined && { auth }),
      headers: {
        accept: 'application/json',
        ...(token !== undefined && { 'x-consul-token': token }),
        ...(type !== undefined && { 'content-type': type }),
        ...(body !== undefined && { 'content-length': body.byteLength }),
        ...options.headers,
      },
    });
    const what = `${method} ${path}`;
    const onClose = () => request.destroy(this.#lifetime.signal.reason);
    const onAbort = () => request.destroy(signal?.reason);
    let late = false;
    const timer = this.#clock.setTimeout(() => {
      late = true;
      request.destroy();
    }, limit);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#lifetime.signal.addEventListener('abort', onClose, { once: true });
    try {
      const response = await answered(request, body);
      const bytes = await received(response);
      return this.#understood<T>(what, response, bytes, options);
    } catch (error) {
      this.#lifetime.signal.throwIfAborted();
      signal?.throwIfAborted();
      if (late)
        throw new DiscoveryError(
          'ERR_TIMEOUT',
          `${what}: Consul at ${this.address} did not answer in ${limit} ms.`,
        );
      throw error instanceof ConsulError ? error : this.#unreachable(what, error as Error);
    } finally {
      this.#clock.clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      this.#lifetime.signal.removeEventListener('abort', onClose);
    }
  }

  #query(method: string, path: string, { query = {}, consistency }: RequestOptions): string {
    const { datacenter, namespace, partition, consistency: usual } = this.settings;
    const all: Record<string, QueryValue> = { ns: namespace, partition, ...query };
    // The agent's own state is of no datacenter and always fresh.
    if (!path.startsWith('/v1/agent/')) {
      all['dc'] ??= datacenter;
      const level = consistency ?? (safe.has(method) ? usual : 'default');
      if (level !== 'default') all[level] = true;
    }
    const parts: string[] = [];
    for (const [name, value] of Object.entries(all)) {
      if (value === undefined || value === false) continue;
      for (const one of Array.isArray(value) ? value : [value])
        parts.push(one === true ? name : `${name}=${encodeURIComponent(String(one))}`);
    }
    return parts.length === 0 ? '' : `?${parts.join('&')}`;
  }

  #understood<T>(
    what: string,
    { statusCode: status = 0, headers }: http.IncomingMessage,
    bytes: Buffer,
    { as = 'json', accept = [] }: RequestOptions,
  ): ConsulResponse<T> {
    if ((status < 200 || status > 299) && !accept.includes(status)) {
      const said = this.#token.hidden(bytes.toString('utf8', 0, 500).trim());
      throw new ConsulError(
        `${what}: Consul at ${this.address} answered ${status}: ${said || 'nothing more'}`,
        {
          status,
          body: said,
        },
      );
    }
    const leader = headers['x-consul-knownleader'];
    return {
      status,
      body: (as === 'bytes' ? bytes : this.#parsed(what, bytes)) as T,
      headers,
      index: numberOf(headers['x-consul-index']),
      lastContact: numberOf(headers['x-consul-lastcontact']),
      knownLeader: leader === undefined ? undefined : leader === 'true',
    };
  }

  /** Some endpoints answer with a bare word or nothing. */
  #parsed(what: string, bytes: Buffer): unknown {
    const text = bytes.toString();
    if (text.trim() === '') return undefined;
    try {
      return JSON.parse(text);
    } catch (cause) {
      if (!/^\s*[[{]/.test(text)) return text;
      throw new ConsulError(
        `${what}: Consul at ${this.address} answered with broken JSON.`,
        { status: 200, body: '' },
        { cause },
      );
    }
  }

  #unreachable(what: string, cause: Error): DiscoveryError {
    const said = this.#token.hidden(cause.message);
    return new DiscoveryError(
      'ERR_UNREACHABLE',
      `${what}: Consul at ${this.address} cannot be reached: ${said}`,
      { cause },
    );
  }
}

/** How long Consul may let a blocking query wait: the time and up to a sixteenth of it, by which it spreads the answers. */
function waitOf(query: RequestOptions['query']): number {
  const wait = query?.['wait'];
  if (query?.['index'] === undefined) return 0;
  const given = typeof wait === 'string' ? /^(\d+)(ms|s|m)$/.exec(wait) : null;
  if (given === null) return 300_000 * (17 / 16);
  const unit = given[2] === 'ms' ? 1 : given[2] === 's' ? 1_000 : 60_000;
  return Number(given[1]) * unit * (17 / 16);
}

function encoded(body: unknown): [Uint8Array | undefined, string | undefined] {
  if (body === undefined) return [undefined, undefined];
  if (typeof body === 'string') return [Buffer.from(body), 'application/octet-stream'];
  if (body instanceof Uint8Array) return [body, 'application/octet-stream'];
  return [Buffer.from(JSON.stringify(body)), 'application/json'];
}

function answered(request: http.ClientRequest, body: Uint8Array | undefined): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    // Where it is destroyed without a reason there is no error.
    request.on('close', () => reject(new Error('the connection was closed')));
    request.on('response', resolve);
    // Who awaits holds the process; a watch must not.
    request.on('socket', (socket) => socket.unref());
    request.end(body);
  });
}

async function received(response: http.IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > longestAnswer) throw new Error(`the answer is longer than ${longestAnswer} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function numberOf(header: string | string[] | undefined): number | undefined {
  const value = Number(header);
  return header === undefined || !Number.isFinite(value) ? undefined : value;
}
