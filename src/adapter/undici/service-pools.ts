import type { Dispatcher } from 'undici';
import type { AdapterHost } from '../../adapter-host.ts';
import { ClosedError } from '../../errors.ts';
import { Hosts } from '../hosts.ts';
import { askerFor, tellFailure, understandable } from './askers.ts';
import type { DispatchOptions, Handler } from './dispatch.ts';
import { Exchange, type ExchangeSetup } from './exchange.ts';
import type { DispatcherOptions } from './options.ts';
import { knowsOldHandlers, type Undici } from './peer.ts';
import { EndpointPools } from './pools.ts';
import { requestSetup } from './request-setup.ts';
import { type Origin, originOf } from './service-origin.ts';

/** Programs call few origins, but URLs may come without end. */
const mostOrigins = 1_000;

/** What stands behind the origin of a service. */
interface Behind {
  readonly origin: Origin;
  /** For who speaks HTTP/2, and for who does not. */
  readonly pools: [EndpointPools | undefined, EndpointPools | undefined];
}

/** All that a dispatcher of ours holds: the pools of the services it was asked for, and who gets the rest. */
export class ServicePools {
  closed = false;
  readonly #undici: Undici;
  readonly #options: DispatcherOptions;
  readonly #hosts: Hosts;
  readonly #setup: ExchangeSetup;
  readonly #old: boolean;
  /** By origin, `undefined` for those of others. */
  readonly #behind = new Map<string, Behind | undefined>();
  /** All that are not drained yet. */
  readonly #pools = new Set<EndpointPools>();
  readonly #letGo: () => void;
  #others: Dispatcher | undefined;
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
    let pools: EndpointPools | undefined;
    try {
      if (this.closed) throw new ClosedError('The dispatcher was closed.');
      pools = this.#poolsFor(options);
    } catch (error) {
      tellFailure(handler, error);
      return false;
    }
    if (pools === undefined) return this.#elsewhere(options, handler);
    new Exchange(this.#setup, pools.service, pools, askerFor(handler, this.#old), options, replay).start();
    return true;
  }

  /** What is under way may finish. */
  async close(): Promise<void> {
    this.#closing ??= this.#end(
      (pools) => pools.drain(),
      (others) => others.close(),
    );
    await this.#closing;
  }

  /** Ends what is under way. */
  async destroy(error: Error | null): Promise<void> {
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

  #poolsFor({ origin, allowH2 }: DispatchOptions): EndpointPools | undefined {
    const key = typeof origin === 'object' ? origin.origin : origin;
    if (key === undefined) return undefined;
    let behind = this.#behind.get(key);
    if (behind === undefined) {
      if (this.#behind.has(key)) return undefined;
      const understood = originOf(key);
      behind = understood && { origin: understood, pools: [undefined, undefined] };
    }
    const way = allowH2 === false ? 1 : 0;
    const pools = behind?.pools[way] ?? (behind && this.#open(behind, way));
    if (pools === undefined || !this.#behind.has(key)) {
      if (this.#behind.size >= mostOrigins) this.#behind.clear();
      this.#behind.set(key, pools && behind);
    }
    return pools;
  }

  #open(behind: Behind, way: 0 | 1): EndpointPools | undefined {
    const { origin, pools } = behind;
    const service = this.#hosts.service(origin.hostname, origin.port, origin.secure);
    if (service === undefined) return undefined;
    const { pool = {}, serverName = 'service', hostHeader = 'service' } = this.#options;
    const opened = new EndpointPools({
      undici: this.#undici,
      service,
      origin: origin.text,
      serverName,
      hostHeader,
      pool: way === 0 ? pool : { ...pool, allowH2: false },
      onClosed: () => {
        if (pools[way] === opened) pools[way] = undefined;
      },
      onDrained: () => this.#pools.delete(opened),
    });
    pools[way] = opened;
    this.#pools.add(opened);
    return opened;
  }
}
