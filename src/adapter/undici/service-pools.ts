import type { Dispatcher } from 'undici';
import type { AdapterHost } from '../../adapter-host.ts';
import { ClosedError } from '../../errors.ts';
import { Hosts } from '../hosts.ts';
import { askerFor, tellFailure, understandable } from './askers.ts';
import type { DispatchOptions, Handler } from './dispatch.ts';
import type { ExchangeSetup } from './exchange.ts';
import { speaksH2 } from './http-version.ts';
import type { DispatcherOptions } from './options.ts';
import { knowsOldHandlers, type Undici } from './peer.ts';
import { PooledExchange } from './pooled-exchange.ts';
import { EndpointPools } from './pools.ts';
import { requestSetup } from './request-setup.ts';
import { originOf } from './service-origin.ts';

/** Programs call few origins, but URLs may come without end. */
const mostForeign = 1_000;

/** The pools of one origin: for who speaks HTTP/2, and for who does not. */
type Ways = [EndpointPools | undefined, EndpointPools | undefined];

/** What undici's WebSocket and EventSource ask a dispatcher for. undici 7 takes no answer for no limit. */
interface Bounds {
  readonly webSocketOptions: unknown;
  readonly eventSourceOptions: unknown;
}

/** All that a dispatcher of ours holds: the pools of the services it was asked for, and who gets the rest. */
export class ServicePools {
  closed = false;
  destroyed = false;
  readonly #undici: Undici;
  readonly #options: DispatcherOptions;
  readonly #hosts: Hosts;
  readonly #setup: ExchangeSetup;
  readonly #old: boolean;
  /** By origin. As long as the service lives: a second one would follow it as well. */
  readonly #services = new Map<string, Ways>();
  /** Origins of others, as far as they are remembered. */
  readonly #foreign = new Set<string>();
  /** All that are not drained yet. */
  readonly #pools = new Set<EndpointPools>();
  readonly #letGo: () => void;
  #others: Dispatcher | undefined;
  #bounds: Bounds | undefined;
  #closing: Promise<void> | undefined;

  constructor(host: AdapterHost, undici: Undici, options: DispatcherOptions) {
    this.#undici = undici;
    this.#options = options;
    this.#hosts = new Hosts(host, options);
    this.#setup = requestSetup(host, undici, options);
    this.#old = knowsOldHandlers(undici);
    this.#letGo = host.onClose(() => this.close());
  }

  /** @param replay what to send in place of a body that can be read but once, when it is to be sent again. */
  dispatch(options: DispatchOptions, handler: Handler, replay: unknown): boolean {
    if (typeof handler !== 'object' || handler === null)
      throw new this.#undici.errors.InvalidArgumentError('handler must be an object');
    let pools: EndpointPools | undefined;
    try {
      if (this.closed) throw new ClosedError('The dispatcher was closed.');
      pools = this.#poolsFor(options, handler);
    } catch (error) {
      tellFailure(handler, error);
      return false;
    }
    if (pools === undefined) return this.#elsewhere(options, handler);
    new PooledExchange(this.#setup, pools, askerFor(handler, this.#old), options, replay).start();
    return true;
  }

  /** As an Agent with these options would say it. */
  get bounds(): Bounds {
    this.#bounds ??= new this.#undici.Agent(this.#options.pool as never) as unknown as Bounds;
    return this.#bounds;
  }

  /** What is under way may finish. */
  async close(): Promise<void> {
    this.#closing ??= this.#end(
      (pools) => pools.drain(),
      (others) => others.close(),
    );
    await this.#closing;
    this.destroyed = true;
  }

  /** Ends what is under way. */
  async destroy(error: Error | null): Promise<void> {
    this.destroyed = true;
    const draining = this.#closing;
    this.#closing = this.#end(
      (pools) => pools.destroy(error),
      (others) => others.destroy(error),
    );
    await this.#closing;
    await draining;
  }

  async #end(
    endPools: (pools: EndpointPools) => Promise<void>,
    endOthers: (others: Dispatcher) => Promise<void>,
  ): Promise<void> {
    this.closed = true;
    this.#letGo();
    const ends = [...this.#pools].map(endPools);
    // One that was given has other users.
    const others = this.#options.others === undefined ? this.#others : undefined;
    if (others !== undefined && !(others as Dispatcher & { destroyed: boolean }).destroyed)
      ends.push(endOthers(others));
    await Promise.all(ends);
  }

  #elsewhere(options: DispatchOptions, handler: Handler): boolean {
    const { others, pool } = this.#options;
    this.#others ??= others ?? new this.#undici.Agent(pool as never);
    return this.#others.dispatch(options as never, understandable(handler, this.#old) as never);
  }

  #poolsFor(options: DispatchOptions, handler: Handler): EndpointPools | undefined {
    const { origin } = options;
    const key = typeof origin === 'object' ? origin?.origin : origin;
    if (key === undefined || this.#foreign.has(key)) return undefined;
    const way = speaksH2(options, handler, this.#old) ? 0 : 1;
    return this.#services.get(key)?.[way] ?? this.#open(key, way);
  }

  #open(key: string, way: 0 | 1): EndpointPools | undefined {
    const origin = originOf(key);
    const service = origin && this.#hosts.service(origin.hostname, origin.port, origin.secure);
    if (service === undefined) {
      if (this.#foreign.size >= mostForeign) this.#foreign.clear();
      this.#foreign.add(key);
      return undefined;
    }
    // Origins can be written in several ways.
    const { text } = origin!;
    const ways: Ways = this.#services.get(text) ?? [undefined, undefined];
    const present = ways[way];
    if (present !== undefined) return present;
    const { pool = {}, serverName = 'service', hostHeader = 'service' } = this.#options;
    const opened = new EndpointPools({
      undici: this.#undici,
      service,
      origin: text,
      serverName,
      hostHeader,
      pool: way === 0 ? pool : { ...pool, allowH2: false },
      onClosed: () => {
        ways[way] = undefined;
        if (ways[0] === ways[1]) this.#services.delete(text);
      },
      onDrained: () => this.#pools.delete(opened),
    });
    ways[way] = opened;
    this.#services.set(text, ways);
    this.#pools.add(opened);
    return opened;
  }
}
