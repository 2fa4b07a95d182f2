import { orAbort } from './abort.ts';
import type { Balancer } from './balancer/balancer.ts';
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
  async ready({ signal, timeout }: { signal?: AbortSignal; timeout?: number } = {}): Promise<void> {
    signal?.throwIfAborted();
    this.#use();
    if (this.#snapshot.endpoints.length > 0) return;
    if (timeout === undefined) await this.#wait(this.#ask(false), signal);
    else await this.#wait(this.#firstList(timeout), signal);
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
  async *watch({ signal }: { signal?: AbortSignal } = {}): AsyncGenerator<ServiceSnapshot, void, undefined> {
    signal?.throwIfAborted();
    this.#use();
    let seen = emptySnapshot.version;
    let changed = () => {};
    const stop = this.subscribe(() => changed());
    const ended = new Promise<void>((resolve) => {
      this.#lifetime.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    try {
      while (!this.#lifetime.signal.aborted) {
        if (this.#snapshot.version === seen) {
          const change = new Promise<void>((resolve) => {
            changed = resolve;
          });
          await this.#wait(Promise.race([change, ended]), signal);
        } else {
          seen = this.#snapshot.version;
          yield this.snapshot;
        }
      }
    } finally {
      stop();
    }
  }

  /** Asks now, past the cache; several calls at a time are one question. Rejects where it fails; the list is kept then. */
  async refresh({ signal }: { signal?: AbortSignal } = {}): Promise<ServiceSnapshot> {
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
    this.#balancer.close?.();
    this.#listeners.clear();
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
    this.#balancer.idle?.(false);
    this.#lastUsed = this.#setup.clock.now();
    void this.#ask(true).catch(() => {});
  }

  #due(): void {
    const now = this.#setup.clock.now();
    if (this.#touched || this.#listeners.size > 0 || this.#waiting > 0) {
      this.#lastUsed = now;
      this.#setup.onUsed();
    }
    this.#touched = false;
    if (now - this.#lastUsed >= this.#setup.idle) {
      this.#idle = true;
      this.#balancer.idle?.(true);
      return;
    }
    void this.#ask(true).catch(() => {});
  }

  /** One question at a time; who comes meanwhile shares it. */
  #ask(fresh: boolean): Promise<void> {
    this.#asking ??= this.#askNow(fresh).finally(() => {
      this.#asking = undefined;
    });
    // Background questions fail without a witness: the failure stands in the snapshot and in a warning.
    this.#asking.catch(() => {});
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
    this.#apply(addressesOf(this.#members), 'resolved');
    this.#schedule.afterSuccess(resolution.ttl);
  }

  /** Consul says there is nothing. A good list is held for a while: it may be an agent or a token that is broken. */
  #answeredNothing(error: ServiceNotFoundError): void {
    const { clock, hold, warnings } = this.#setup;
    this.#error = error;
    this.#failures++;
    warnings.available(this.name);
    this.#emptySince ??= clock.now();
    const left = this.#emptySince + hold.empty - clock.now();
    if (this.#snapshot.endpoints.length === 0) {
      this.#schedule.afterFailure();
      return;
    }
    if (left <= 0) this.#expire();
    else {
      warnings.once({
        code: 'SERVICE_EMPTY',
        service: this.name,
        message: `${error.message} The last list (${this.#snapshot.endpoints.length} endpoints) is held for ${Math.round(left / 1000)} s.`,
        cause: error,
      });
    }
    this.#schedule.afterFailure(left > 0 ? left : undefined);
  }

  /** Nobody answered. The last list stands (static stability: an outage of Consul must not become ours). */
  #failed(error: unknown): void {
    const { clock, hold, warnings } = this.#setup;
    this.#error = error;
    this.#failures++;
    const age = clock.now() - this.#confirmedAt;
    const kept = this.#snapshot.endpoints.length;
    if (kept > 0 && age >= hold.error) this.#expire();
    warnings.unavailable(
      this.name,
      () =>
        `${this.name}: refreshing failed; ${kept > 0 ? `the last list (${kept} endpoints) is used on` : 'there is no list yet'}, and the question is repeated. ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
    this.#schedule.afterFailure(kept > 0 && age < hold.error ? hold.error - age : undefined);
  }

  #expire(): void {
    this.#members = noMembers;
    this.#apply([], 'expired');
  }

  /** Builds the next list first, then swaps it in one step. */
  #apply(addresses: readonly Address[], why: Change['why']): void {
    const { snapshot, change } = reconcile(this.#snapshot, addresses, this.#departed, why);
    if (change === undefined) return;
    this.#balancer.update(snapshot);
    this.#snapshot = snapshot;
    for (const listener of [...this.#listeners]) {
      try {
        listener(this.snapshot, change);
      } catch (error) {
        this.#setup.warnings.once({
          code: 'LISTENER_FAILED',
          service: this.name,
          message: `${this.name}: a listener given to subscribe() threw: ${String(error)}`,
          cause: error,
        });
      }
    }
  }

  /** The first list that has an endpoint; the schedule does the asking. */
  #firstList(timeout: number): Promise<void> {
    const { clock } = this.#setup;
    return new Promise((resolve, reject) => {
      const stop = this.subscribe(({ endpoints }) => endpoints.length > 0 && done(resolve));
      const onClosed = () => done(() => reject(this.#lifetime.signal.reason));
      const timer = clock.setTimeout(() => {
        const reason = this.#error instanceof Error ? ` The last answer: ${this.#error.message}` : '';
        const message = `${this.name}: no healthy instance in ${timeout} ms.${reason}`;
        done(() => reject(new DiscoveryError('ERR_READY_TIMEOUT', message, { cause: this.#error })));
      }, timeout);
      const done = (settleIt: () => void) => {
        stop();
        clock.clearTimeout(timer);
        this.#lifetime.signal.removeEventListener('abort', onClosed);
        settleIt();
      };
      this.#lifetime.signal.addEventListener('abort', onClosed, { once: true });
      void this.#ask(false).catch(() => {});
    });
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
