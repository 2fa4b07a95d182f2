import type { Outcome } from './parts.ts';

/**
 * What `failover` holds of one part, for one name. Times are the clock's, in ms.
 *
 * A part that fails is down. It is up again when it has answered well for `hold` in a row, or when it is used for want of a better one.
 */
export class Standing {
  /** The question that goes on after those who asked have left. */
  asking: Promise<Outcome> | undefined;
  /** When it failed the last time, while it is down. */
  #failedAt: number | undefined;
  #wellSince: number | undefined;

  get isUp(): boolean {
    return this.#failedAt === undefined;
  }

  note({ found }: Outcome, now: number, hold: number): void {
    if (found === undefined) {
      this.#failedAt = now;
      this.#wellSince = undefined;
    } else if (!this.isUp) {
      this.#wellSince ??= now;
      if (now - this.#wellSince >= hold) this.trust();
    }
  }

  trust(): void {
    this.#failedAt = undefined;
    this.#wellSince = undefined;
  }

  /** A failure of so long ago says nothing any more, where nobody has asked since. */
  forget(now: number, hold: number): void {
    if (this.#failedAt !== undefined && now - this.#failedAt > hold) this.trust();
  }
}
