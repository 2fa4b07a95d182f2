import type { Clock } from '../../clock.ts';
import type { Catalogue } from '../catalogue.ts';
import { KeyValues } from './key-values.ts';
import { Sessions } from './sessions.ts';

/** Each datacenter has a KV store and sessions of its own. */
export interface Store {
  keyValues: KeyValues;
  sessions: Sessions;
}

export class Stores {
  readonly #catalogue: Catalogue;
  readonly #clock: Clock;
  readonly #stores = new Map<string, Store>();

  constructor(catalogue: Catalogue, clock: Clock) {
    this.#catalogue = catalogue;
    this.#clock = clock;
  }

  of(datacenter: string): Store {
    const place = datacenter.toLowerCase();
    const known = this.#stores.get(place);
    if (known !== undefined) return known;
    const { indexes } = this.#catalogue.store;
    const keyValues = new KeyValues(place, indexes, this.#clock);
    const sessions = new Sessions({
      place,
      catalogue: this.#catalogue,
      indexes,
      clock: this.#clock,
      keyValues,
    });
    const store = { keyValues, sessions };
    this.#stores.set(place, store);
    return store;
  }

  close(): void {
    for (const { sessions } of this.#stores.values()) sessions.close();
  }
}
