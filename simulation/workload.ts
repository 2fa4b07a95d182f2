import { createRandom, type Random } from '../src/random.ts';
import type { Request } from './client.ts';
import { standardExponential } from './distributions.ts';
import type { Case } from './scenario.ts';

/** Different users, say, whose requests a consistent hash keeps together; all equally active. */
const keys = Array.from({ length: 10_000 }, (_, i) => `user-${i}`);

/** The same requests at the same times from the same clients, whoever chooses the servers. */
export class Workload {
  readonly #plan: Case;
  readonly #rate: number;
  readonly #arrivals: Random;
  readonly #work: Random;

  constructor(plan: Case, seed: number) {
    this.#plan = plan;
    const { servers, work, load, longPolls } = plan;
    const capacity = servers.reduce(
      (sum, { slots, speed, joins = 0, failsAfter }) =>
        sum + (joins > 0 || failsAfter !== undefined ? 0 : slots * speed),
      0,
    );
    if (capacity === 0)
      throw new RangeError('no server that is listed at the begin works: there is nothing to load');
    this.#rate = (load * capacity) / work.mean / (1 - (longPolls?.share ?? 0));
    this.#arrivals = createRandom(seed);
    this.#work = createRandom(seed ^ 0x5bd1e995);
  }

  /** Requests per ms, on the average. */
  get rate(): number {
    return this.#rate;
  }

  /** Ms until the next request, counted from `now`. */
  gap(now: number): number {
    const { bursts } = this.#plan;
    let left = standardExponential(this.#arrivals);
    if (bursts === undefined) return left / this.#rate;
    // A Poisson process whose rate steps up and down: what is left of the unit exponential is used up at the rate of each piece.
    const { period, length, times } = bursts;
    const low = (this.#rate * period) / (period - length + times * length);
    for (let at = now; ; ) {
      const phase = at % period;
      const inBurst = phase < length;
      const rate = inBurst ? low * times : low;
      const until = at - phase + (inBurst ? length : period);
      if (left <= (until - at) * rate) return at + left / rate - now;
      left -= (until - at) * rate;
      at = until;
    }
  }

  /** Which of the clients it comes to. */
  client(): number {
    return this.#arrivals.below(this.#plan.clients);
  }

  request(): Request {
    const { work, longPolls } = this.#plan;
    const poll = longPolls !== undefined && this.#work.fraction() < longPolls.share;
    return {
      poll,
      work: poll ? longPolls.length : work.draw(this.#work),
      key: keys[this.#work.below(keys.length)]!,
    };
  }
}
