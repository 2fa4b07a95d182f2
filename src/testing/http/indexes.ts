/**
 * Consul's log index, and for each table that of the last entry that changed it: what X-Consul-Index says and blocking queries
 * go by. A change inside another belongs to the same entry, as a service comes into the catalogue together with its checks.
 */
export class Indexes {
  /** What an agent's own start has written before anybody asks. */
  #last = 10;
  #open: number | undefined;
  readonly #tables = new Map<string, number>();
  readonly #watchers = new Set<() => void>();

  /** Of the last entry, 1 or more. */
  get last(): number {
    return this.#last;
  }

  write<T>(change: (index: number) => T): T {
    if (this.#open !== undefined) return change(this.#open);
    this.#open = ++this.#last;
    try {
      return change(this.#open);
    } finally {
      this.#open = undefined;
      for (const watcher of [...this.#watchers]) watcher();
    }
  }

  /** To be called within `write`. */
  touch(...tables: string[]): void {
    for (const table of tables) this.#tables.set(table, this.#open ?? this.#last);
  }

  forget(table: string): void {
    this.#tables.delete(table);
  }

  /** undefined where nothing was ever written to it. */
  of(table: string): number | undefined {
    return this.#tables.get(table);
  }

  /** The highest of several; 0 where nothing was ever written to any. */
  highest(...tables: string[]): number {
    return Math.max(0, ...tables.map((table) => this.#tables.get(table) ?? 0));
  }

  /** Called after each entry; returns what ends it. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }
}

/** The tables of one datacenter's (or peer's) catalogue. */
export function tablesOf(place: string) {
  return {
    nodes: `${place}/nodes`,
    services: `${place}/services`,
    checks: `${place}/checks`,
    /** The last instance of some service left. */
    extinction: `${place}/extinction`,
    service: (name: string) => `${place}/service/${name.toLowerCase()}`,
  };
}
