import { AsyncResource } from 'node:async_hooks';
import type { ClientRequest } from 'node:http';
import { isIP } from 'node:net';
import { attemptsInWords, inWords } from '../../attempts-in-words.ts';
import type { Outcome } from '../../balancer/balancer.ts';
import { refuse } from '../../checks.ts';
import type { Clock } from '../../clock.ts';
import type { Endpoint } from '../../endpoint.ts';
import { type Attempt, RequestTimeoutError, RetriesExhaustedError } from '../../errors.ts';
import type { Lease } from '../../lease.ts';
import type { Service } from '../../service.ts';
import type { Placed } from '../under-way.ts';
import { Exchange } from './exchange.ts';
import { hostHeader, renameHost } from './host-header.ts';
import { type AgentRequest, endUnsent } from './node-agent.ts';
import { onDestroy } from './on-destroy.ts';
import type { Balanced } from './options.ts';

/** What a trip needs of its agent. */
export interface TripSetup {
  readonly clock: Clock;
  readonly balanced: Balanced;
  readonly secure: boolean;
  /** Hands the request to Node's agent, which gives it a socket of the pool of `options.host` and `options.port`, or queues it there. */
  send(request: ClientRequest, options: AgentRequest): void;
  /** Whether it waits in a queue of Node's agent. */
  queues(request: ClientRequest): boolean;
  /** Takes it out of its queue; false where it is in none. */
  unqueue(request: ClientRequest): boolean;
  /** It is over, or its socket is no longer the agent's. */
  left(trip: Trip): void;
}

/**
 * One request to a service: waits for the list, leases an endpoint, has Node's agent find a socket to it, goes elsewhere where none can
 * be made, and says how it went. An AsyncResource, because a connection that fails for a queue may belong to another request.
 */
export class Trip extends AsyncResource implements Placed {
  /** See UnderWay. */
  place = -1;
  readonly request: ClientRequest;
  readonly #service: Service;
  readonly #options: AgentRequest;
  readonly #setup: TripSetup;
  readonly #exchange: Exchange;
  readonly #attempts: Attempt[] = [];
  #key: string | undefined;
  /** The Host header as the caller made it. */
  #host: string | undefined;
  /** Where it was tried; a retry goes elsewhere while there is an elsewhere. */
  #tried: Set<Endpoint> | undefined;
  #lease: Lease | undefined;
  #begun = 0;
  /** Gives up what it waits for: the list, or a socket. */
  #giveUp: (() => void) | undefined;
  #unguard: (() => void) | undefined;
  #over = false;

  constructor(request: ClientRequest, service: Service, options: AgentRequest, setup: TripSetup) {
    super('ConsulRequest');
    this.request = request;
    this.#service = service;
    this.#options = options;
    this.#setup = setup;
    this.#exchange = new Exchange(request, {
      elapsed: () => this.#elapsed(),
      begun: () => this.#unguarded(),
      upgraded: (outcome) => this.#upgraded(outcome),
      ended: (outcome) => this.#end(outcome),
    });
  }

  start(): void {
    if (this.#service.endpoints.length === 0) void this.#wait();
    else this.#go();
  }

  /** Node's agent makes a socket for it. */
  connects(giveUp: () => void): void {
    this.#giveUp = giveUp;
  }

  /** The socket it waited for is there. */
  connected(): void {
    this.#giveUp = undefined;
    this.#unguarded();
  }

  /** Nothing was sent: another endpoint may have it. */
  failed(error: unknown): void {
    if (this.#over || this.#lease === undefined) return;
    this.#giveUp = undefined;
    const { endpoint } = this.#lease;
    const elapsed = this.#elapsed();
    this.#lease.release({ ok: false, elapsed, error });
    this.#attempts.push({ endpoint, elapsed, cause: error });
    this.#tried ??= new Set();
    this.#tried.add(endpoint);
    this.runInAsyncScope(() => this.#again(error));
  }

  /** The agent was destroyed while its socket connected: as Node, "socket hang up". */
  hungUp(): void {
    this.#giveUp = undefined;
    this.request.destroy();
    this.#endUnsent({ ok: false, aborted: true });
  }

  /** The reason why an attempt has not connected in time. */
  late(): RequestTimeoutError {
    const { connectTimeout } = this.#setup.balanced;
    return new RequestTimeoutError(
      `${this.#service.name}: no connection to ${this.#lease?.endpoint.address} in ${connectTimeout} ms.`,
    );
  }

  async #wait(): Promise<void> {
    const { clock } = this.#setup;
    const stop = new AbortController();
    this.#giveUp = () => stop.abort();
    this.#guard();
    // As if the socket were looking its host up, which the caller's `timeout` counts in.
    const { timeout } = this.#options;
    const timer = timeout ? clock.setTimeout(() => this.request.emit('timeout'), timeout) : undefined;
    try {
      await this.#service.ready({ signal: stop.signal });
    } catch (error) {
      this.#fail(error);
      return;
    } finally {
      clock.clearTimeout(timer);
      this.#giveUp = undefined;
    }
    this.#go();
  }

  #go(): void {
    if (this.#over) return;
    try {
      const { key } = this.#setup.balanced;
      this.#key = key?.(this.request);
      if (this.#key !== undefined && typeof this.#key !== 'string')
        refuse('key', 'a function that returns a string or undefined', this.#key);
      this.#lease = this.#service.acquire(this.#key === undefined ? {} : { key: this.#key });
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#service.retryBudget?.deposit();
    this.#send(this.#lease.endpoint);
  }

  #again(error: unknown): void {
    const { retries } = this.#setup.balanced;
    const { length } = this.#attempts;
    if (length > retries) this.#fail(this.#story(`all ${length} attempts to connect failed`) ?? error);
    else if (this.#service.retryBudget?.withdraw() === false)
      this.#fail(this.#story('the retry budget of the service (retryBudget) is spent') ?? error);
    else {
      try {
        this.#lease = this.#elsewhere();
      } catch (none) {
        this.#fail(this.#story(`no further attempt: ${inWords(none)}`) ?? error);
        return;
      }
      this.#send(this.#lease.endpoint);
    }
  }

  #elsewhere(): Lease {
    const key = this.#key === undefined ? {} : { key: this.#key };
    try {
      return this.#service.acquire({ ...key, exclude: this.#tried! });
    } catch {
      // Everywhere else it was tried, or is full: the round begins again.
      this.#tried = new Set();
      return this.#service.acquire(key);
    }
  }

  #send(endpoint: Endpoint): void {
    const { secure, balanced, queues, send } = this.#setup;
    const { request } = this;
    const { host, port } = endpoint;
    this.#begun = this.#setup.clock.now();
    try {
      if ((secure || balanced.hostHeader === 'endpoint') && this.#attempts.length === 0)
        this.#host = hostHeader(request);
      const servername = secure ? this.#serverName(endpoint) : undefined;
      if (balanced.hostHeader === 'endpoint') this.#rename(endpoint);
      send(request, { ...this.#options, host, port, ...(servername !== undefined && { servername }) });
    } catch (error) {
      // Something in the options that Node does not take.
      this.#fail(error);
      return;
    }
    if (this.#giveUp !== undefined || queues(request)) this.#guard();
  }

  #serverName({ serverName }: Endpoint): string {
    const { servername, host } = this.#options;
    if (servername !== undefined) return servername;
    const given = this.#setup.balanced.serverName;
    if (given === 'target' && serverName !== undefined) return serverName;
    if (given !== 'target' && given !== 'service') return given;
    // As Node finds it, but from the header that the caller made.
    const name = (this.#host ?? host ?? '').replace(/:\d*$/, '').replace(/\.$/, '');
    return isIP(name) === 0 ? name : '';
  }

  #rename({ address }: Endpoint): void {
    const { host, port } = this.#options;
    if (this.#host === host || this.#host === `${host}:${port}`) renameHost(this.request, address);
  }

  /** The caller has destroyed a request that has no socket: Node would notice when it gets one. */
  #destroyed(error: unknown): void {
    if (this.#giveUp !== undefined) {
      const connecting = this.#lease !== undefined;
      const giveUp = this.#giveUp;
      this.#giveUp = undefined;
      const late = connecting && this.#exchange.timedOut(error);
      giveUp();
      this.#endUnsent(late ? { ok: false, elapsed: this.#elapsed(), error } : { ok: false, aborted: true });
    } else if (this.#setup.unqueue(this.request)) {
      this.#endUnsent({ ok: false, aborted: true });
    }
  }

  #guard(): void {
    this.#unguard ??= onDestroy(this.request, (error) => this.#destroyed(error));
  }

  #unguarded(): void {
    this.#unguard?.();
    this.#unguard = undefined;
  }

  #fail(error: unknown): void {
    if (!this.#over) this.#endUnsent({ ok: false, aborted: true }, error);
  }

  #endUnsent(outcome: Outcome, error?: unknown): void {
    if (this.#over) return;
    this.#end(outcome);
    endUnsent(this.request, error);
  }

  #upgraded(outcome: Outcome): void {
    this.#service.report(this.#lease!.endpoint, outcome);
    this.#setup.left(this);
  }

  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#unguarded();
    this.#lease?.release(outcome);
    this.#setup.left(this);
  }

  #elapsed(): number {
    return this.#setup.clock.now() - this.#begun;
  }

  /** `undefined` while nothing was repeated: the failure itself says it all then. */
  #story(reason: string): RetriesExhaustedError | undefined {
    if (this.#attempts.length < 2) return undefined;
    return new RetriesExhaustedError(
      `${this.#service.name}: ${reason}.${attemptsInWords(this.#attempts)}`,
      this.#attempts,
    );
  }
}
