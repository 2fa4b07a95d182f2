import type { Clock, TimerHandle } from './clock.ts';
import type { ServiceName } from './dns/name.ts';
import type { Resolution, Resolver } from './resolver/resolver.ts';

/** What a watch needs, and whom it tells. */
export interface PushSetup {
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly name: ServiceName;
  /** Something has changed. */
  readonly onChange: (resolution: Resolution) => void;
  /** Waiting for a change failed: whoever asks in the usual way will learn what that means. */
  readonly onFailure: () => void;
}

/** A resolver that calls every question a change is not to make a loop without rest: so long from one to the next, in ms. */
const leastBetween = 10;

/**
 * Waits for the next change where a resolver can tell of it (`Resolution.token`): one question at a time, held by the resolver until then.
 * What it brings is in the list at once, instead of at the next refresh.
 */
export class Push {
  readonly #setup: PushSetup;
  #waiting: AbortController | undefined;
  /** What is waited for to be different. */
  #token: string | undefined;
  #timer: TimerHandle | undefined;
  #asked = Number.NEGATIVE_INFINITY;

  constructor(setup: PushSetup) {
    this.#setup = setup;
  }

  /** From now on what comes after `token` is told, in place of what was waited for before. `undefined`: nothing is. */
  after(token: string | undefined): void {
    if (token !== undefined && token === this.#token) return;
    this.stop();
    if (token === undefined) return;
    this.#token = token;
    const { clock } = this.#setup;
    const rest = this.#asked + leastBetween - clock.now();
    if (rest > 0) this.#timer = clock.setTimeout(() => void this.#wait(token), rest);
    else void this.#wait(token);
  }

  stop(): void {
    this.#setup.clock.clearTimeout(this.#timer);
    this.#waiting?.abort();
    this.#waiting = undefined;
    this.#token = undefined;
  }

  async #wait(token: string): Promise<void> {
    const { clock, resolver, name, onChange, onFailure } = this.#setup;
    const waiting = new AbortController();
    this.#waiting = waiting;
    this.#asked = clock.now();
    const { signal } = waiting;
    try {
      const resolution = await resolver.resolve(name, {
        after: token,
        signal,
        background: true,
        continued: true,
      });
      if (signal.aborted) return;
      this.#token = undefined;
      onChange(resolution);
    } catch {
      if (signal.aborted) return;
      this.#token = undefined;
      onFailure();
    }
  }
}
