import type { Clock, TimerHandle } from '../../clock.ts';
import type { Catalogue, CatalogueNode } from '../catalogue.ts';
import { type Indexes, tablesOf } from './indexes.ts';
import type { KeyValues } from './key-values.ts';

export interface SessionDefinition {
  id: string;
  name: string;
  node: CatalogueNode;
  /** ms */
  lockDelay: number;
  behavior: 'release' | 'delete';
  /** As it was spelt; '' for one that lasts. */
  ttl: string;
  /** ms, 0 for one that lasts. */
  ttlMs: number;
  nodeChecks: readonly string[];
  serviceChecks: readonly { id: string }[] | null;
}

export interface Session extends SessionDefinition {
  createIndex: number;
  modifyIndex: number;
}

/** Consul gives twice the time before it invalidates a session that was not renewed. */
const TTL_MULTIPLIER = 2;
const LONGEST_LOCK_DELAY = 60_000;

export interface SessionsOptions {
  place: string;
  catalogue: Catalogue;
  indexes: Indexes;
  clock: Clock;
  keyValues: KeyValues;
}

/** The sessions of one datacenter. One ends when it is destroyed, is not renewed, or loses its node or one of its checks. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #timers = new Map<string, TimerHandle>();
  readonly #unwatch: () => void;
  #checked = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#unwatch = options.indexes.watch(() => this.#endUnhealthy());
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** Sorted by id. */
  list(): Session[] {
    return [...this.#sessions.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  index(): number {
    return this.#options.indexes.highest(this.#table);
  }

  create(definition: SessionDefinition): Session {
    const { indexes } = this.#options;
    return indexes.write((index) => {
      const session = { ...definition, createIndex: index, modifyIndex: index };
      this.#sessions.set(session.id, session);
      indexes.touch(this.#table);
      this.#arm(session);
      return session;
    });
  }

  renew(id: string): Session | undefined {
    const session = this.#sessions.get(id);
    if (session !== undefined) this.#arm(session);
    return session;
  }

  destroy(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    const { indexes, clock, keyValues } = this.#options;
    clock.clearTimeout(this.#timers.get(id) as TimerHandle);
    this.#timers.delete(id);
    indexes.write(() => {
      this.#sessions.delete(id);
      indexes.touch(this.#table);
      keyValues.lost(id, session.behavior, Math.min(session.lockDelay, LONGEST_LOCK_DELAY));
    });
  }

  /** Nobody's time runs out from now on. */
  close(): void {
    this.#unwatch();
    for (const timer of this.#timers.values()) this.#options.clock.clearTimeout(timer);
    this.#timers.clear();
  }

  get #table(): string {
    return `${this.#options.place}/sessions`;
  }

  #arm({ id, ttlMs }: Session): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#timers.get(id) as TimerHandle);
    if (ttlMs > 0)
      this.#timers.set(
        id,
        clock.setTimeout(() => this.destroy(id), ttlMs * TTL_MULTIPLIER),
      );
  }

  #endUnhealthy(): void {
    const { indexes, catalogue, place } = this.#options;
    const { checks, nodes } = tablesOf(place);
    const moved = indexes.highest(checks, nodes);
    if (moved === this.#checked) return;
    this.#checked = moved;
    for (const { id, node, nodeChecks, serviceChecks } of this.list()) {
      const isThere = catalogue.node(node.name, node.datacenter) === node;
      const watched = [...nodeChecks, ...(serviceChecks ?? []).map((check) => check.id)];
      if (!isThere || watched.some((check) => checkOn(catalogue, node, check) !== 'fine')) this.destroy(id);
    }
  }
}

/** How a check on a node stands, its services' included. */
export function checkOn(
  catalogue: Catalogue,
  node: CatalogueNode,
  id: string,
): 'fine' | 'critical' | 'missing' {
  for (const { checks } of [node, ...catalogue.instancesOn(node)]) {
    const check = checks.get(id);
    if (check !== undefined) return check.status === 'critical' ? 'critical' : 'fine';
  }
  return 'missing';
}
