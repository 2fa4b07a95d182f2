import type { Clock } from './clock.ts';

/** Fewer services than this going empty together may well be what somebody did on purpose. */
const fewest = 3;
/** "Together", in ms. Longer than any refresh interval by default, so all services of a discovery are asked within it. */
const moments = 60_000;
/** So long the others are given to show that they are well, where those that went empty are not the most of all. */
const hearing = 5_000;
/** Looking at all services costs O(n): done at most so often, in ms. */
const lookEvery = 250;

/**
 * Tells one service that lost its instances from a broken view of all of them.
 *
 * Consul answers NXDOMAIN for a service without a healthy instance, and also for every name it may not read: when a
 * token expires, or an agent loses its checks, most services of a discovery vanish within moments. That is an error, not an
 * emptiness. It is taken for one when at least three services, and more than those that were answered with a list
 * since, went empty together; it is over as soon as that is no longer so.
 */
export class Disappearances {
  readonly #clock: Clock;
  /** When each service last had a list. */
  readonly #listed = new Map<string, number>();
  /** Since when each service that had a list is answered by nothing. */
  readonly #vanished = new Map<string, number>();
  /** Those that went empty together, and those that followed; none while it is not general. */
  readonly #group = new Set<string>();
  /** How many of the group are empty still. */
  #still = 0;
  /** Outside the group, and answered with a list since it began. */
  readonly #well = new Set<string>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether most services are empty together now. */
  get general(): boolean {
    return this.#group.size > 0;
  }

  listed(key: string): void {
    this.#listed.set(key, this.#clock.now());
    if (this.general && !this.#group.has(key)) this.#well.add(key);
    if (this.#vanished.delete(key) && this.#group.has(key)) this.#still--;
    this.#endIfOver();
  }

  /** A service that had a list is answered by nothing. Returns whether that is taken for an error of all. */
  vanished(key: string): boolean {
    if (!this.#listed.has(key)) return false;
    const now = this.#clock.now();
    if (!this.#vanished.has(key)) {
      this.#vanished.set(key, now);
      // One of the group that was back for a while.
      if (this.#group.has(key)) this.#still++;
    }
    if (this.general) this.#join(key);
    else if (this.#vanished.size === fewest || now - this.#lookedAt >= lookEvery) this.#look(now);
    return this.#group.has(key);
  }

  gone(key: string): void {
    if (this.#vanished.delete(key) && this.#group.has(key)) this.#still--;
    this.#group.delete(key);
    this.#well.delete(key);
    this.#listed.delete(key);
    this.#endIfOver();
  }

  #look(now: number): void {
    this.#lookedAt = now;
    const together = [...this.#vanished].filter(([, since]) => now - since <= moments);
    if (together.length < fewest) return;
    const began = together.reduce((earliest, [, at]) => Math.min(earliest, at), now);
    let well = 0;
    let unheard = 0;
    for (const [key, at] of this.#listed) {
      if (this.#vanished.has(key)) continue;
      if (at >= began) well++;
      else unheard++;
    }
    const waiting = now - began < hearing ? unheard : 0;
    if (together.length <= well + waiting) return;
    for (const [key] of together) this.#join(key);
    for (const [key, at] of this.#listed) if (at >= began && !this.#vanished.has(key)) this.#well.add(key);
  }

  #join(key: string): void {
    if (this.#group.has(key)) return;
    this.#group.add(key);
    this.#well.delete(key);
    this.#still++;
  }

  #endIfOver(): void {
    const most = this.#still > Math.max(this.#well.size, this.#group.size / 2);
    if (!this.general || (most && this.#group.size >= fewest)) return;
    this.#group.clear();
    this.#well.clear();
    this.#still = 0;
  }
}
