import type { Clock, TimerHandle } from '../../clock.ts';
import type { Random } from '../../random.ts';
import type { Catalogue, CatalogueNode, Instance } from '../catalogue.ts';
import type { ServiceDefinition, Status } from '../definitions.ts';
import { bareCheck, type Check, type CheckContent } from './check.ts';
import { type CheckDefinition, isStatus, kindOf, timingOf } from './check-definition.ts';
import { type CheckRunner, checkRunner } from './check-runner.ts';
import { type TtlTimer, ttlTimer } from './ttl-timer.ts';

export interface LocalAgentOptions {
  catalogue: Catalogue;
  clock: Clock;
  random: Random;
}

/** A check that is registered with the agent: what it found, which the catalogue may not know yet, and what runs it. */
interface Kept {
  readonly id: string;
  /** undefined: of the node. */
  readonly service: string | undefined;
  readonly definition: CheckDefinition;
  content: CheckContent;
  runner: CheckRunner | TtlTimer | undefined;
  /** Output without a change of status goes to the catalogue later (check_update_interval). */
  deferred?: TimerHandle | undefined;
  /** Until when a critical check may stay so (DeregisterCriticalServiceAfter). */
  reaper?: TimerHandle | undefined;
}

const UPDATE_INTERVAL = 300_000;
const REAP_INTERVAL = 30_000;
/** Consul reads anything less as this. */
const SHORTEST_REAP = 60_000;

/**
 * The agent of the double's own node: services and checks registered with it, which it brings into the catalogue at once (Consul's
 * takes some ms) and takes out of it again.
 */
export class LocalAgent {
  readonly #catalogue: Catalogue;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #kept = new Map<string, Kept>();
  readonly #services = new Set<string>();
  readonly #since: number;
  #paused = false;

  constructor({ catalogue, clock, random }: LocalAgentOptions) {
    this.#catalogue = catalogue;
    this.#clock = clock;
    this.#random = random;
    this.#since = clock.now();
  }

  /** Without the one of the servers themselves. */
  services(): Instance[] {
    return this.#catalogue.instancesOn(this.#node).filter(({ id }) => id !== 'consul');
  }

  service(id: string): Instance | undefined {
    return id === 'consul' ? undefined : this.#catalogue.store.instances.byId(this.#node, id);
  }

  /** As the agent knows them: with the newest output. */
  checks(): { check: Check; of: Instance | CatalogueNode }[] {
    return [this.#node, ...this.services()].flatMap((of) => this.checksOf(of));
  }

  checksOf(of: Instance | CatalogueNode): { check: Check; of: Instance | CatalogueNode }[] {
    return [...of.checks.values()]
      .filter(({ id }) => id !== 'serfHealth')
      .map((check) => ({ check: { ...check, ...this.#kept.get(check.id)?.content }, of }));
  }

  register(
    definition: ServiceDefinition & { id: string },
    checks: CheckDefinition[],
    replace: boolean,
  ): void {
    this.#catalogue.store.indexes.write(() => {
      this.#catalogue.store.put(definition, this.#node);
      this.#services.add(definition.id);
      const ids = checks.map((check, index) => checkId(check, definition.id, checks.length, index));
      if (replace)
        for (const kept of [...this.#kept.values()])
          if (kept.service === definition.id && !ids.includes(kept.id)) this.#drop(kept);
      for (const [index, check] of checks.entries())
        this.#keep(ids[index]!, check, definition.id, `Service '${definition.name}' check`);
    });
  }

  /** Whether there was one. */
  deregister(id: string): boolean {
    const instance = this.service(id);
    if (instance === undefined) return false;
    this.#catalogue.store.indexes.write(() => {
      for (const kept of [...this.#kept.values()]) if (kept.service === id) this.#drop(kept);
      this.#catalogue.store.remove(instance);
      this.#services.delete(id);
    });
    return true;
  }

  registerCheck(definition: CheckDefinition): void {
    const id = definition.CheckID || definition.ID || definition.Name!;
    this.#catalogue.store.indexes.write(() =>
      this.#keep(id, definition, definition.ServiceID || undefined, definition.Name!, '0s'),
    );
  }

  /** Whether there was one. */
  deregisterCheck(id: string): boolean {
    const kept = this.#kept.get(id);
    if (kept !== undefined) {
      this.#drop(kept);
      return true;
    }
    const found = this.checks().find(({ check }) => check.id === id);
    if (found !== undefined) this.#catalogue.store.removeCheck(found.of, id);
    return found !== undefined;
  }

  /** A heartbeat. Whether the check is one that takes them; undefined: there is no such check. */
  heartbeat(id: string, status: Status, output: string): boolean | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined) {
      // One that a test has registered by hand has no time to expire.
      const found = this.checks().find(({ check }) => check.id === id);
      if (found === undefined) return undefined;
      this.#catalogue.store.putCheck(found.of, { ...found.check, status, output });
      return true;
    }
    if (kept.runner === undefined || !('reset' in kept.runner)) return false;
    kept.runner.reset();
    this.#found(kept, status, output);
    return true;
  }

  /** Of a service, or of the whole node. */
  maintain(of: Instance | CatalogueNode, reason: string | undefined): void {
    const isService = 'node' in of;
    const id = isService ? `_service_maintenance:${of.id}` : '_node_maintenance';
    if (reason === undefined) {
      this.#catalogue.store.removeCheck(of, id);
      return;
    }
    if (of.checks.has(id)) return;
    const what = isService ? 'Service' : 'Node';
    this.#catalogue.store.putCheck(of, {
      ...bareCheck(id, `${what} Maintenance Mode`, 'critical'),
      notes:
        reason ||
        `Maintenance mode is enabled for this ${what.toLowerCase()}, but no reason was provided. This is a default message.`,
      type: 'maintenance',
    });
  }

  /** Loses all that was registered with it, as an agent without a data directory that starts anew. */
  forget(): void {
    this.#catalogue.store.indexes.write(() => {
      for (const id of [...this.#services]) this.deregister(id);
      for (const kept of [...this.#kept.values()]) this.#drop(kept);
    });
  }

  /** Runs no checks until `resume()`. */
  pause(): void {
    this.#paused = true;
    for (const kept of this.#kept.values()) this.#halt(kept);
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    for (const kept of this.#kept.values()) {
      kept.runner?.start();
      this.#watchCritical(kept);
    }
  }

  get #node(): CatalogueNode {
    return this.#catalogue.ownNode;
  }

  #keep(id: string, definition: CheckDefinition, service: string | undefined, name: string, none = ''): void {
    const before = this.#kept.get(id);
    if (before !== undefined) this.#halt(before);
    const { Status: initial = '', Notes = '', Name } = definition;
    const kept: Kept = {
      id,
      service,
      definition,
      content: {
        ...bareCheck(id, Name || name, isStatus(initial) ? initial : 'critical'),
        // Registered anew, it stays as it was found.
        ...(before !== undefined && { status: before.content.status, output: before.content.output }),
        notes: Notes,
        type: kindOf(definition) ?? '',
        ...timingOf(definition, none),
      },
      runner: undefined,
    };
    kept.runner = this.#runnerOf(kept);
    this.#kept.set(id, kept);
    this.#publish(kept);
    if (!this.#paused) kept.runner?.start();
    this.#watchCritical(kept);
  }

  #runnerOf(kept: Kept): CheckRunner | TtlTimer | undefined {
    const { definition } = kept;
    if (kindOf(definition) === undefined) return undefined;
    if (kindOf(definition) === 'ttl')
      return ttlTimer(definition.TTL!, this.#clock, () => this.#expired(kept));
    return checkRunner({
      definition,
      clock: this.#clock,
      random: this.#random,
      report: (status, output) => this.#found(kept, status, output),
    });
  }

  #expired(kept: Kept): void {
    const { output } = kept.content;
    const last = output === '' ? '' : ` (last output before timeout follows): ${output}`;
    this.#found(kept, 'critical', `TTL expired${last}`);
  }

  #found(kept: Kept, status: Status, output: string): void {
    const { content } = kept;
    if (content.status === status && content.output === output) return;
    const sameStatus = content.status === status;
    kept.content = { ...content, status, output };
    if (!sameStatus) {
      this.#publish(kept);
      this.#watchCritical(kept);
    } else {
      kept.deferred ??= this.#clock.setTimeout(
        () => this.#publish(kept),
        UPDATE_INTERVAL * (0.5 + this.#random.fraction()),
      );
    }
  }

  #publish(kept: Kept): void {
    this.#clock.clearTimeout(kept.deferred as TimerHandle);
    kept.deferred = undefined;
    const of = this.#ownerOf(kept);
    if (of !== undefined) this.#catalogue.store.putCheck(of, kept.content);
  }

  #ownerOf({ service }: Kept): Instance | CatalogueNode | undefined {
    return service === undefined ? this.#node : this.service(service);
  }

  /** Consul looks every 30 s for services that have been critical for too long. */
  #watchCritical(kept: Kept): void {
    const { DeregisterCriticalServiceAfter: after = 0 } = kept.definition;
    this.#clock.clearTimeout(kept.reaper as TimerHandle);
    kept.reaper = undefined;
    if (after <= 0 || kept.service === undefined || kept.content.status !== 'critical' || this.#paused)
      return;
    const now = this.#clock.now() - this.#since;
    const due = now + Math.max(after, SHORTEST_REAP);
    const round = Math.floor(due / REAP_INTERVAL + 1) * REAP_INTERVAL;
    kept.reaper = this.#clock.setTimeout(() => this.deregister(kept.service!), round - now);
  }

  #drop(kept: Kept): void {
    this.#halt(kept);
    this.#kept.delete(kept.id);
    const of = this.#ownerOf(kept);
    if (of !== undefined) this.#catalogue.store.removeCheck(of, kept.id);
  }

  #halt(kept: Kept): void {
    kept.runner?.stop();
    this.#clock.clearTimeout(kept.deferred as TimerHandle);
    this.#clock.clearTimeout(kept.reaper as TimerHandle);
    kept.deferred = undefined;
    kept.reaper = undefined;
  }
}

function checkId(
  { CheckID = '', ID = '' }: CheckDefinition,
  service: string,
  count: number,
  index: number,
): string {
  if (CheckID !== '') return CheckID;
  if (ID !== '') return ID;
  return count === 1 ? `service:${service}` : `service:${service}:${index + 1}`;
}
