import type { Ledger } from './ledger.ts';
import type { HandlePlan } from './messages.ts';

/**
 * How far back the reason of a change may lie, in ms: one lookup under loss, and what a restarted event loop adds.
 */
const reasonWithin = 6_000;
/** How long a list may differ from what is true, in ms, while no question is lost. A records prove nothing, so that they take longer. */
const convergence = { auto: 4_000, tcp: 4_000, a: 15_000 };

interface Watched {
  readonly plan: HandlePlan;
  list: ReadonlySet<string>;
  since: number;
  /** Said once per episode. */
  readonly reported: Set<string>;
}

/** Compares what services show with what the script did. Instances are `service|host:port`. */
export class Judge {
  readonly violations: string[] = [];
  transitions = 0;
  added = 0;
  removed = 0;
  emptied = 0;
  readonly #ledger: Ledger;
  readonly #watched = new Map<string, Watched>();

  constructor(ledger: Ledger, handles: readonly HandlePlan[]) {
    this.#ledger = ledger;
    for (const plan of handles)
      this.#watched.set(plan.id, {
        plan,
        list: new Set(),
        since: Number.POSITIVE_INFINITY,
        reported: new Set(),
      });
  }

  /** A service that was asked for anew begins with nothing. */
  opened(handle: string, at: number): void {
    const watched = this.#watched.get(handle)!;
    watched.list = new Set();
    watched.since = at;
  }

  /** A list changed: everything that came could have been there, and what left could have been gone. */
  changed(handle: string, at: number, list: readonly string[]): void {
    const watched = this.#watched.get(handle)!;
    const { service } = watched.plan;
    const next = new Set(list);
    this.transitions++;
    for (const address of next) {
      if (watched.list.has(address)) continue;
      this.added++;
      const key = `${service}|${address}`;
      if (!this.#ledger.wasEver(key, ['in', 'maybe'], at - reasonWithin, at)) {
        this.#violation(`${handle}: ${address} was added, but was not registered and healthy`, at);
      }
    }
    for (const address of watched.list) {
      if (next.has(address)) continue;
      this.removed++;
      const key = `${service}|${address}`;
      if (this.#ledger.wasAlways(key, 'in', at - reasonWithin, at)) {
        this.#violation(`${handle}: ${address} was removed, but was healthy all the time`, at);
      }
    }
    if (next.size === 0 && watched.list.size > 0) {
      this.emptied++;
      const healthy = this.#ofService(service).filter((key) =>
        this.#ledger.wasAlways(key, 'in', at - reasonWithin, at),
      );
      if (healthy.length > 0) {
        this.#violation(`${handle}: the list became empty while ${healthy.join(', ')} was healthy`, at);
      }
    }
    watched.list = next;
  }

  /** Now and then: does each list show what has been true for long enough? */
  compare(now: number): void {
    for (const { plan, list, since, reported } of this.#watched.values()) {
      const from = now - convergence[plan.discovery];
      if (since > from || !this.#ledger.calmSince(from)) continue;
      const keys = this.#ofService(plan.service);
      const empty = !keys.some((key) => this.#ledger.wasAlways(key, 'in', from, now));
      // Where nothing is left the last list is held: nobody leaves before that is over.
      const goneFrom = empty ? from - plan.holdEmpty : from;
      for (const key of keys) {
        const listed = list.has(key.slice(key.indexOf('|') + 1));
        const wrong = listed
          ? this.#ledger.calmSince(goneFrom) && this.#ledger.wasAlways(key, 'out', goneFrom, now)
          : this.#ledger.wasAlways(key, 'in', from, now);
        if (!wrong) reported.delete(key);
        else if (!reported.has(key)) {
          reported.add(key);
          const what = listed ? 'is still listed, and gone' : 'is not listed, and healthy';
          this.#violation(`${plan.id}: ${key} ${what} for at least ${now - from} ms`, now);
        }
      }
    }
  }

  /** Lists that are empty now. */
  get empty(): number {
    return [...this.#watched.values()].filter(({ list }) => list.size === 0).length;
  }

  violation(text: string): void {
    this.#violation(text, Date.now());
  }

  #violation(text: string, at: number): void {
    const line = `${new Date(at).toISOString().slice(11, 23)} ${text}`;
    this.violations.push(line);
    console.log(`VIOLATION ${line}`);
  }

  #ofService(service: string): string[] {
    return [...this.#ledger.instances()].filter((key) => key.startsWith(`${service}|`));
  }
}
