import type { Clock, TimerHandle } from './clock.ts';
import type { ServiceName } from './dns/name.ts';
import { ServiceNotFoundError } from './errors.ts';
import { Pace } from './pace.ts';
import type { Resolution, Resolver } from './resolver/resolver.ts';

/** What a watch needs, and whom it tells. */
export interface PushSetup {
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly name: ServiceName;
  /** Something has changed. `after()` is to say what is waited for next. */
  readonly onChange: (now: Resolution | ServiceNotFoundError) => void;
  /** Waiting for a change failed: whoever asks in the usual way will learn what that means. */
  readonly onFailure: () => void;
}

/** Milliseconds from one question to the next at least: what changes meanwhile comes with the next answer. */
const leastBetween = 10;
/** However fast a list changes: 100 at that rate, then 50 a second, so that a change is never seen later than 20 ms for our sake. */
const withNews = { burst: 100, perSecond: 50 };
/** Answers that say what was known, as those of a source that is only a part of what is watched. */
const withoutNews = { burst: 10, perSecond: 5 };
/** What fails sooner was no waiting at all. In ms. */
const shortestWait = 1_000;
const longestPause = 30_000;

/**
 * Waits for the next change where a resolver can tell of it (`Resolution.token`): one question at a time, held by the resolver until then.
 * What it brings is in the list at once, instead of at the next refresh.
 *
 * A resolver that fails at once, or answers at once with the very token it was asked with, is asked again after 1 s, 2 s, 4 s … 30 s.
 */
export class Push {
  readonly #setup: PushSetup;
  readonly #withNews: Pace;
  readonly #withoutNews: Pace;
  #waiting: AbortController | undefined;
  #timer: TimerHandle | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Questions in a row that were no waiting, and until when there is a pause for that. */
  #vain = 0;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(setup: PushSetup) {
    this.#setup = setup;
    this.#withNews = new Pace(setup.clock, withNews);
    this.#withoutNews = new Pace(setup.clock, withoutNews);
  }

  /**
   * From now on what comes after `token` is told. `undefined`: nothing is.
   *
   * @param news whether the list of that token is another one than was known before. Without news a question that is being held goes on:
   * it will tell of the next change too.
   */
  after(token: string | undefined, news: boolean): void {
    const isWatching = this.#waiting !== undefined || this.#timer !== undefined;
    if (token !== undefined && isWatching && !news) return;
    this.stop();
    if (token === undefined) return;
    const { clock } = this.#setup;
    const now = clock.now();
    const pace = news ? this.#withNews : this.#withoutNews;
    const rest = Math.max(this.#askedAt + leastBetween - now, pace.next(), this.#pausedUntil - now);
    if (rest <= 0) void this.#wait(token);
    else {
      this.#timer = clock.setTimeout(() => {
        this.#timer = undefined;
        void this.#wait(token);
      }, rest);
    }
  }

  /** Gives up what is being waited for. */
  stop(): void {
    this.#setup.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting?.abort();
    this.#waiting = undefined;
  }

  async #wait(token: string): Promise<void> {
    const { clock, resolver, name, onChange, onFailure } = this.#setup;
    const waiting = new AbortController();
    this.#waiting = waiting;
    this.#askedAt = clock.now();
    const { signal } = waiting;
    let said: Resolution | ServiceNotFoundError | undefined;
    try {
      const options = { after: token, signal, background: true, continued: true };
      said = await resolver.resolve(name, options);
    } catch (error) {
      // That there is nothing any more is a change too, where its end can be told.
      if (error instanceof ServiceNotFoundError && error.token !== undefined) said = error;
    }
    if (signal.aborted) return;
    this.#waiting = undefined;
    this.#count(said !== undefined && said.token !== token);
    if (said === undefined) {
      this.#waitAgain(token);
      onFailure();
    } else onChange(said);
  }

  /** Unless somebody says meanwhile what is to be waited for: a question that is asked already may answer nothing new. */
  #waitAgain(token: string): void {
    const { clock } = this.#setup;
    const rest = Math.max(shortestWait, this.#pausedUntil - clock.now());
    this.#timer = clock.setTimeout(() => {
      this.#timer = undefined;
      void this.#wait(token);
    }, rest);
  }

  #count(well: boolean): void {
    const now = this.#setup.clock.now();
    if (well || now - this.#askedAt >= shortestWait) {
      this.#vain = 0;
      return;
    }
    this.#pausedUntil = now + Math.min(shortestWait * 2 ** this.#vain, longestPause);
    this.#vain = Math.min(this.#vain + 1, 5);
  }
}
