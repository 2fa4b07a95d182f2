import type { Clock, TimerHandle } from './clock.ts';

/**
 * How many questions all services of a discovery together ask in the background.
 *
 * Services with refresh intervals i₁ … iₙ ask Σ 1/i questions a second on average. What happens at one moment to many of them (an
 * idle program wakes up, Consul comes back after an outage) would bring all those questions together, and again at each
 * refresh after it. So they take turns: a quarter more a second than that mean, as long as that is within `rate`. When more are due,
 * they wait in the order in which they came due, so that all intervals stretch alike. A few at once never wait.
 *
 * Questions that are not asked in turn (the first of a service, and what somebody awaits) are not held up; they count, for
 * at most one second of the others. All operations are O(1).
 */
export class RefreshBudget {
  readonly #clock: Clock;
  readonly #rate: number;
  /** Those that wait, between its `next` and its `previous`. */
  readonly #ends: Turn = new Turn(() => {}, 0);
  /** Σ 1/i of the services that ask, in questions per 10⁹ ms: whole numbers, so that adding and taking away never drifts. */
  #wanted = 0;
  #tokens: number;
  /** How many questions out of turn may still count. */
  #spendable = 0;
  #countedAt: number;
  #underWay = 0;
  #timer: TimerHandle | undefined;

  /** @param rate questions per second, or Infinity: then nothing waits. */
  constructor(clock: Clock, rate: number) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = this.#most;
    this.#countedAt = clock.now();
    this.#spendable = this.#pace;
  }

  /** Milliseconds by which the question that waits longest is late; 0 while none waits. */
  get lag(): number {
    const first = this.#ends.next;
    return first === this.#ends ? 0 : this.#clock.now() - first.since;
  }

  /** A service changes its interval from `before` to `after`, in ms; Infinity while it does not ask. */
  plan(before: number, after: number): void {
    this.#count();
    this.#wanted += Math.round(1e9 / Math.max(1, after)) - Math.round(1e9 / Math.max(1, before));
  }

  /**
   * Calls `ask` when it may be asked. `answered()` is to follow, whatever came of it.
   * @returns its place among those that wait; `undefined` where it has been called already.
   */
  enter(ask: () => void): Turn | undefined {
    const turn = new Turn(ask, this.#clock.now());
    turn.joinBefore(this.#ends);
    this.#serve();
    return turn.waits ? turn : undefined;
  }

  /** Gives up a place. */
  leave(turn: Turn): void {
    turn.leave();
    if (this.#ends.next !== this.#ends) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** A question that was asked in its turn is over. */
  answered(): void {
    this.#underWay--;
    this.#serve();
  }

  /** A question is asked out of turn. */
  spend(): void {
    this.#count();
    // At most half of what comes in: who is awaited all the time must not starve those who are not.
    const most = this.#spendable;
    if (most < enough) return;
    this.#spendable--;
    this.#tokens = Math.max(this.#tokens - 1, -this.#pace);
  }

  /** Questions per second now. */
  get #pace(): number {
    return Math.min(this.#rate, Math.max(leastPace, (headroom * this.#wanted) / 1e6));
  }

  /** Questions that may go together after a pause: enough for a small program's services, little beside a large one's second. */
  get #most(): number {
    return Math.max(1, Math.min(this.#rate, Math.max(burst, burstTime * this.#pace)));
  }

  #count(): void {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#most, this.#tokens + ((now - this.#countedAt) / 1_000) * this.#pace);
    this.#spendable = Math.min(this.#pace, this.#spendable + ((now - this.#countedAt) / 2_000) * this.#pace);
    this.#countedAt = now;
  }

  #serve(): void {
    this.#count();
    const unlimited = this.#rate === Number.POSITIVE_INFINITY;
    for (let turn = this.#ends.next; turn !== this.#ends; turn = this.#ends.next) {
      if (!unlimited && (this.#tokens < enough || this.#underWay >= underWayLimit)) break;
      turn.leave();
      this.#tokens--;
      this.#underWay++;
      turn.ask();
    }
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    // An answer comes back here where too many are under way.
    if (this.#ends.next === this.#ends || this.#underWay >= underWayLimit) return;
    this.#timer = this.#clock.setTimeout(() => this.#serve(), ((1 - this.#tokens) / this.#pace) * 1_000);
  }
}

const headroom = 1.25;
/** Per second, however few services there are and however seldom they ask. */
const leastPace = 100;
const burst = 32;
/** In seconds: longer than a timer is late. */
const burstTime = 0.03;
/** A token, but for what adding up fractions leaves. */
const enough = 1 - 1e-9;
/** Twice what the UDP transport has in flight: where nobody answers, the rest waits here and comes back at the pace, not at once. */
const underWayLimit = 128;

/** @internal A question that waits for its turn: a link of a ring. */
export class Turn {
  readonly ask: () => void;
  /** When it came due, in the clock's time. */
  readonly since: number;
  #previous: Turn = this;
  #next: Turn = this;

  constructor(ask: () => void, since: number) {
    this.ask = ask;
    this.since = since;
  }

  get next(): Turn {
    return this.#next;
  }

  get waits(): boolean {
    return this.#next !== this;
  }

  joinBefore(other: Turn): void {
    this.#previous = other.#previous;
    this.#next = other;
    other.#previous.#next = this;
    other.#previous = this;
  }

  leave(): void {
    this.#previous.#next = this.#next;
    this.#next.#previous = this.#previous;
    this.#previous = this;
    this.#next = this;
  }
}
