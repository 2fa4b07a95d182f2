import type { Endpoint } from '../../endpoint.ts';
import type { DispatchOptions, Handler } from './dispatch.ts';
import type { Transport } from './exchange.ts';
import type { RequestOptions } from './options.ts';
import type { Origin } from './service-origin.ts';

/** Sends a request on with another origin, and with the names of the service where the origin would have given others. */
export class Redirected implements Transport {
  readonly #below: (request: DispatchOptions, handler: Handler) => boolean;
  readonly #origin: Origin;
  readonly #options: RequestOptions;

  constructor(
    below: (request: DispatchOptions, handler: Handler) => boolean,
    origin: Origin,
    options: RequestOptions,
  ) {
    this.#below = below;
    this.#origin = origin;
    this.#options = options;
  }

  send(endpoint: Endpoint, request: DispatchOptions, handler: Handler): void {
    const { hostname, port, secure } = this.#origin;
    const { hostHeader = 'service', serverName = 'service' } = this.#options;
    const names = hostHeader === 'service' ? (port === '' ? hostname : `${hostname}:${port}`) : undefined;
    const byTarget = serverName === 'target' ? endpoint.serverName : undefined;
    const fixed = serverName === 'service' || serverName === 'target' ? byTarget : serverName;
    const sent: Sent = { ...request, origin: `${secure ? 'https' : 'http'}://${endpoint.address}` };
    if (names !== undefined) sent.headers = withHost(request.headers, names);
    // `null`: a request with a `Host` of its own is asked for under that name, as undici does it.
    if (secure) sent.servername = fixed ?? request.servername ?? (hasHost(request.headers) ? null : hostname);
    this.#below(sent, handler);
  }

  done(): void {}
}

type Pair = readonly [name: unknown, value: unknown];
type Sent = { -readonly [K in keyof DispatchOptions]: DispatchOptions[K] };

/** The headers and a `Host`, unless there is one. */
function withHost(headers: unknown, host: string): unknown {
  if (hasHost(headers)) return headers;
  if (isFlat(headers)) return ['host', host, ...headers];
  // As a flat list: in an array undici takes pairs for names and values in turn.
  if (Symbol.iterator in Object(headers)) return ['host', host, ...[...(headers as Iterable<Pair>)].flat()];
  return { host, ...(headers as object | null | undefined) };
}

function hasHost(headers: unknown): boolean {
  if (isFlat(headers)) return headers.some((name, i) => i % 2 === 0 && isHost(name));
  if (Symbol.iterator in Object(headers))
    return Array.from(headers as Iterable<readonly unknown[]>).some(([name]) => isHost(name));
  return Object.keys(Object(headers)).some(isHost);
}

/** Name, value, name, value … */
function isFlat(headers: unknown): headers is readonly unknown[] {
  return Array.isArray(headers) && !Array.isArray(headers[0]);
}

function isHost(name: unknown): boolean {
  return String(name).toLowerCase() === 'host';
}
