import { AsyncResource } from 'node:async_hooks';
import { attemptsInWords, inWords } from '../../attempts-in-words.ts';
import type { Excluded, Outcome } from '../../balancer/balancer.ts';
import type { Clock, TimerHandle } from '../../clock.ts';
import type { Endpoint } from '../../endpoint.ts';
import { type Attempt, RequestTimeoutError, RetriesExhaustedError } from '../../errors.ts';
import { keepAlive } from '../../keep-alive.ts';
import type { Lease } from '../../lease.ts';
import type { Random } from '../../random.ts';
import type { AcquireOptions, Service } from '../../service.ts';
import { isCallersMistake } from '../callers-mistake.ts';
import { backoff, Patience } from '../patience.ts';
import { isRepeatable } from '../request-body.ts';
import { retryAfter } from '../retry-after.ts';
import type { FailedRequest } from '../retry-options.ts';
import type { RetryRules } from '../retry-rules.ts';
import { isTimeout } from '../timeouts.ts';
import type { DispatchOptions, Headers } from './dispatch.ts';
import { Try } from './try.ts';

/** How the requests of an adapter are made, and where they go. */
export interface ExchangeSetup {
  readonly clock: Clock;
  readonly random: Random;
  readonly rules: RetryRules;
  /** Milliseconds; Infinity for none. */
  readonly timeout: number;
  readonly attemptTimeout: number;
  /** What a request belongs to, for strategies that stick. */
  readonly key: ((request: DispatchOptions) => string | undefined) | undefined;
  /** What an abort without a reason is reported as. */
  readonly abortError: () => Error;
}

/** Sends one attempt to one endpoint; `done` of the same object follows once it has ended. */
export interface Transport {
  send(endpoint: Endpoint, options: DispatchOptions, handler: object): void;
  done(endpoint: Endpoint): void;
}

/** Who asked, in whichever manner of undici. */
export interface Asker {
  /** Called first of all, once: from now on it may abort. */
  begin(exchange: Exchange): void;
  /** @returns the handler of one attempt, which passes on what is for the asker. */
  handler(attempt: Try): object;
  fail(error: unknown): void;
}

const forever = Number.POSITIVE_INFINITY;
const byHand = { requireManualDestroy: true };
/** A response that asks for more patience than so many ms is the answer. */
const mostPatience = 10_000;

/** One request: attempt after attempt, until one is answered, none may follow, or the asker gives up. */
export class Exchange {
  readonly options: DispatchOptions;
  readonly #setup: ExchangeSetup;
  readonly #service: Service;
  readonly #transport: Transport;
  readonly #asker: Asker;
  readonly #begun: number;
  /** What a further attempt sends in place of a body that can be read but once. */
  readonly #replay: unknown;
  #current: Try | undefined;
  #count = 0;
  #attempts: Attempt[] | undefined;
  #tried: Set<Endpoint> | undefined;
  #patience: Patience | undefined;
  #deadline: TimerHandle | undefined;
  #waiting: TimerHandle | undefined;
  /** While it waits there is no socket that would keep the process alive. */
  #letGo: (() => void) | undefined;
  #listAwaited: AbortController | undefined;
  /** An attempt is being handed over: what undici says now, it found by looking at the request. */
  #sending = false;
  /** Of who asked: undici tells of failures in the context of whoever opened the connection. */
  readonly #context: AsyncResource | undefined;
  #over = false;
  #aborted = false;
  #reason: unknown = null;

  constructor(
    setup: ExchangeSetup,
    service: Service,
    transport: Transport,
    asker: Asker,
    options: DispatchOptions,
    replay: unknown,
  ) {
    this.#setup = setup;
    this.#service = service;
    this.#transport = transport;
    this.#asker = asker;
    this.options = options;
    this.#replay = replay;
    this.#begun = setup.clock.now();
    this.#context = setup.rules.retries > 0 ? new AsyncResource('ConsulRequest', byHand) : undefined;
  }

  get clock(): Clock {
    return this.#setup.clock;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  /** Never throws: what goes wrong is told to the asker. */
  start(): void {
    const { timeout, clock } = this.#setup;
    try {
      this.#asker.begin(this);
    } catch (error) {
      this.#end(error);
    }
    // It may have been aborted before.
    if (this.#over) return;
    if (timeout !== forever) this.#deadline = clock.setTimeout(() => this.#tooLate(), timeout);
    if (this.#waitsForList()) return;
    this.#first();
  }

  /**
   * The asker gives up: whatever is under way ends. It counts against nobody, but where the asker's patience has ended at an attempt
   * that had most of it.
   */
  abort(reason?: unknown): void {
    if (this.#over) return;
    this.#aborted = true;
    this.#reason = reason ?? this.#setup.abortError();
    this.#end(this.#reason, !isTimeout(reason) || !this.#hadMost(this.clock.now() - this.#begun));
  }

  /** The answer is complete. */
  finished(): void {
    this.#over = true;
    if (this.#deadline !== undefined) this.clock.clearTimeout(this.#deadline);
  }

  /** How an attempt went whose lease goes on. */
  report(endpoint: Endpoint, outcome: Outcome): void {
    this.#service.report(endpoint, outcome);
  }

  /** The answer broke off. */
  broken(error: unknown): void {
    this.#end(error);
  }

  /** Whether another attempt takes the place of this response; it has begun, or will, where that is true. */
  repeatsAfter<H>(attempt: Try, status: number, headers: H, read: (headers: H) => Headers): boolean {
    if (!this.#setup.rules.concerns(status)) return false;
    return this.#inContext(() => this.#passesOver(attempt, status, read(headers)));
  }

  #passesOver(attempt: Try, status: number, said: Headers): boolean {
    const { rules } = this.#setup;
    const { endpoint } = attempt;
    const failed = this.#failed(attempt, { status, headers: said });
    try {
      if (!rules.afterStatus(this.options, failed, this.#nextBody())) return false;
    } catch {
      // What it answered is better than what a function of the user threw.
      return false;
    }
    const after = retryAfter(one(said['retry-after']), Date.now());
    if (after !== undefined) {
      this.#patience ??= new Patience();
      this.#patience.ask(endpoint, this.clock.now() + after);
    }
    return this.#again(attempt, new Error(`response ${status}`)) === undefined;
  }

  /** An attempt failed before its response came. */
  failed(attempt: Try, error: unknown): void {
    this.#inContext(() => this.#fail(attempt, error));
  }

  #inContext<T>(work: () => T): T {
    return this.#context === undefined ? work() : this.#context.runInAsyncScope(work);
  }

  #fail(attempt: Try, error: unknown): void {
    const reason = this.#mayNotRepeat(attempt, error) ?? this.#again(attempt, error);
    if (reason === undefined) return;
    // While nothing was repeated there is no story to tell.
    if (reason === spent || (reason === notRepeatable && this.#attempts === undefined)) {
      this.#end(error);
      return;
    }
    this.#remember(attempt, error);
    this.#end(this.#exhausted(reason));
  }

  /** Whether the request itself brought an error about: an option undici refuses, a body that broke. */
  isCallers(error: unknown): boolean {
    return isCallersMistake(this.options, error, this.#sending);
  }

  /** Why such a failure is not repeated; `undefined` where it may be. */
  #mayNotRepeat(attempt: Try, error: unknown): string | undefined {
    if (this.isCallers(error)) return notRepeatable;
    const { rules } = this.#setup;
    const failed = this.#failed(attempt, { error });
    try {
      return rules.afterError(this.options, failed, attempt, this.#nextBody()) ? undefined : notRepeatable;
    } catch (thrown) {
      return `no further attempt: retryOn threw: ${inWords(thrown)}`;
    }
  }

  #failed(attempt: Try, more: Pick<FailedRequest, 'error' | 'status' | 'headers'>): FailedRequest {
    const { method, path } = this.options;
    return { endpoint: attempt.endpoint, attempt: this.#count, method, path, ...more };
  }

  #nextBody(): unknown {
    const { body } = this.options;
    return isRepeatable(body) ? body : (this.#replay ?? body);
  }

  /** @returns why there is no further attempt, or `undefined` where there is one. */
  #again(attempt: Try, cause: unknown): string | undefined {
    const { rules } = this.#setup;
    // A function of the user that was asked may have ended it.
    if (this.#over) return 'given up';
    if (this.#count > rules.retries)
      return rules.retries === 0 ? spent : `all ${this.#count} attempts failed`;
    const wait = this.#pauseAfter(attempt.endpoint);
    if (wait === undefined)
      return 'nobody else is left, and those who are left ask for more time than there is';
    if (this.#service.retryBudget?.withdraw() === false)
      return 'the retry budget of the service (retryBudget) is spent';
    this.#remember(attempt, cause);
    this.#current = undefined;
    // Not now: the one that failed is still being told of it.
    const at = this.clock.now() + wait;
    if (wait === 0) queueMicrotask(() => this.#next(at));
    else {
      this.#waiting = this.clock.setTimeout(() => this.#next(at), wait);
      this.#letGo = keepAlive();
    }
    return undefined;
  }

  #remember({ endpoint, startedAt }: Try, cause: unknown): void {
    this.#attempts ??= [];
    this.#attempts.push({ endpoint, elapsed: this.clock.now() - startedAt, cause });
    this.#tried ??= new Set();
    this.#tried.add(endpoint);
  }

  /** Milliseconds before the next attempt; `undefined` where that is too long. */
  #pauseAfter(endpoint: Endpoint): number | undefined {
    const { available } = this.#service;
    const isLast = available.every((each) => each === endpoint || this.#tried?.has(each) === true);
    if (!isLast) return 0;
    const now = this.clock.now();
    const { timeout, random } = this.#setup;
    const wait = Math.max(this.#patience?.before(available, now) ?? 0, backoff(this.#count, random));
    return wait > mostPatience || wait >= timeout - (now - this.#begun) ? undefined : wait;
  }

  #waitsForList(): boolean {
    if (this.#service.endpoints.length > 0) return false;
    this.#listAwaited = new AbortController();
    this.#service.ready({ signal: this.#listAwaited.signal }).then(
      () => this.#over || this.#first(),
      (error) => this.#end(error),
    );
    return true;
  }

  #first(): void {
    const { key } = this.#setup;
    let lease: Lease;
    try {
      lease = key === undefined ? this.#service.acquire() : this.#service.acquire(wish(key(this.options)));
    } catch (error) {
      this.#end(error);
      return;
    }
    // What was shed before it reached anybody pays for no retry.
    this.#service.retryBudget?.deposit();
    this.#send(lease, this.options);
  }

  /** @param at when it was to be: timers are known to be early by a fraction. */
  #next(at: number): void {
    this.#letGo?.();
    this.#letGo = undefined;
    if (this.#over) return;
    let lease: Lease;
    try {
      lease = this.#elsewhere(Math.max(at, this.clock.now()));
    } catch (error) {
      this.#end(this.#exhausted(`no further attempt: ${inWords(error)}`));
      return;
    }
    const body = this.#nextBody();
    this.#send(lease, body === this.options.body ? this.options : { ...this.options, body });
  }

  #elsewhere(now: number): Lease {
    const key = this.#setup.key?.(this.options);
    try {
      return this.#service.acquire(wish(key, this.#tried));
    } catch {
      // Everywhere else it was tried: the round begins again, with those who did not ask to be left alone.
      this.#tried = this.#patience?.leftAlone(now) ?? new Set();
      return this.#service.acquire(wish(key, this.#tried));
    }
  }

  #send(lease: Lease, options: DispatchOptions): void {
    this.#count++;
    const attempt = new Try(this, lease, this.#transport);
    this.#current = attempt;
    const { attemptTimeout } = this.#setup;
    if (attemptTimeout !== forever) attempt.limit(attemptTimeout, this.#service.name);
    this.#sending = true;
    try {
      this.#transport.send(lease.endpoint, options, this.#asker.handler(attempt));
    } catch (error) {
      attempt.failed(error);
    } finally {
      this.#sending = false;
    }
  }

  #tooLate(): void {
    const { timeout } = this.#setup;
    const at = this.#current?.endpoint.address;
    const now = at === undefined ? '' : ` The attempt at ${at} was still under way.`;
    const attempts = this.#attempts ?? [];
    const message = `${this.#service.name}: no complete answer in ${timeout} ms.${now}${attemptsInWords(attempts)}`;
    this.#end(new RequestTimeoutError(message, attempts), !this.#hadMost(timeout));
  }

  /** An attempt that had most of the time has failed; one that had just begun has not. */
  #hadMost(time: number): boolean {
    return this.clock.now() - (this.#current?.startedAt ?? 0) >= time / 2;
  }

  /** Ends it for the asker, and whatever is under way. `blameless`: that says nothing of an endpoint. */
  #end(error: unknown, blameless = false): void {
    if (this.#over) return;
    this.finished();
    if (this.#waiting !== undefined) this.clock.clearTimeout(this.#waiting);
    this.#letGo?.();
    this.#listAwaited?.abort(error);
    const current = this.#current;
    this.#current = undefined;
    current?.giveUp(error, blameless);
    this.#asker.fail(error);
  }

  #exhausted(reason: string): RetriesExhaustedError {
    const attempts = this.#attempts ?? [];
    return new RetriesExhaustedError(
      `${this.#service.name}: ${reason}.${attemptsInWords(attempts)}`,
      attempts,
    );
  }
}

const spent = 'no retries';
const notRepeatable = 'the last failure is not one to be repeated';

function wish(key: string | undefined, exclude?: Excluded): AcquireOptions {
  return { ...(key !== undefined && { key }), ...(exclude !== undefined && { exclude }) };
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value;
}
