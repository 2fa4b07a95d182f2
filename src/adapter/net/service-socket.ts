import { Socket } from 'node:net';
import { type Clock, systemClock } from '../../clock.ts';
import type { Endpoint } from '../../endpoint.ts';
import { ClosedError } from '../../errors.ts';
import type { Service } from '../../service.ts';
import { dial } from './dial.ts';
import { checkService, checkSocket, type SocketOptions } from './options.ts';

/**
 * A socket for libraries that take one unconnected and call `connect(port, host)` on it themselves: whatever they say there, it connects
 * to a picked endpoint, to the next where that refuses, and emits `'connect'` once. In flight from then until it closes. What
 * `connect()` of this module would throw is its `'error'`.
 *
 * @throws InvalidOptionError
 */
export function socketFor(service: Service, options: SocketOptions = {}): Socket {
  return socketIn(systemClock, service, options);
}

/** @internal In a world whose time a test owns. */
export function socketIn(clock: Clock, service: Service, options: SocketOptions = {}): Socket {
  return new ServiceSocket(
    clock,
    checkService(service, 'socketFor'),
    checkSocket(options, 'socketFor') as SocketOptions,
  );
}

/** What Node keeps on a socket and its types do not name. */
interface Insides {
  connecting: boolean;
  _handle: { close(): void } | null;
}

/**
 * Tries one endpoint after another as Node tries one address after another of a host: with a new handle each, within one socket that is
 * connecting all the time. So what was written, set and listened to before holds for the one that connects.
 */
class ServiceSocket extends Socket {
  readonly #clock: Clock;
  readonly #service: Service;
  readonly #options: SocketOptions;
  /** While it is connecting, or waits for a list to do so. */
  #stop: AbortController | undefined;
  readonly #insides = this as unknown as Insides;
  #begun = false;
  #unreferenced = false;
  /** Of the attempt that Node is making. */
  #attempt: { readonly endpoint: Endpoint; readonly fail: (error: Error) => void } | undefined;
  /** Until Node has let go of an attempt that was cut short. */
  #cancelled: Promise<void> | undefined;

  constructor(clock: Clock, service: Service, options: SocketOptions) {
    super();
    this.#clock = clock;
    this.#service = service;
    this.#options = options;
  }

  /** @throws ClosedError at the second call and after destroy(): another connection takes another socket. */
  override connect(...whereto: unknown[]): this {
    if (this.#begun || this.destroyed) {
      throw new ClosedError(
        `${this.#service.name}: a socket of socketFor() connects once; take another one.`,
      );
    }
    this.#begun = true;
    const listener = whereto.at(-1);
    if (typeof listener === 'function') this.once('connect', listener as () => void);
    this.#insides.connecting = true;
    void this.#dial();
    return this;
  }

  async #dial(): Promise<void> {
    this.#stop = new AbortController();
    const options = { ...this.#options, signal: this.#stop.signal };
    try {
      await dial(this.#clock, this.#service, (endpoint, signal) => this.#open(endpoint, signal), options);
    } catch (error) {
      super.destroy(error as Error);
    } finally {
      this.#stop = undefined;
    }
  }

  async #open(endpoint: Endpoint, signal: AbortSignal): Promise<this> {
    await this.#cancelled;
    signal.throwIfAborted();
    const { host, port } = endpoint;
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#attempt = undefined;
        this.off('connect', onConnect);
        signal.removeEventListener('abort', onAbort);
      };
      const onConnect = () => {
        settle();
        resolve(this);
      };
      const onAbort = () => {
        settle();
        if (!this.destroyed) this.#cancel(endpoint);
        reject(signal.reason);
      };
      const fail = (error: Error) => {
        settle();
        reject(error);
      };
      this.#attempt = { endpoint, fail };
      this.prependListener('connect', onConnect);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#letGo();
      const ended = this.writableEnded;
      super.connect({ host, port });
      // A new handle makes a new stream in Node's eyes; what was written it keeps.
      if (ended) this.end();
      if (this.#unreferenced) super.unref();
    });
  }

  /** Also what Node calls when an attempt has failed: that is not the end of this socket. */
  override destroy(error?: Error): this {
    const attempt = this.#attempt;
    if (attempt === undefined || this.destroyed || !isOf(attempt.endpoint, error))
      return super.destroy(error);
    this.#attempt = undefined;
    this.#insides.connecting = true;
    attempt.fail(error as Error);
    return this;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stop?.abort(error ?? undefined);
    super._destroy(error, done);
  }

  override ref(): this {
    this.#unreferenced = false;
    return super.ref();
  }

  override unref(): this {
    this.#unreferenced = true;
    return super.unref();
  }

  /** Node says that the attempt failed after all: only then may the next begin, or that would be taken for the failed one. */
  #cancel(endpoint: Endpoint): void {
    this.#cancelled = new Promise((resolve) => {
      this.#attempt = { endpoint, fail: () => resolve() };
    });
    // After what Node has put off to the end of this turn, which needs the handle.
    process.nextTick(() => {
      if (!this.destroyed) this.#letGo();
    });
  }

  #letGo(): void {
    this.#insides._handle?.close();
    this.#insides._handle = null;
    this.#insides.connecting = true;
  }
}

function isOf({ host, port }: Endpoint, error: Error | undefined): boolean {
  const failure = error as (NodeJS.ErrnoException & { address?: string; port?: number }) | undefined;
  return failure?.syscall === 'connect' && failure.address === host && failure.port === port;
}
