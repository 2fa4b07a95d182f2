import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import type { Clock, TimerHandle } from '../clock.ts';
import { TryFailure, unreachable } from './try-failure.ts';

/**
 * The address of a server that is given as a host name.
 *
 * One lookup at a time: the system's resolver cannot be interrupted, and where it hangs, lookups given up and begun again would fill
 * the few threads that file access needs too. Of several addresses the first one is taken that is not known to be of no use,
 * as `localhost` may be ::1 where the agent listens on 127.0.0.1 only.
 */
export class ServerLookup {
  readonly #host: string;
  readonly #clock: Clock;
  readonly #useless = new Set<string>();
  #running: Promise<LookupAddress[]> | undefined;
  #giveUp: (reason: TryFailure) => void = () => {};

  constructor(host: string, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** For one caller at a time. @throws TryFailure, after `timeout` ms at the latest. */
  async find(timeout: number): Promise<LookupAddress> {
    this.#running ??= lookup(this.#host, { all: true }).finally(() => {
      this.#running = undefined;
    });
    const running = this.#running;
    let timer: TimerHandle | undefined;
    try {
      const found = await new Promise<LookupAddress[]>((resolve, reject) => {
        const late = () =>
          reject(new TryFailure('timeout', `${this.#host} was not resolved in ${timeout} ms`));
        timer = this.#clock.setTimeout(late, timeout);
        this.#giveUp = reject;
        running.then(resolve, (error) => reject(unreachable(error)));
      });
      return this.#choose(found);
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  /** Nothing ever came from `address`: another one first, if there is one. */
  avoid(address: string): void {
    this.#useless.add(address);
  }

  /** Ends the wait for a lookup; the lookup itself cannot be ended. */
  close(reason: TryFailure): void {
    this.#giveUp(reason);
  }

  #choose(found: readonly LookupAddress[]): LookupAddress {
    const there = new Set(found.map(({ address }) => address));
    for (const address of this.#useless) if (!there.has(address)) this.#useless.delete(address);
    if (this.#useless.size === there.size) this.#useless.clear();
    return found.find(({ address }) => !this.#useless.has(address))!;
  }
}
