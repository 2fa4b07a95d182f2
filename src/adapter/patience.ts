import type { Endpoint } from '../endpoint.ts';
import type { Random } from '../random.ts';

/** Before the same endpoint is asked again, where there is no other: up to so many ms, twice as many each time, drawn at random. */
const pause = 50;
const longestPause = 1_000;

/** Milliseconds to wait before an endpoint is asked again that failed already, after so many attempts: 0…50, 0…100 … 0…1 000. */
export function backoff(attempts: number, random: Random): number {
  return Math.min(longestPause, pause * 2 ** (attempts - 1)) * random.fraction();
}

/** Which endpoints asked one request to be left alone (`Retry-After`), and until when, in the clock's time. */
export class Patience {
  readonly #until = new Map<Endpoint, number>();

  ask(endpoint: Endpoint, until: number): void {
    this.#until.set(endpoint, until);
  }

  /** Milliseconds until the first of them may be asked again. */
  before(endpoints: readonly Endpoint[], now: number): number {
    return Math.max(0, Math.min(...endpoints.map((each) => (this.#until.get(each) ?? now) - now)));
  }

  /** Who is to be left alone at that time. */
  leftAlone(now: number): Set<Endpoint> {
    return new Set([...this.#until].filter(([, until]) => until > now).map(([endpoint]) => endpoint));
  }
}
