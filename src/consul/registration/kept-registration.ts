import { signal as aSignal, fields, number, refuse, text } from '../../checks.ts';
import { sleep, type TimerHandle } from '../../clock.ts';
import { ClosedError, ConsulError } from '../../errors.ts';
import { keepAliveDuring } from '../../keep-alive.ts';
import type { ConsulHttp } from '../http.ts';
import { mayPass } from '../may-pass.ts';
import { retryDelay } from '../retry-delay.ts';
import type { AgentNode } from './agent-node.ts';
import { AgentService, type RawService } from './agent-service.ts';
import type { CompleteDefinition } from './definition.ts';
import type { HealthStatus } from './health-check.ts';
import { Heartbeat } from './heartbeat.ts';
import type { Notices } from './notices.ts';
import { grace as checkGrace, defaultGrace } from './register-options.ts';
import type { DrainOptions, LeaveOptions, Registration, RegistrationState } from './registration.ts';
import { beatingOf, type Found, serviceBody } from './service-body.ts';
import { untilHeard } from './until-heard.ts';

/** What a registration knows of the others of its client. */
export interface Siblings {
  readonly node: AgentNode;
  /** The agent could not be reached, or has forgotten one of them: it may have restarted. */
  suspect(): void;
  /** The agent answered: whoever has not looked since it was suspected does it now. */
  answered(): void;
  /** Milliseconds that lie at least between two looks, so that many of them do not keep the agent busy. */
  spacing(): number;
  gone(registration: KeptRegistration): void;
}

const patience = number(1, 86_400_000);
const checkLeave = fields({ signal: aSignal, timeout: patience });
const checkDrain = fields({ signal: aSignal, grace: checkGrace, reason: text, timeout: patience });
const leaveWithin = 30_000;
const maintainWithin = 10_000;

/**
 * One instance at one agent. The agent is told, then looked at every `interval` ms and told again where it has forgotten. One thing is done
 * at a time, so that no renewal comes after the end.
 */
export class KeptRegistration implements Registration {
  readonly name: string;
  readonly id: string;
  readonly address: string | undefined;
  readonly port: number;
  readonly #http: ConsulHttp;
  readonly #agent: AgentService;
  readonly #definition: CompleteDefinition;
  readonly #found: Found;
  readonly #interval: number;
  readonly #notices: Notices;
  readonly #siblings: Siblings;
  readonly #heartbeats: readonly Heartbeat[];
  readonly #listeners = new Set<{ readonly listener: (state: RegistrationState) => void }>();
  #state: RegistrationState = 'unconfirmed';
  #error: unknown;
  #timer: TimerHandle | undefined;
  #failures = 0;
  #confirmedAt = Number.NEGATIVE_INFINITY;
  /** A look, or a renewal, that is under way. */
  #working: Promise<void> | undefined;
  /** Aborts when it is on its way out. */
  readonly #leaving = new AbortController();
  #draining: Promise<void> | undefined;
  #deregistering: Promise<void> | undefined;
  #maintenance: string | undefined;

  constructor(
    http: ConsulHttp,
    definition: CompleteDefinition,
    found: Found,
    { interval, notices, siblings }: { interval: number; notices: Notices; siblings: Siblings },
  ) {
    this.#http = http;
    this.#agent = new AgentService(http, found.id);
    this.#definition = definition;
    this.#found = found;
    this.#interval = interval;
    this.#notices = notices;
    this.#siblings = siblings;
    this.name = definition.name;
    this.id = found.id;
    this.address = found.address;
    this.port = definition.port;
    this.#heartbeats = beatingOf(definition, found.id).map(
      (beating) =>
        new Heartbeat(http, beating, {
          onForgotten: () => this.#act(() => this.#renew()),
          onFailure: () => this.look(),
          onStatusFailed: (error) =>
            notices.once(
              'STATUS_FAILED',
              `The status of ${this.#subject} cannot be told: ${String(error)}`,
              error,
            ),
        }),
    );
  }

  get state(): RegistrationState {
    return this.#state;
  }

  get error(): unknown {
    return this.#error;
  }

  subscribe(listener: (state: RegistrationState) => void): () => void {
    if (typeof listener !== 'function') refuse('subscribe', 'a function', listener);
    const subscription = { listener };
    this.#listeners.add(subscription);
    return () => void this.#listeners.delete(subscription);
  }

  /** Once, for the first time; what fails is left to the caller. */
  async begin(signal: AbortSignal): Promise<void> {
    await this.#put(signal);
    this.#confirmed();
    for (const heartbeat of this.#heartbeats) heartbeat.beat();
    this.#plan(this.#usual() * Math.random());
  }

  /** After a `begin()` that failed: takes back what may have been heard all the same. */
  async forget(): Promise<void> {
    this.#leaving.abort();
    // Not for long: somebody waits for the failure, and what is left is what any crash leaves.
    if (this.#agent.mayCome) await this.#agent.deregister(undefined, 1_000).catch(() => {});
    this.#end('deregistered');
  }

  /** The client is closed. */
  abandon(): void {
    this.#end('abandoned');
  }

  /** Looks now, unless the agent has confirmed it since then (in the clock's time). */
  lookUnlessSince(then: number): void {
    if (this.#confirmedAt < then) this.look();
  }

  /** Looks now, unless it is being looked or registered just then. */
  look(): void {
    if (this.#isOver()) return;
    this.#http.clock.clearTimeout(this.#timer);
    this.#act(() => this.#look());
  }

  async maintenance(reason = 'maintenance', options: LeaveOptions = {}): Promise<void> {
    await this.#maintain(text(reason, 'maintenance.reason'), options, 'maintenance');
  }

  async resume(options: LeaveOptions = {}): Promise<void> {
    await this.#maintain(undefined, options, 'resume');
  }

  drain(options: DrainOptions = {}): Promise<void> {
    this.#draining ??= keepAliveDuring(this.#drained(options)).finally(() => {
      this.#draining = undefined;
    });
    return this.#draining;
  }

  deregister(options: LeaveOptions = {}): Promise<void> {
    this.#deregistering ??= keepAliveDuring(this.#deregistered(options)).catch((error) => {
      this.#deregistering = undefined;
      throw error;
    });
    return this.#deregistering;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.deregister();
  }

  get #subject(): string {
    return `${this.name} (${this.id})`;
  }

  #put(signal?: AbortSignal): Promise<void> {
    const now = new Map<string, HealthStatus>();
    for (const { checkId, status } of this.#heartbeats) if (status !== undefined) now.set(checkId, status);
    return this.#agent.register(serviceBody(this.#definition, this.#found, now), signal);
  }

  /** Spread: of many, one looks soon after the agent restarted, and then all do. */
  #usual(): number {
    return Math.max(this.#interval, this.#siblings.spacing()) * (0.5 + 0.5 * Math.random());
  }

  #plan(delay: number): void {
    this.#http.clock.clearTimeout(this.#timer);
    if (this.#isOver()) return;
    this.#timer = this.#http.clock.setTimeout(() => this.look(), delay);
  }

  /** One at a time; who comes meanwhile is served by what is under way. */
  #act(work: () => Promise<void>): void {
    if (this.#working !== undefined || this.#isOver()) return;
    this.#working = this.#done(work).finally(() => {
      this.#working = undefined;
    });
  }

  async #done(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#failures = 0;
      this.#plan(this.#usual());
    } catch (error) {
      if (this.#isOver()) return;
      this.#failed(error);
      this.#plan(Math.min(retryDelay(this.#failures++), this.#usual()));
    }
  }

  async #look(): Promise<void> {
    const service = await this.#agent.find(this.#leaving.signal);
    if (this.#isOver()) return;
    if (service === undefined) await this.#renew();
    else if (this.#isOther(service)) this.#replaced(service);
    else {
      this.#confirmed();
      void this.#seeAgent(false);
    }
  }

  #isOther({ Service, Port, Address }: RawService): boolean {
    return Service !== this.name || Port !== this.port || Address !== (this.address ?? '');
  }

  async #renew(): Promise<void> {
    this.#notices.once(
      'REGISTRATION_LOST',
      `Consul at ${this.#http.address} has forgotten ${this.#subject}; it is registered again.`,
    );
    this.#enter('renewing');
    this.#siblings.suspect();
    await this.#put();
    void this.#seeAgent(true);
    if (this.#maintenance !== undefined) await this.#agent.maintain(this.#maintenance);
    this.#confirmed();
    for (const heartbeat of this.#heartbeats) heartbeat.beat();
  }

  async #seeAgent(now: boolean): Promise<void> {
    const change = await this.#siblings.node.change({ now });
    if (change === undefined) return;
    this.#notices.once(
      'AGENT_CHANGED',
      `At ${this.#http.address} the agent ${change.now} answers, and before that ${change.before}. Where it was not replaced, that address ` +
        'spreads over several agents: a registration is left at one of them and is looked for at another, so that copies stay behind. ' +
        'Register at one agent, that of the host.',
    );
  }

  #replaced({ Service, Address, Port }: RawService): void {
    const other = `${Service} at ${Address || 'the node'}, port ${Port}`;
    this.#notices.once(
      'REGISTRATION_REPLACED',
      `${this.#subject} was replaced by another registration with the same id: ${other}. It is kept up no longer.`,
    );
    this.#end('replaced');
  }

  #confirmed(): void {
    for (const code of ['REGISTRATION_FAILED', 'REGISTRATION_LOST'] as const) this.#notices.over(code);
    this.#confirmedAt = this.#http.clock.now();
    this.#siblings.answered();
    this.#error = undefined;
    if (!this.#leaving.signal.aborted) this.#enter('registered');
  }

  #failed(error: unknown): void {
    this.#error = error;
    this.#siblings.suspect();
    const what = this.#state === 'renewing' ? 'cannot be registered again' : 'may not be registered any more';
    this.#notices.once(
      'REGISTRATION_FAILED',
      `${this.#subject} ${what}: ${String((error as Error).message)}`,
      error,
    );
    if (this.#state !== 'renewing') this.#enter('unconfirmed');
  }

  async #maintain(reason: string | undefined, options: LeaveOptions, path: string): Promise<void> {
    const { signal, timeout = maintainWithin } = checkLeave(options, path) as LeaveOptions;
    if (['replaced', 'deregistered', 'abandoned'].includes(this.#state))
      throw new ClosedError(`${path}: ${this.#subject} is ${this.#state}.`);
    const ask = async (end: AbortSignal) => {
      await this.#working;
      try {
        await this.#agent.maintain(reason, end);
      } catch (error) {
        if (!(error instanceof ConsulError && error.status === 404)) throw error;
        // The agent has forgotten it. On the way out that is as good; else it has to know it first.
        if (this.#isOver()) return;
        this.look();
        await this.#working;
        await this.#agent.maintain(reason, end);
      }
    };
    await keepAliveDuring(untilHeard(this.#http, `${path} of ${this.#subject}`, ask, { signal, timeout }));
    this.#maintenance = reason;
  }

  async #drained(options: DrainOptions): Promise<void> {
    const given = checkDrain(options, 'drain') as DrainOptions;
    const { signal, grace = defaultGrace, reason = 'shutting down', timeout } = given;
    if (this.#isOver()) return;
    const patience = timeout === undefined ? {} : { timeout };
    await this.#leave();
    try {
      await this.maintenance(reason, signal === undefined ? patience : { ...patience, signal });
    } catch (error) {
      // It will be deregistered in any case; the grace is for callers who know it from before.
      if (!isAborted(signal)) this.#failed(error);
    }
    await sleep(this.#http.clock, grace, signal).catch(() => {});
    await this.deregister(patience);
  }

  async #deregistered(options: LeaveOptions): Promise<void> {
    const { signal, timeout = leaveWithin } = checkLeave(options, 'deregister') as LeaveOptions;
    if (this.#state === 'deregistered' || this.#state === 'replaced') return;
    if (this.#state === 'abandoned')
      throw new ClosedError(`deregister: the client of ${this.#subject} was closed.`);
    this.#enter('deregistering');
    for (const heartbeat of this.#heartbeats) heartbeat.stop();
    await this.#leave();
    const ask = (end: AbortSignal) => this.#agent.deregister(end);
    const onFailure = (error: unknown) => {
      this.#error = error;
      this.#notices.once(
        'DEREGISTRATION_FAILED',
        `${this.#subject} is still registered: ${String((error as Error).message)}`,
        error,
      );
    };
    try {
      await untilHeard(this.#http, `deregister ${this.#subject}`, ask, { signal, timeout, onFailure });
      if (this.#agent.mayCome) {
        // An agent that stood still may have a registration of ours before it that nobody waits for any more.
        await sleep(this.#http.clock, 1_000, signal);
        await untilHeard(this.#http, `deregister ${this.#subject}`, ask, { signal, timeout, onFailure });
      }
    } catch (error) {
      if (!mayPass(error)) onFailure(error);
      throw error;
    }
    this.#error = undefined;
    this.#end('deregistered');
  }

  /** Nothing is renewed from here on, and a renewal that is under way is over. */
  async #leave(): Promise<void> {
    this.#leaving.abort();
    this.#http.clock.clearTimeout(this.#timer);
    await this.#working;
  }

  #isOver(): boolean {
    return this.#leaving.signal.aborted || this.#state === 'replaced' || this.#http.lifetime.aborted;
  }

  #end(state: 'replaced' | 'deregistered' | 'abandoned'): void {
    this.#http.clock.clearTimeout(this.#timer);
    for (const heartbeat of this.#heartbeats) heartbeat.stop();
    this.#siblings.gone(this);
    this.#enter(state);
  }

  #enter(state: RegistrationState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const { listener } of [...this.#listeners]) {
      try {
        listener(state);
      } catch (error) {
        this.#notices.say(
          'LISTENER_FAILED',
          `A subscriber of ${this.#subject} threw: ${String(error)}`,
          error,
        );
      }
    }
  }
}

/** Asked anew: it may have aborted meanwhile. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
