import type { Clock } from '../clock.ts';
import { TryFailure } from './try-failure.ts';

/** More at once overrun the receive buffers on both sides; Consul answers fastest at about this many. */
const most = 64;
/** Fewer would let a few names on which Consul is silent hold up the others. */
const fewest = 16;

interface Waiter {
  readonly go: () => void;
  readonly refuse: (reason: unknown) => void;
}

/**
 * How many questions go to one server by one way at a time; the others wait in line, first come first served.
 *
 * A list of hundreds of instances takes Consul tens of milliseconds: 64 such questions at once are all answered too late, asked again,
 * and too late again. So the window begins small, grows while somebody waits and answers come in less than half of
 * their time, and is halved when they do not.
 *
 * When `most` questions in a row time out, the server is taken for dead, and who waits in line is told so: they would find out no earlier
 * one after the other.
 */
export class InFlight {
  readonly #clock: Clock;
  readonly #line = new Set<Waiter>();
  #inFlight = 0;
  #window = fewest;
  /** Before the first sign of too many, the window doubles with each round of answers; then it grows by one. */
  #wasTooWide = false;
  #narrowedAt = Number.NEGATIVE_INFINITY;
  #answeredAt = Number.NEGATIVE_INFINITY;
  /** Timeouts since the last answer. */
  #lost = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs `ask` in its turn.
   * @param timeout of `ask`, in ms.
   * @throws what `ask` does; TryFailure where it had no turn; the signal's reason.
   */
  async run<T>(ask: () => Promise<T>, timeout: number, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    if (this.#inFlight < Math.floor(this.#window)) this.#inFlight++;
    else await this.#turn(signal);
    const started = this.#clock.now();
    try {
      signal?.throwIfAborted();
      const reply = await ask();
      this.#answered(started, timeout);
      return reply;
    } catch (error) {
      if (error instanceof TryFailure && error.kind === 'timeout') this.#timedOut(started, error);
      throw error;
    } finally {
      this.#inFlight--;
      this.#admit();
    }
  }

  /** Sends everybody away who waits in line. */
  refuse(reason: TryFailure): void {
    for (const { refuse } of [...this.#line]) refuse(reason);
  }

  #answered(started: number, timeout: number): void {
    const now = this.#clock.now();
    this.#answeredAt = now;
    this.#lost = 0;
    if (now - started > timeout / 2) this.#narrow(started);
    else if (this.#line.size > 0)
      this.#window = Math.min(most, this.#window + (this.#wasTooWide ? 1 / this.#window : 1));
  }

  #timedOut(started: number, failure: TryFailure): void {
    if (this.#answeredAt > started) {
      this.#narrow(started);
      return;
    }
    this.#lost++;
    // Is it the server, or were these names on which it is silent? Others will tell.
    if (this.#lost < most) this.#window = most;
    else {
      this.#window = fewest;
      this.refuse(failure);
    }
  }

  /** Once for all that were under way together. */
  #narrow(started: number): void {
    if (started < this.#narrowedAt) return;
    this.#narrowedAt = this.#clock.now();
    this.#wasTooWide = true;
    this.#window = Math.max(fewest, this.#window / 2);
  }

  #admit(): void {
    for (const { go } of this.#line) {
      if (this.#inFlight >= Math.floor(this.#window)) return;
      this.#inFlight++;
      go();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#line.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        go: () => {
          leave();
          resolve();
        },
        refuse: (reason) => {
          leave();
          reject(reason);
        },
      };
      const onAbort = () => waiter.refuse(signal?.reason);
      this.#line.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}
