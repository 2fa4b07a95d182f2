import { inOnePiece } from './one-piece.ts';
import type { Address } from './resolver/resolver.ts';

/**
 * One instance of a service: an identity (`host:port`) and live counters that outlive every refresh.
 *
 * The same object stands for the same `host:port` as long as the service knows it, a short absence included, so counters
 * kept here survive. What it shows of its address (weight, tags, …) is always the newest.
 */
export interface Endpoint {
  /** IP literal, without brackets. */
  readonly host: string;
  readonly port: number;
  /** `host:port`, IPv6 in brackets; the identity. */
  readonly address: string;
  readonly priority: number;
  readonly weight: number;
  readonly target: string | undefined;
  readonly serverName: string | undefined;
  readonly node: string | undefined;
  readonly datacenter: string | undefined;
  readonly tags: readonly string[] | undefined;
  readonly meta: Readonly<Record<string, string>> | undefined;
  /** The URL at which Consul looks whether it is healthy, where the source knows it (`consulHttp`). */
  readonly check: string | undefined;
  /** Requests under way; counted by leases and adapters, not by plain `pick()`. */
  inFlight: number;
  /** How often a counting strategy (least-used) chose it. Other strategies leave it alone. */
  picks: number;
  /** Moving average of probe times in ms; `undefined` until measured, Infinity after a failed probe. */
  latency: number | undefined;
  /** How long requests took, as peak-ewma learned it from leases and reports; `undefined` before the first. */
  response: ResponseTime | undefined;
  /** `http://host:port/path`. `path` defaults to '/', `scheme` to 'http'. */
  url(path?: string, scheme?: string): string;
  /** Its address and counters as plain data; also what `console.log` shows. */
  toJSON(): Record<string, unknown>;
}

/** A moving average and the time it belongs to. */
export interface ResponseTime {
  /** Milliseconds. */
  average: number;
  /** `Clock.now()` of the newest sample or decay. */
  at: number;
}

/** `host:port`, with IPv6 in brackets. */
export function endpointKey(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** @internal The one implementation; only snapshot.ts makes and moves it. */
export class LiveEndpoint implements Endpoint {
  readonly host: string;
  readonly port: number;
  readonly address: string;
  inFlight = 0;
  picks = 0;
  latency: number | undefined = undefined;
  response: ResponseTime | undefined = undefined;
  /** What outlier ejection knows of it (outlier-detection.ts): here, because a request must not pay for finding it elsewhere. */
  standing: object | undefined = undefined;
  /** Where it stood in the list of the strategy that last took one over: a hint (balancer/places.ts). */
  place = 0;
  #current: Address;

  /** @param key its `endpointKey`. */
  constructor(address: Address, key: string) {
    this.host = address.host;
    this.port = address.port;
    this.address = inOnePiece(key);
    this.#current = address;
  }

  /** Replaces what the endpoint shows of its address. */
  renew(address: Address): void {
    this.#current = address;
  }

  get priority(): number {
    return this.#current.priority;
  }

  get weight(): number {
    return this.#current.weight;
  }

  get target(): string | undefined {
    return this.#current.target;
  }

  get serverName(): string | undefined {
    return this.#current.serverName;
  }

  get node(): string | undefined {
    return this.#current.node;
  }

  get datacenter(): string | undefined {
    return this.#current.datacenter;
  }

  get tags(): readonly string[] | undefined {
    return this.#current.tags;
  }

  get meta(): Readonly<Record<string, string>> | undefined {
    return this.#current.meta;
  }

  get check(): string | undefined {
    return this.#current.check;
  }

  toJSON(): Record<string, unknown> {
    const { address, inFlight, picks, latency, response } = this;
    return { address, ...this.#current, inFlight, picks, latency, response };
  }

  [Symbol.for('nodejs.util.inspect.custom')](): Record<string, unknown> {
    return this.toJSON();
  }

  url(path = '/', scheme = 'http'): string {
    return `${scheme}://${this.address}${path.startsWith('/') ? path : `/${path}`}`;
  }
}
