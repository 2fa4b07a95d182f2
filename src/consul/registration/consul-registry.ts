import { InvalidOptionError } from '../../errors.ts';
import { keepAliveDuring } from '../../keep-alive.ts';
import { instances } from '../catalog.ts';
import type { ConsulHttp } from '../http.ts';
import { AgentNode } from './agent-node.ts';
import { AgentService } from './agent-service.ts';
import { type CompleteDefinition, completeDefinition, type RegistrationDefinition } from './definition.ts';
import { instanceId } from './instance-id.ts';
import { KeptRegistration, type Siblings } from './kept-registration.ts';
import { removeLeftovers } from './leftovers.ts';
import { Notices, processWarnings, type WarningSink } from './notices.ts';
import { type AgentPlace, ownAddress } from './own-address.ts';
import { completeRegisterOptions, type RegisterOptions } from './register-options.ts';
import type { Registration } from './registration.ts';
import type { Registry, RegistryInstance } from './registry.ts';
import type { Found } from './service-body.ts';
import { takeBackAtEnd } from './take-back-at-end.ts';
import { untilHeard } from './until-heard.ts';

/** Milliseconds for each between two looks: 1 000 instances are looked at within 20 s. */
const perInstance = 20;
/** Each that is missing says so; all are looked at once for it. In ms. */
const suspectEvery = 1_000;
/** The agent goes through all it has for each that looks for leftovers: a program with many instances is spared it. */
const mostCleared = 16;

/** What this client has registered at its agent. */
export class ConsulRegistry implements Registry {
  readonly #http: ConsulHttp;
  readonly #target: AgentPlace;
  readonly #node: AgentNode;
  readonly #kept = new Map<string, KeptRegistration>();
  readonly #warn: WarningSink;
  readonly #siblings: Siblings;
  /** The agent may have restarted, and forgotten them. */
  #suspected = false;
  #suspectedAt = Number.NEGATIVE_INFINITY;

  constructor(http: ConsulHttp, target: AgentPlace) {
    this.#http = http;
    this.#target = target;
    this.#node = new AgentNode(http);
    this.#warn = processWarnings(http.clock);
    const abandon = () => {
      for (const one of [...this.#kept.values()]) one.abandon();
    };
    http.lifetime.addEventListener('abort', abandon, { once: true });
    this.#siblings = {
      node: this.#node,
      suspect: () => this.#suspect(),
      answered: () => this.#answered(),
      spacing: () => this.#kept.size * perInstance,
      gone: (registration) => {
        if (this.#kept.get(registration.id) === registration) this.#kept.delete(registration.id);
      },
    };
  }

  /**
   * Resolves when the agent has it. While the agent cannot be reached, it is told with growing pauses, until `signal` or `timeout`.
   *
   * @throws InvalidOptionError; ConsulError where Consul refuses; DiscoveryError ERR_TIMEOUT; `signal.reason`; ClosedError.
   */
  register(definition: RegistrationDefinition, options: RegisterOptions = {}): Promise<Registration> {
    return keepAliveDuring(this.#registered(definition, options));
  }

  async deregister(id: string): Promise<void> {
    const own = this.#kept.get(id);
    if (own !== undefined) return own.deregister();
    await keepAliveDuring(new AgentService(this.#http, id).deregister(undefined));
  }

  async instances(name: string): Promise<readonly RegistryInstance[]> {
    const found = await instances(this.#http, name, { passing: false });
    return found.instances.map(({ id, name, address, port, tags, meta }) => ({
      id,
      name,
      address,
      port,
      tags,
      meta,
    }));
  }

  async #registered(given: RegistrationDefinition, options: RegisterOptions): Promise<Registration> {
    const definition = completeDefinition(given);
    const { signal, timeout, checkInterval, onWarning, onShutdown } = completeRegisterOptions(options);
    const sink = onWarning ?? this.#warn;
    let registration: KeptRegistration | undefined;
    const ask = async (end: AbortSignal) => {
      if (registration === undefined) {
        const found = await this.#find(definition, end);
        const notices = new Notices({ service: definition.name, id: found.id }, sink);
        const given = { interval: checkInterval, notices, siblings: this.#siblings };
        registration = this.#keep(new KeptRegistration(this.#http, definition, found, given));
      }
      await registration.begin(end);
      return registration;
    };
    const early = new Notices({ service: definition.name, id: definition.id ?? '' }, sink);
    const onFailure = (error: unknown) => {
      this.#suspect();
      early.once(
        'REGISTRATION_FAILED',
        `${definition.name} is not registered yet: ${String((error as Error).message)}`,
        error,
      );
    };
    try {
      const done = await untilHeard(this.#http, `register ${definition.name}`, ask, {
        signal,
        timeout,
        onFailure,
      });
      if (definition.id === undefined && this.#kept.size <= mostCleared) void this.#clearPlace(done, sink);
      if (onShutdown !== undefined) {
        const notices = new Notices({ service: done.name, id: done.id }, sink);
        takeBackAtEnd(this.#http.clock, done, onShutdown, notices);
      }
      return done;
    } catch (error) {
      await registration?.forget();
      throw error;
    }
  }

  async #find(definition: CompleteDefinition, signal: AbortSignal): Promise<Found> {
    const { name, port, checks } = definition;
    const address = definition.address ?? (await ownAddress(this.#target));
    const id = definition.id ?? instanceId({ name, address, port });
    // What is left to Consul is checked where callers will call, and that is not always where the agent is called.
    const probed = checks.some((check) => !('ttl' in check));
    const checkHost = address ?? (probed ? await this.#node.address(signal) : undefined) ?? '127.0.0.1';
    return { id, address, checkHost };
  }

  async #clearPlace({ name, id, address, port }: KeptRegistration, sink: WarningSink): Promise<void> {
    // Where it fails they stay as they were: it is a service to others, and what fails is said by what matters.
    const removed = await removeLeftovers(this.#http, { name, address, port }).catch(() => []);
    if (removed.length === 0) return;
    new Notices({ service: name, id }, sink).say(
      'LEFTOVER_REMOVED',
      `${name}: processes that are no more had left ${removed.join(', ')} at the place of ${id}; taken back.`,
    );
  }

  #keep(registration: KeptRegistration): KeptRegistration {
    const { id } = registration;
    if (this.#kept.has(id))
      throw new InvalidOptionError(
        `register.id: this client has registered ${JSON.stringify(id)} already; give an \`id\` of its own.`,
      );
    this.#kept.set(id, registration);
    return registration;
  }

  #suspect(): void {
    const now = this.#http.clock.now();
    if (now - this.#suspectedAt < suspectEvery) return;
    this.#suspectedAt = now;
    this.#suspected = true;
  }

  #answered(): void {
    if (!this.#suspected) return;
    this.#suspected = false;
    for (const one of [...this.#kept.values()]) one.lookUnlessSince(this.#suspectedAt);
  }
}
