import { setMaxListeners } from 'node:events';
import { orAbort } from './abort.ts';
import { attemptsInWords, inWords } from './attempts-in-words.ts';
import type { Excluded } from './balancer/balancer.ts';
import { signal as aSignal, type Check, fields, number, refuse } from './checks.ts';
import type { Clock } from './clock.ts';
import { connectionNeverMade } from './connection-failure.ts';
import type { Endpoint } from './endpoint.ts';
import { type Attempt, RequestTimeoutError, RetriesExhaustedError } from './errors.ts';
import type { Lease } from './lease.ts';
import type { RetryBudget } from './retry-budget.ts';

/** What `run()` tells the function it calls. */
export interface AttemptContext {
  /** Aborts when the attempt is over for whatever reason from outside: its timeout, the total's, the caller's signal. Hand it on. */
  readonly signal: AbortSignal;
  /** 1 for the first. */
  readonly attempt: number;
}

/** Whether an attempt that failed may be made again, at another endpoint. */
export type RetryOn =
  | 'connect'
  | 'any'
  | ((error: unknown, failed: Attempt & { attempt: number }) => boolean);

export interface RunOptions {
  /** What the request belongs to, for strategies that stick. */
  readonly key?: string;
  /** Attempts after the first, 0…100, each at another endpoint while there are others. Default 1. */
  readonly retries?: number;
  /**
   * `'connect'`: only where no connection was made, so that nothing can happen twice. `'any'`: after every failure. Or a function,
   * called at once: only `true` repeats.
   * Default `'any'` where `retries` is given, `'connect'` where it is not.
   */
  readonly retryOn?: RetryOn;
  /** Milliseconds for all attempts together. Default: none. */
  readonly timeout?: number;
  /** Milliseconds for one attempt. Default: none. */
  readonly attemptTimeout?: number;
  /** Ends everything, whatever is under way; rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** @internal What a run needs of its service. */
export interface RunSetup {
  readonly service: string;
  readonly clock: Clock;
  readonly budget: RetryBudget | undefined;
  /** Waits for a first list, where there is none yet. */
  readonly first: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** `undefined` where there is nobody to choose. */
  readonly acquire: (key: string | undefined, exclude: Excluded | undefined) => Lease | undefined;
  /** Why that is so, as `acquire()` of the service would throw it. */
  readonly nobody: () => Error;
}

const longest = 2 ** 31 - 1;
const forever = Number.POSITIVE_INFINITY;

const checkRetryOn: Check<RetryOn> = (value, path) =>
  value === 'connect' || value === 'any' || typeof value === 'function'
    ? (value as RetryOn)
    : refuse(path, "'connect', 'any' or a function (error) => boolean", value);

export const checkRun = fields({
  key: (value, path) => (typeof value === 'string' ? value : refuse(path, 'a string', value)),
  retries: number(0, 100, { whole: true }),
  retryOn: checkRetryOn,
  timeout: number(1, longest),
  attemptTimeout: number(1, longest),
  signal: aSignal,
});

/** One call of `service.run()`: attempt after attempt, until one succeeds or none may follow. */
export class Run<T> {
  readonly #setup: RunSetup;
  readonly #work: (endpoint: Endpoint, context: AttemptContext) => Promise<T> | T;
  readonly #options: RunOptions;
  readonly #attempts: Attempt[] = [];
  readonly #begun: number;
  /** Where it was tried; a retry goes elsewhere while there is an elsewhere. */
  #tried = new Set<Endpoint>();

  constructor(
    setup: RunSetup,
    work: (endpoint: Endpoint, context: AttemptContext) => Promise<T> | T,
    options: RunOptions,
  ) {
    this.#setup = setup;
    this.#work = work;
    this.#options = options;
    this.#begun = setup.clock.now();
    // One signal for many requests at a time is no leak, as Node would warn: each listener goes with its attempt. fetch does the same.
    if (options.signal instanceof EventTarget) setMaxListeners(forever, options.signal);
  }

  async result(): Promise<T> {
    const { first } = this.#setup;
    if (first !== undefined) await this.#bounded(this.#left(), () => this.#noList(), first);
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(attempt);
      if ('value' in outcome) return outcome.value;
      this.#attempts.push(outcome.failed);
      const reason = this.#mayNotGoOn(outcome.failed, attempt);
      if (reason === undefined) continue;
      if (reason === notRepeatable && attempt === 1) throw outcome.failed.cause;
      throw new RetriesExhaustedError(this.#story(reason), this.#attempts);
    }
  }

  /** Why no attempt follows this one, or `undefined` where one does: a retry is taken from the budget then. */
  #mayNotGoOn(failed: Attempt, attempt: number): string | undefined {
    const { retries, retryOn = retries === undefined ? 'connect' : 'any' } = this.#options;
    if (retries === 0) return notRepeatable;
    if (typeof retryOn === 'function') {
      try {
        // A promise would be as good as true, and repeat what must not be.
        if (retryOn(failed.cause, { ...failed, attempt }) !== true) return notRepeatable;
      } catch (error) {
        return `no further attempt: retryOn threw: ${inWords(error)}`;
      }
    } else if (retryOn === 'connect' && !connectionNeverMade(failed.cause, failed.endpoint)) {
      return notRepeatable;
    }
    if (attempt > (retries ?? 1)) return `all ${attempt} attempts failed`;
    if (this.#setup.budget?.withdraw() === false)
      return 'the retry budget of the service (retryBudget) is spent';
    return undefined;
  }

  async #attempt(attempt: number): Promise<{ value: T } | { failed: Attempt }> {
    const { clock, service, budget } = this.#setup;
    const { timeout, attemptTimeout = forever, signal } = this.#options;
    signal?.throwIfAborted();
    const left = this.#left();
    if (left <= 0) throw this.#tooLate();
    const lease = this.#acquire();
    // What was shed before it reached anybody pays for no retry.
    if (attempt === 1) budget?.deposit();
    const { endpoint } = lease;
    const begun = clock.now();
    const own = attemptTimeout < left;
    let cut = false;
    const late = () => {
      cut = !own;
      return own
        ? new RequestTimeoutError(`${service}: ${endpoint.address} did not answer in ${attemptTimeout} ms.`)
        : this.#tooLate(endpoint);
    };
    try {
      const value = await this.#bounded(Math.min(left, attemptTimeout), late, (stop) =>
        this.#work(endpoint, { signal: stop, attempt }),
      );
      lease.release({ ok: true, elapsed: clock.now() - begun });
      return { value };
    } catch (error) {
      const elapsed = clock.now() - begun;
      // What the total cuts short says something of the endpoint only where that had most of the time.
      const aborted = signal?.aborted === true || (cut && left < (timeout ?? 0) / 2);
      lease.release({ ok: false, elapsed, error, ...(aborted && { aborted }) });
      signal?.throwIfAborted();
      if (cut) throw error;
      this.#tried.add(endpoint);
      return { failed: { endpoint, elapsed, cause: error } };
    }
  }

  /** Works until that ends, `limit` ms are over or the caller gives up; leaves no timer and no listener. */
  async #bounded<R>(
    limit: number,
    late: () => Error,
    work: (signal: AbortSignal) => R | Promise<R>,
  ): Promise<R> {
    const { clock } = this.#setup;
    const { signal } = this.#options;
    const stop = new AbortController();
    const timer = limit === forever ? undefined : clock.setTimeout(() => stop.abort(late()), limit);
    const onAbort = () => stop.abort(signal?.reason);
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await orAbort(Promise.resolve(work(stop.signal)), stop.signal);
    } finally {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Milliseconds of the total that are left. */
  #left(): number {
    const { timeout = forever } = this.#options;
    return timeout - (this.#setup.clock.now() - this.#begun);
  }

  #acquire(): Lease {
    const { acquire } = this.#setup;
    const { key } = this.#options;
    if (this.#attempts.length === 0) return this.#anywhere();
    try {
      const other = acquire(key, this.#tried);
      if (other !== undefined) return other;
      // Everywhere else it was tried: the round begins again.
      this.#tried = new Set();
      return this.#anywhere();
    } catch (error) {
      throw new RetriesExhaustedError(this.#story(`no further attempt: ${inWords(error)}`), this.#attempts);
    }
  }

  #anywhere(): Lease {
    const lease = this.#setup.acquire(this.#options.key, undefined);
    if (lease === undefined) throw this.#setup.nobody();
    return lease;
  }

  #noList(): RequestTimeoutError {
    const { timeout } = this.#options;
    return new RequestTimeoutError(`${this.#setup.service}: no list of endpoints in ${timeout} ms.`);
  }

  #tooLate(endpoint?: Endpoint): RequestTimeoutError {
    const { timeout } = this.#options;
    const now = endpoint === undefined ? '' : ` The attempt at ${endpoint.address} was still under way.`;
    return new RequestTimeoutError(
      `${this.#setup.service}: no answer in ${timeout} ms.${now}${attemptsInWords(this.#attempts)}`,
      this.#attempts,
    );
  }

  #story(reason: string): string {
    return `${this.#setup.service}: ${reason}.${attemptsInWords(this.#attempts)}`;
  }
}

const notRepeatable = 'the last failure is not one to be repeated';
