import type { Endpoint } from '../../endpoint.ts';
import type { Service } from '../../service.ts';

/**
 * Which addresses are in the list of a service that an agent uses: an instance may be one of several services, and its connections are
 * theirs together.
 */
export class Listed {
  readonly #gone: (addresses: ReadonlySet<string>) => void;
  /** By how many services. */
  readonly #counts = new Map<string, number>();
  readonly #followed = new Map<Service, () => void>();

  /** @param gone called with those that no service lists any more. */
  constructor(gone: (addresses: ReadonlySet<string>) => void) {
    this.#gone = gone;
  }

  /** O(1) for a service that is followed already. */
  follow(service: Service): void {
    if (this.#followed.has(service)) return;
    const own = new Set<string>();
    this.#add(own, service.endpoints);
    const end = service.follow({
      changed: ({ added, removed }) => {
        this.#add(own, added);
        this.#remove(
          own,
          removed.map(({ address }) => address),
        );
      },
      closed: () => {
        this.#followed.delete(service);
        this.#remove(own, [...own]);
      },
    });
    this.#followed.set(service, end);
  }

  has(address: string): boolean {
    return this.#counts.has(address);
  }

  /** Follows nobody any more, and says nothing of those who are gone by that. */
  clear(): void {
    for (const end of this.#followed.values()) end();
    this.#followed.clear();
    this.#counts.clear();
  }

  #add(own: Set<string>, endpoints: readonly Endpoint[]): void {
    for (const { address } of endpoints) {
      if (own.has(address)) continue;
      own.add(address);
      this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
    }
  }

  #remove(own: Set<string>, addresses: readonly string[]): void {
    const gone = new Set<string>();
    for (const address of addresses) {
      if (!own.delete(address)) continue;
      const count = this.#counts.get(address)! - 1;
      if (count > 0) this.#counts.set(address, count);
      else {
        this.#counts.delete(address);
        gone.add(address);
      }
    }
    if (gone.size > 0) this.#gone(gone);
  }
}
