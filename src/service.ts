import type { Outlier } from './availability/availability.ts';
import type { Balancer, BalancerOption, Excluded, Outcome } from './balancer/balancer.ts';
import { checkBalancer } from './balancer/index.ts';
import { signal as aSignal, fields, having, number, refuse } from './checks.ts';
import type { Clock } from './clock.ts';
import { type Endpoint, LiveEndpoint } from './endpoint.ts';
import { ClosedError, type DiscoveryError } from './errors.ts';
import type { Lease } from './lease.ts';
import { checkOutcome } from './outcome.ts';
import { RefreshLoop, type RefreshLoopSetup } from './refresh-loop.ts';
import type { Address } from './resolver/resolver.ts';
import type { RetryBudget } from './retry-budget.ts';
import { type AttemptContext, checkRun, Run, type RunOptions } from './run.ts';
import type { CheckedBalancer, Selection } from './selection.ts';
import { nothingToPick, notReady, overloaded } from './service-errors.ts';
import type { Listener, ServiceSnapshot, ServiceStats } from './service-view.ts';
import {
  type Change,
  type DepartedEndpoints,
  emptySnapshot,
  reconcile,
  rememberDeparted,
  type Snapshot,
} from './snapshot.ts';
import { Waiters } from './waiters.ts';

/** @internal What a discovery gives to its services. */
export interface ServiceSetup extends Omit<RefreshLoopSetup, 'onDue' | 'onList'> {
  readonly selection: Selection;
  /** `undefined`: retries are not bounded. */
  readonly retryBudget: RetryBudget | undefined;
  /** Milliseconds without use after which the asking stops. */
  readonly idle: number;
  /** Called now and then while the service is in use. */
  readonly onUsed: () => void;
  /** What an adapter turns on, where nobody said anything of it. */
  readonly ejection: Outlier | undefined;
  readonly onBalancer: (balancer: CheckedBalancer) => void;
  readonly onClose: () => void;
}

/** @internal An adapter that keeps something for each endpoint. Its methods must not throw. */
export interface Follower {
  changed(change: Change): void;
  closed(): void;
}

const checkWait = fields({ signal: aSignal });
const checkReady = fields({ signal: aSignal, timeout: number(0, Number.POSITIVE_INFINITY) });

/** What `acquire()` takes. */
export interface AcquireOptions {
  /** What the request belongs to, for strategies that stick. */
  readonly key?: string;
  /** Endpoints not to be chosen; every `Set<Endpoint>` will do. */
  readonly exclude?: Excluded;
}

const checkAcquire = fields({ key: (key) => key, exclude: having<Excluded>('has') });

/**
 * One service: the list of its endpoints, kept fresh in the background by a RefreshLoop, and a Selection that chooses among them.
 */
export class Service {
  readonly #setup: ServiceSetup;
  readonly #selection: Selection;
  /** The selection's, while it may be asked as it is. */
  #balancer: Balancer | undefined;
  /** The same while the service is known to be in use: all that a pick reads beside the balancer's own. */
  #direct: Balancer | undefined;
  readonly #loop: RefreshLoop;
  readonly #departed: DepartedEndpoints;
  /** One object a subscription: the same function may have several. */
  readonly #subscriptions = new Set<{ readonly listener: Listener }>();
  readonly #followers = new Set<Follower>();
  /** Woken by every change of the list and by the end of the service. */
  readonly #waiters: Waiters;
  #snapshot: Snapshot = emptySnapshot;
  /** Used since a question was last due. */
  #touched = true;
  #lastUsed: number;
  #idle = false;
  /** How many callers wait for a first instance. */
  #awaited = 0;
  #closed: ClosedError | undefined;

  /** @internal Services are made by `discovery.service()`. */
  constructor(setup: ServiceSetup) {
    this.#setup = setup;
    this.#selection = setup.selection;
    this.#selection.follow((balancer) => {
      this.#balancer = balancer;
      this.#direct = this.#touched ? balancer : undefined;
    });
    this.#departed = rememberDeparted(setup.clock);
    this.#waiters = new Waiters(setup.clock);
    this.#lastUsed = setup.clock.now();
    this.#loop = new RefreshLoop({
      ...setup,
      onDue: () => this.#due(),
      onList: (addresses, why) => this.#take(addresses, why),
    });
  }

  /** @internal Begins to ask. Apart from the making, since what is asked may lead back here: a warning, a source of one's own. */
  start(): void {
    void this.#loop.ask(false);
  }

  /** @internal Requests are made through an adapter, which says how each of them went. */
  adapt(): void {
    if (this.#setup.ejection !== undefined) this.#selection.eject(this.#setup.ejection);
  }

  /** @internal Told of changes as subscribers are, but keeps nothing awake by that. Returns the way to stop it. */
  follow(follower: Follower): () => void {
    this.#followers.add(follower);
    return () => {
      this.#followers.delete(follower);
    };
  }

  /** @internal The list may be out of date: it is asked for soon. */
  hint(): void {
    if (this.#closed === undefined && !this.#idle) this.#loop.hint();
  }

  /** @internal Time, as the service has it. */
  get clock(): Clock {
    return this.#setup.clock;
  }

  /** @internal What retries of an adapter are taken from. */
  get retryBudget(): RetryBudget | undefined {
    return this.#setup.retryBudget;
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
    const asked = this.#loop.ask(false);
    if (timeout === undefined) await this.#waiters.hold(this.#firstList(asked), signal);
    else {
      // The loop does the asking meanwhile.
      const decided = () => this.#closed !== undefined || this.#snapshot.endpoints.length > 0;
      this.#awaited++;
      const waiting = this.#waiters.hold(this.#waiters.until(decided, timeout, signal), signal);
      const inTime = await waiting.finally(() => this.#awaited--);
      if (!inTime) throw notReady(this.name, timeout, this.#loop.error);
    }
    // A listener may have closed it.
    if (this.#closed !== undefined || this.#snapshot.endpoints.length === 0) throw this.#nothingToPick();
  }

  /** A failure is none for who waits, where a list of an earlier run stands in. */
  async #firstList(asked: Promise<void>): Promise<void> {
    try {
      await asked;
    } catch (error) {
      if (this.#snapshot.endpoints.length === 0) throw error;
    }
  }

  /**
   * Chooses an endpoint: synchronous, O(1), allocates nothing. Nothing is in flight by it and nothing is learned: `report()` how it
   * went, or use `acquire()` or `run()`, where ejection or a strategy lives on that.
   *
   * @param key what the request belongs to, for strategies that stick.
   * @throws NoEndpointsError with what was asked and answered; OverloadedError; ClosedError.
   */
  pick(key?: string): Endpoint {
    return this.#direct?.pick(key) ?? this.#pickWithCare(key);
  }

  /** The first pick after a while, and those that find nobody at once. */
  #pickWithCare(key: string | undefined): Endpoint {
    if (!this.#touched) this.#use();
    const endpoint = this.#selection.pick(key);
    if (endpoint === undefined) throw this.#nothingToPick();
    return endpoint;
  }

  /**
   * Says how a request to a picked endpoint went, so that outlier ejection and strategies that live on latency learn of it. Not for
   * leases: their `release()` says it. Also for an endpoint that has left meanwhile. O(1), but for the moment of an ejection.
   *
   * @throws InvalidOptionError for something else than an endpoint and an outcome.
   */
  report(endpoint: Endpoint, outcome: Outcome): void {
    if (!(endpoint instanceof LiveEndpoint)) refuse('report', 'an endpoint that was picked', endpoint);
    checkOutcome(outcome, 'report');
    if (this.#closed === undefined) this.#selection.report(endpoint, outcome);
  }

  /**
   * Chooses an endpoint and counts a request in flight there until the lease is released: one small object, O(1).
   *
   * @throws as `pick()`; InvalidOptionError.
   */
  acquire(options: AcquireOptions = noOptions): Lease {
    const { key, exclude } = options;
    // The usual ways are not held up by a check of what cannot be wrong.
    if (options !== noOptions && (key === undefined || exclude !== undefined))
      checkAcquire(options, 'acquire');
    const lease = this.#lease(key, exclude);
    if (lease === undefined) throw this.#nothingToPick(exclude);
    return lease;
  }

  #lease(key: string | undefined, exclude: Excluded | undefined): Lease | undefined {
    if (!this.#touched) this.#use();
    const endpoint = this.#selection.pick(key, exclude);
    return endpoint && this.#selection.lease(endpoint);
  }

  /**
   * Calls `work` with an endpoint, and where that fails with another, within the retry budget of the service. Waits for a first list.
   *
   * @throws what `work` failed with, where it was not repeated; RetriesExhaustedError with every attempt; RequestTimeoutError;
   * `signal.reason`; what `ready()` and `pick()` throw.
   */
  async run<T>(
    work: (endpoint: Endpoint, context: AttemptContext) => Promise<T> | T,
    options: RunOptions = {},
  ): Promise<T> {
    if (typeof work !== 'function') refuse('run', 'a function (endpoint, { signal, attempt }) => …', work);
    const checked = checkRun(options, 'run');
    checked.signal?.throwIfAborted();
    this.#use();
    const { clock, retryBudget: budget } = this.#setup;
    const waits = this.#snapshot.endpoints.length === 0;
    const run = new Run(
      {
        service: this.name,
        clock,
        budget,
        first: waits ? (signal) => this.ready({ signal }) : undefined,
        acquire: (key, exclude) => this.#lease(key, exclude),
        nobody: () => this.#nothingToPick(),
      },
      work,
      checked,
    );
    return this.#waiters.hold(run.result(), undefined);
  }

  /**
   * Another strategy from now on; what is known of the endpoints (in flight, counts, latencies, ejections) stays.
   *
   * @throws InvalidOptionError, and what a factory of your own throws: the old one stays then.
   */
  setBalancer(balancer: BalancerOption): void {
    this.#use();
    const checked = checkBalancer(balancer, 'setBalancer');
    this.#selection.setBalancer(checked);
    this.#setup.onBalancer(checked);
  }

  /** Those that `pick()` chooses from now: `endpoints` without the ejected ones and those of a tier that is not in use. */
  get available(): readonly Endpoint[] {
    if (!this.#touched && this.#closed === undefined) this.#use();
    return this.#selection.available;
  }

  /** The healthy instances as Consul lists them; sorted by `host:port`. Reading it is a use, as picking is. */
  get endpoints(): readonly Endpoint[] {
    if (!this.#touched && this.#closed === undefined) this.#use();
    return this.#snapshot.endpoints;
  }

  /** The list and what is known of it now. Reading it is a use, as picking is. */
  get snapshot(): ServiceSnapshot {
    if (!this.#touched && this.#closed === undefined) this.#use();
    return this.#view();
  }

  #view(): ServiceSnapshot {
    const { age, error, last } = this.#loop;
    return {
      ...this.#snapshot,
      age,
      stale: error !== undefined || last === undefined,
      complete: last?.complete ?? false,
      source: last?.origin,
    };
  }

  /** Calls `listener` after each change of the list, not for the present one. Returns the way to stop it. */
  subscribe(listener: Listener): () => void {
    this.#use();
    const subscription = { listener };
    this.#subscriptions.add(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
    };
  }

  /**
   * The present list, if there is one, then the newest after each change; never a backlog. Ends with the service; rejects with
   * `signal.reason` on abort.
   */
  async *watch(options: { signal?: AbortSignal } = {}): AsyncGenerator<ServiceSnapshot, void, undefined> {
    const { signal } = checkWait(options, 'watch');
    signal?.throwIfAborted();
    let seen = emptySnapshot.version;
    while (this.#closed === undefined) {
      // The consumer may have worked for longer than a service stays awake.
      this.#use();
      signal?.throwIfAborted();
      if (this.#snapshot.version === seen) await this.#waiters.hold(this.#waiters.next(signal), signal);
      else {
        seen = this.#snapshot.version;
        yield this.#view();
      }
    }
  }

  /** Asks now, past the cache; several calls at a time are one question. Rejects where it fails; the list is kept then. */
  async refresh(options: { signal?: AbortSignal } = {}): Promise<ServiceSnapshot> {
    const { signal } = checkWait(options, 'refresh');
    signal?.throwIfAborted();
    this.#use();
    await this.#waiters.hold(this.#loop.ask(true), signal);
    return this.snapshot;
  }

  stats(): ServiceStats {
    const { age, stale, complete, version, endpoints } = this.#view();
    const { refreshes, failures, error, untilNext } = this.#loop;
    const lastError =
      error instanceof Error ? error.message : error === undefined ? undefined : String(error);
    return {
      name: this.name,
      endpoints: endpoints.length,
      version,
      age,
      stale,
      complete,
      refreshes,
      failures,
      lastError,
      nextRefresh: untilNext,
      idle: this.#idle,
      ...this.#selection.stats,
      retriesLeft: this.#setup.retryBudget?.left ?? Number.POSITIVE_INFINITY,
      inFlight: this.#snapshot.endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0),
    };
  }

  /** Stops asking and releases everything; the next `discovery.service()` of this name makes a new one. Idempotent. */
  close(): void {
    this.closeWith('the service was closed; ask discovery.service() for a new one.');
  }

  /** @internal Closes with the reason that later calls are told. */
  closeWith(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = new ClosedError(`${this.name}: ${reason}`);
    // From here on every pick takes the slow way, which says that the service is closed.
    this.#touched = false;
    this.#direct = undefined;
    this.#selection.close();
    // Forgets what was warned of, so it comes after what may warn.
    this.#loop.stop(this.#closed);
    this.#subscriptions.clear();
    for (const follower of [...this.#followers]) follower.closed();
    this.#followers.clear();
    this.#waiters.wake();
    this.#setup.onClose();
  }

  /** The slow way of a use: once between two questions, and when the service was idle or closed. */
  #use(): void {
    if (this.#closed !== undefined) throw this.#closed;
    this.#touched = true;
    this.#direct = this.#balancer;
    if (!this.#idle) return;
    this.#idle = false;
    this.#lastUsed = this.#setup.clock.now();
    this.#selection.idle(false);
    this.#loop.askInTurn();
  }

  #due(): void {
    const now = this.#setup.clock.now();
    if (this.#touched || this.#subscriptions.size > 0 || this.#waiters.any) {
      this.#lastUsed = now;
      this.#setup.onUsed();
    } else if (now - this.#lastUsed >= this.#setup.idle) {
      this.#idle = true;
      // At rest it says nothing about the others any more.
      this.#setup.disappearances.gone(this.name);
      this.#selection.idle(true);
      this.#loop.rest();
      return;
    }
    this.#touched = false;
    this.#direct = undefined;
    // What somebody waits for stands in no line.
    if (this.#awaited > 0) void this.#loop.ask(true);
    else this.#loop.askInTurn();
  }

  /** Builds the next list first, then swaps it in one step. */
  #take(addresses: readonly Address[], why: Change['why']): void {
    if (this.#closed !== undefined) return;
    const { snapshot, change } = reconcile(this.#snapshot, addresses, this.#departed, why);
    if (change === undefined) return;
    this.#snapshot = snapshot;
    this.#selection.update(snapshot);
    this.#waiters.wake();
    for (const follower of [...this.#followers]) follower.changed(change);
    for (const subscription of [...this.#subscriptions]) {
      // An earlier one may have ended it.
      if (!this.#subscriptions.has(subscription)) continue;
      try {
        subscription.listener(this.#view(), change);
      } catch (error) {
        this.#warn('a listener given to subscribe()', error);
      }
    }
  }

  #warn(who: string, cause: unknown): void {
    const message = `${this.name}: ${who} threw: ${String(cause)}`;
    this.#setup.warnings.once({ code: 'LISTENER_FAILED', service: this.name, message, cause });
  }

  #nothingToPick(exclude?: Excluded): DiscoveryError {
    if (this.#closed !== undefined) return this.#closed;
    const { length } = this.#snapshot.endpoints;
    const { full, ejected } = this.#selection.stats;
    if (length > 0) return overloaded(this.name, { length, full, ejected, excluded: exclude?.size ?? 0 });
    const { error, refreshes, failures } = this.#loop;
    return nothingToPick(this.name, refreshes + failures > 0, error);
  }
}

const noOptions: AcquireOptions = {};
