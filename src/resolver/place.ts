import { ServiceNotFoundError } from '../errors.ts';
import { type Hold, holdFor } from '../hold.ts';
import type { Outcome } from './parts.ts';

const none: ReadonlySet<string> = new Set();

/** One datacenter of several, as it answers for one name. Times are the clock's, in ms. */
export class Place {
  /** Whether somebody has been told that it fails; for whoever tells. */
  reported = false;
  /** Where the instances of its last list were: a prepared query may go over to other datacenters. */
  #listed: Set<string>;
  #confirmedAt: number;
  #hadInstances = false;
  #emptySince: number | undefined;

  constructor(datacenter: string, now: number) {
    this.#listed = new Set([datacenter]);
    this.#confirmedAt = now;
  }

  /**
   * Takes an answer, and says in which datacenters the instances known from earlier are to stay: none after a list; all while
   * the time that `hold` gives to such a failure, or to an emptiness after a list, is not over.
   */
  note({ found, error }: Outcome, datacenter: string, now: number, hold: Hold): ReadonlySet<string> {
    const nothing = error instanceof ServiceNotFoundError;
    if (found !== undefined) {
      this.#listed = new Set(found.addresses.flatMap((address) => address.datacenter ?? []));
      this.#listed.add(datacenter);
      this.#confirmedAt = now;
      this.#hadInstances = true;
      this.#emptySince = undefined;
      return none;
    }
    if (!nothing) return now - this.#confirmedAt < holdFor(hold, error) ? this.#listed : none;
    this.#emptySince ??= now;
    return this.#hadInstances && now - this.#emptySince < hold.empty ? this.#listed : none;
  }
}
