import { setMaxListeners } from 'node:events';
import { orAbort } from './abort.ts';
import type { Balancer } from './balancer/balancer.ts';
import { signal as aSignal, fields, number } from './checks.ts';
import type { Clock } from './clock.ts';
import type { Warnings } from './diagnostics.ts';
import type { ServiceName } from './dns/name.ts';
import type { Endpoint } from './endpoint.ts';
import { ClosedError, DiscoveryError, NoEndpointsError, ServiceNotFoundError } from './errors.ts';
import { keepAliveDuring } from './keep-alive.ts';
import type { Random } from './random.ts';
import { RefreshSchedule } from './refresh-schedule.ts';
import { addressesOf, type Membership, noMembers, settle } from './resolver/membership.ts';
import type { Address, Origin, Resolution, Resolver } from './resolver/resolver.ts';
import {
  type Change,
  type DepartedEndpoints,
  emptySnapshot,
  reconcile,
  rememberDeparted,
  type Snapshot,
} from './snapshot.ts';

/** A snapshot and what is known of it at the moment of asking. */
export interface ServiceSnapshot extends Snapshot {
  /** Milliseconds since the list was last confirmed; Infinity before the first. */
  readonly age: number;
  /** True when the newest question failed and the list is an older one, or when there is none yet. */
  readonly stale: boolean;
  /** True when the last answer was proven to lack no healthy instance. */
  readonly complete: boolean;
  readonly source: Origin | undefined;
}

/** What a service has done so far. */
export interface ServiceStats {
  /** Canonical DNS name. */
  readonly name: string;
  readonly endpoints: number;
  readonly version: number;
  /** Milliseconds; see ServiceSnapshot. */
  readonly age: number;
  readonly stale: boolean;
  readonly complete: boolean;
  /** Lists that came, and questions that brought none. */
  readonly refreshes: number;
  readonly failures: number;
  readonly lastError: string | undefined;
  /** Milliseconds until the next question; `undefined` while one is under way or the service is idle. */
  readonly nextRefresh: number | undefined;
  readonly idle: boolean;
}

/** @internal What a discovery gives to its services. */
export interface ServiceSetup {
  readonly name: ServiceName;
  /** Canonical DNS name. */
  readonly key: string;
  readonly resolver: Resolver;
  readonly balancer: Balancer;
  readonly clock: Clock;
  readonly random: Random;
  readonly hold: { readonly error: number; readonly empty: number };
  readonly idle: number;
  /** The refresh interval until one is known, in ms. */
  readonly interval: number;
  readonly warnings: Warnings;
  /** Called now and then while the service is in use. */
  readonly onUsed: () => void;
  readonly onClose: () => void;
}

/** Longer delays than this are beyond Node's timers: then there is none. */
const longestTimer = 2 ** 31 - 1;

const checkWait = fields({ signal: aSignal });
const checkReady = fields({ signal: aSignal, timeout: number(0, Number.POSITIVE_INFINITY) });

export type Listener = (snapshot: ServiceSnapshot, change: Change) => void;

/**
 * One service: keeps the list of its endpoints fresh in the background and chooses among them.
 *
 * The only stateful object of the house. It owns the schedule and the hold timers: what an answer, an empty answer and a
 * failure do to the list is decided here and nowhere else.
 */
export class Service {
  readonly #setup: ServiceSetup;
  readonly #balancer: Balancer;
  readonly #schedule: RefreshSchedule;
  readonly #departed: DepartedEndpoints;
  readonly #listeners = new Set<Listener>();
  /** Woken by every change and by the end. */
  readonly #waiters = new Set<() => void>();
  readonly #lifetime = new AbortController();
  #snapshot: Snapshot = emptySnapshot;
  #members: Membership = noMembers;
  #last: Resolution | undefined;
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #emptySince: number | undefined;
  #error: unknown;
  #refreshes = 0;
  #failures = 0;
  #asking: Promise<void> | undefined;
  /** Whether the question under way goes past the cache. */
  #askingFresh = false;
  #waiting = 0;
  /** Used since the schedule last looked. All that a pick does beside the balancer's work is to read this. */
  #touched = true;
  #lastUsed: number;
  #idle = false;

  /** @internal Services are made by `discovery.service()`. */
  constructor(setup: ServiceSetup) {
    const { clock, random, interval } = setup;
    this.#setup = setup;
    this.#balancer = setup.balancer;
    this.#departed = rememberDeparted(clock);
    this.#lastUsed = clock.now();
    this.#schedule = new RefreshSchedule(clock, random, interval, () => this.#due());
    // One listener a question in flight: how many those are is bounded elsewhere.
    setMaxListeners(0, this.#lifetime.signal);
    this.#balancer.update(emptySnapshot);
    this.#ask(false);
  }

  /** Canonical DNS name: `web.service.consul`. */
  get name(): string {
    return this.#setup.key;
  }

  /**
   * Resolves when there is a list to pick from.
   *
   * Without `timeout` it fails fast: with ServiceNotFoundError (nothing healthy under this name), DnsError (nobody answered)
   * or ClosedError. With `timeout` (ms) it waits for a first healthy instance for so long.
   */
  async ready(options: { signal?: AbortSignal; timeout?: number } = {}): Promise<void> {
    const { signal, timeout } = checkReady(options, 'ready');
    signal?.throwIfAborted();
    this.#use();
    if (this.#snapshot.endpoints.length > 0) return;
    if (timeout === undefined) await this.#wait(this.#ask(false), signal);
    else await this.#wait(this.#firstList(timeout, signal), signal);
    if (this.#snapshot.endpoints.length === 0) throw this.#nothingToPick();
  }

  /**
   * Chooses an endpoint: synchronous, O(1), allocates nothing.
   *
   * @param key what the request belongs to, for strategies that stick.
   * @throws NoEndpointsError with what was asked and answered; ClosedError.
   */
  pick(key?: string): Endpoint {
    if (!this.#touched) this.#use();
    const endpoint = this.#balancer.pick(key);
    if (endpoint === undefined) throw this.#nothingToPick();
    return endpoint;
  }

  /** What `pick()` chooses from; sorted by `host:port`. */
  get endpoints(): readonly Endpoint[] {
    return this.#snapshot.endpoints;
  }

  get snapshot(): ServiceSnapshot {
    return {
      ...this.#snapshot,
      age: this.#setup.clock.now() - this.#confirmedAt,
      stale: this.#error !== undefined || this.#last === undefined,
      complete: this.#last?.complete ?? false,
      source: this.#last?.origin,
    };
  }

  /** Calls `listener` after each change of the list, not for the present one. Returns the way to stop it. */
  subscribe(listener: Listener): () => void {
    this.#use();
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * The present list, if there is one, then the newest after each change; never a backlog. Ends with the service; rejects with
   * `signal.reason` on abort.
   */
  async *watch(options: { signal?: AbortSignal } = {}): AsyncGenerator<ServiceSnapshot, void, undefined> {
    const { signal } = checkWait(options, 'watch');
    signal?.throwIfAborted();
    this.#use();
    let seen = emptySnapshot.version;
    let changed = () => {};
    const wake = () => changed();
    this.#waiters.add(wake);
    try {
      while (!this.#lifetime.signal.aborted) {
        if (this.#snapshot.version === seen) {
          const change = new Promise<void>((resolve) => {
            changed = resolve;
          });
          await this.#wait(change, signal);
        } else {
          seen = this.#snapshot.version;
          yield this.snapshot;
        }
      }
    } finally {
      this.#waiters.delete(wake);
    }
  }

  /** Asks now, past the cache; several calls at a time are one question. Rejects where it fails; the list is kept then. */
  async refresh(options: { signal?: AbortSignal } = {}): Promise<ServiceSnapshot> {
    const { signal } = checkWait(options, 'refresh');
    signal?.throwIfAborted();
    this.#use();
    await this.#wait(this.#ask(true), signal);
    return this.snapshot;
  }

  stats(): ServiceStats {
    const { age, stale, complete, version, endpoints } = this.snapshot;
    const next = this.#schedule.next;
    return {
      name: this.name,
      endpoints: endpoints.length,
      version,
      age,
      stale,
      complete,
      refreshes: this.#refreshes,
      failures: this.#failures,
      lastError:
        this.#error === undefined ? undefined : String((this.#error as Error).message ?? this.#error),
      nextRefresh: next === undefined ? undefined : next - this.#setup.clock.now(),
      idle: this.#idle,
    };
  }

  /** Stops asking and releases everything; the next `discovery.service()` of this name makes a new one. Idempotent. */
  close(): void {
    this.#end(
      new ClosedError(`${this.name}: the service was closed; ask discovery.service() for a new one.`),
    );
  }

  /** @internal Closes with the reason that later calls are told. */
  closeWith(reason: string): void {
    this.#end(new ClosedError(`${this.name}: ${reason}`));
  }

  #end(error: ClosedError): void {
    if (this.#lifetime.signal.aborted) return;
    this.#lifetime.abort(error);
    this.#schedule.stop();
    this.#guard('close', () => this.#balancer.close?.());
    this.#listeners.clear();
    this.#wake();
    // From here on every pick takes the slow way, which says that the service is closed.
    this.#touched = false;
    this.#setup.warnings.available(this.name);
    this.#setup.onClose();
  }

  /** The slow way of a use: once between two questions, and when the service was idle or closed. */
  #use(): void {
    this.#lifetime.signal.throwIfAborted();
    this.#touched = true;
    if (!this.#idle) return;
    this.#idle = false;
    this.#guard('idle', () => this.#balancer.idle?.(false));
    this.#lastUsed = this.#setup.clock.now();
    void this.#ask(true).catch(() => {});
  }

  #due(): void {
    const now = this.#setup.clock.now();
    if (this.#touched || this.#listeners.size > 0 || this.#waiting > 0) {
      this.#lastUsed = now;
      this.#setup.onUsed();
    } else if (now - this.#lastUsed >= this.#setup.idle) {
      this.#idle = true;
      this.#guard('idle', () => this.#balancer.idle?.(true));
      return;
    }
    this.#touched = false;
    void this.#ask(true).catch(() => {});
  }

  /** One question at a time; who comes meanwhile shares it, unless it may be answered from memory and that is not wanted. */
  #ask(fresh: boolean): Promise<void> {
    if (this.#asking !== undefined && fresh && !this.#askingFresh) {
      const afterwards = () => this.#ask(true);
      return this.#asking.then(afterwards, afterwards);
    }
    if (this.#asking === undefined) {
      this.#askingFresh = fresh;
      this.#asking = this.#askNow(fresh).finally(() => {
        this.#asking = undefined;
      });
      // Background questions fail without a witness: the failure stands in the snapshot and in a warning.
      this.#asking.catch(() => {});
    }
    return this.#asking;
  }

  async #askNow(fresh: boolean): Promise<void> {
    const { resolver, name } = this.#setup;
    const { signal } = this.#lifetime;
    this.#schedule.stop();
    try {
      const resolution = await resolver.resolve(name, { fresh, signal, background: true });
      signal.throwIfAborted();
      this.#answered(resolution);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ServiceNotFoundError) this.#answeredNothing(error);
      else this.#failed(error);
      throw error;
    }
  }

  #answered(resolution: Resolution): void {
    if (resolution.addresses.length === 0) {
      throw new ServiceNotFoundError(
        `${this.name}: ${resolution.origin?.server ?? 'the source'} answered an empty list.`,
      );
    }
    const { clock, warnings } = this.#setup;
    this.#last = resolution;
    this.#confirmedAt = clock.now();
    this.#error = undefined;
    this.#emptySince = undefined;
    this.#refreshes++;
    warnings.available(this.name);
    warnings.over('SERVICE_EMPTY', this.name);
    this.#members = settle(this.#members, resolution);
    // Armed first: listeners may close the service.
    this.#schedule.afterSuccess(resolution.ttl);
    this.#apply(addressesOf(this.#members), 'resolved');
  }

  /** Consul says there is nothing. A good list is held for a while: it may be an agent or a token that is broken. */
  #answeredNothing(error: ServiceNotFoundError): void {
    const { clock, hold, warnings } = this.#setup;
    this.#error = error;
    this.#failures++;
    warnings.available(this.name);
    this.#emptySince ??= clock.now();
    const left = this.#emptySince + hold.empty - clock.now();
    const held = this.#snapshot.endpoints.length;
    this.#schedule.afterFailure(held > 0 && left > 0 ? left : undefined);
    if (held === 0) return;
    if (left <= 0) this.#expire();
    else {
      warnings.once({
        code: 'SERVICE_EMPTY',
        service: this.name,
        message: `${error.message} The last list (${held} endpoints) is held for ${Math.round(left / 1000)} s.`,
        cause: error,
      });
    }
  }

  /** Nobody answered. The last list stands (static stability: an outage of Consul must not become ours). */
  #failed(error: unknown): void {
    const { clock, hold, warnings } = this.#setup;
    this.#error = error;
    this.#failures++;
    const age = clock.now() - this.#confirmedAt;
    const expires = age >= hold.error;
    const kept = expires ? 0 : this.#snapshot.endpoints.length;
    this.#schedule.afterFailure(kept > 0 ? hold.error - age : undefined);
    if (expires) this.#expire();
    warnings.unavailable(
      this.name,
      () =>
        `${this.name}: refreshing failed; ${kept > 0 ? `the last list (${kept} endpoints) is used on` : 'there is no list to use'}, and the question is repeated. ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }

  #expire(): void {
    this.#members = noMembers;
    this.#apply([], 'expired');
  }

  /** Builds the next list first, then swaps it in one step. */
  #apply(addresses: readonly Address[], why: Change['why']): void {
    const { snapshot, change } = reconcile(this.#snapshot, addresses, this.#departed, why);
    if (change === undefined) return;
    this.#snapshot = snapshot;
    this.#guard('update', () => this.#balancer.update(snapshot));
    this.#wake();
    for (const listener of [...this.#listeners]) {
      try {
        listener(this.snapshot, change);
      } catch (error) {
        this.#warnOf('LISTENER_FAILED', 'a listener given to subscribe()', error);
      }
    }
  }

  /** A balancer of somebody's own may throw; the refreshing must go on. */
  #guard(method: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#warnOf('BALANCER_FAILED', `the balancer's ${method}()`, error);
    }
  }

  #warnOf(code: 'LISTENER_FAILED' | 'BALANCER_FAILED', who: string, cause: unknown): void {
    const message = `${this.name}: ${who} threw: ${String(cause)}`;
    this.#setup.warnings.once({ code, service: this.name, message, cause });
  }

  #wake(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  /** The first list that has an endpoint; the schedule does the asking. */
  async #firstList(timeout: number, signal: AbortSignal | undefined): Promise<void> {
    let wake = () => {};
    let late = false;
    const expire = () => {
      late = true;
      wake();
    };
    const waiter = () => wake();
    const timer = timeout > longestTimer ? undefined : this.#setup.clock.setTimeout(expire, timeout);
    this.#waiters.add(waiter);
    signal?.addEventListener('abort', waiter, { once: true });
    void this.#ask(false).catch(() => {});
    try {
      while (this.#snapshot.endpoints.length === 0) {
        this.#lifetime.signal.throwIfAborted();
        signal?.throwIfAborted();
        if (late) throw this.#notReady(timeout);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      this.#setup.clock.clearTimeout(timer);
      this.#waiters.delete(waiter);
      signal?.removeEventListener('abort', waiter);
    }
  }

  #notReady(timeout: number): DiscoveryError {
    const reason = this.#error instanceof Error ? ` The last answer: ${this.#error.message}` : '';
    return new DiscoveryError(
      'ERR_READY_TIMEOUT',
      `${this.name}: no healthy instance in ${timeout} ms.${reason}`,
      {
        cause: this.#error,
      },
    );
  }

  /** Lets a caller wait: it keeps the process alive, counts as a use, and may leave by its signal without hurting others. */
  async #wait(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    this.#waiting++;
    try {
      await keepAliveDuring(orAbort(work, signal));
    } finally {
      this.#waiting--;
    }
  }

  #nothingToPick(): DiscoveryError {
    if (this.#lifetime.signal.aborted) return this.#lifetime.signal.reason;
    const asked = this.#asking !== undefined && this.#refreshes + this.#failures === 0;
    const why = asked
      ? 'the first answer is still awaited: await service.ready() before the first pick.'
      : this.#error instanceof Error
        ? this.#error.message
        : 'the last answer was empty.';
    return new NoEndpointsError(`${this.name}: no endpoint to pick: ${why}`, { cause: this.#error });
  }
}
