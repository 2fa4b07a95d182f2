import type { Clock } from '../clock.ts';

/** From a server's failure to the first question that tries it again, in ms; doubled each time it fails that too. */
const firstPause = 1_000;
const longestPause = 30_000;

interface Standing<S> {
  readonly server: S;
  failing: boolean;
  pause: number;
  tryAt: number;
  recoveredAt: number;
}

/**
 * Which server to ask first: those that answer, in the order of preference, then those that failed, in the same order. None is ever left
 * out.
 *
 * A server failed where another one then answered the same question; a question that nobody answers (a name that silences Consul,
 * a datacenter that is gone) says nothing about the servers. A failed one is tried again beside a real question, not before
 * it, after pauses that grow: a dead server costs its timeout once. When it answers, it has its place back at once; if it
 * fails again soon, its pauses go on where they were.
 */
export class ServerOrder<S> {
  readonly #clock: Clock;
  readonly #standings: readonly Standing<S>[];
  #order: readonly S[];
  #anyFailing = false;

  /** @param servers in order of preference. */
  constructor(servers: readonly S[], clock: Clock) {
    this.#clock = clock;
    this.#order = servers;
    this.#standings = servers.map((server) => ({
      server,
      failing: false,
      pause: 0,
      tryAt: 0,
      recoveredAt: Number.NEGATIVE_INFINITY,
    }));
  }

  get order(): readonly S[] {
    return this.#order;
  }

  /** @param failed those that were asked the same question before `server` and did not answer. */
  answered(server: S, failed: readonly S[] = []): void {
    if (failed.length === 0 && !this.#anyFailing) return;
    const now = this.#clock.now();
    for (const one of this.#standings) {
      if (one.server === server) this.#recovered(one);
      else if (!one.failing && failed.includes(one.server)) {
        const again = now - one.recoveredAt < longestPause;
        one.failing = true;
        one.pause = again ? Math.min(one.pause * 2, longestPause) : firstPause;
        one.tryAt = now + one.pause;
      }
    }
    this.#sort();
  }

  /** A failing server whose pause is over. The caller tries it and tells by `tried`. */
  toTry(): S | undefined {
    if (!this.#anyFailing) return undefined;
    const now = this.#clock.now();
    const due = this.#standings.find(({ failing, tryAt }) => failing && tryAt <= now);
    // Until the outcome is known, no other question tries it too.
    if (due !== undefined) due.tryAt = Number.POSITIVE_INFINITY;
    return due?.server;
  }

  tried(server: S, answered: boolean): void {
    const standing = this.#standings.find((one) => one.server === server);
    if (standing === undefined || !standing.failing) return;
    if (answered) this.#recovered(standing);
    else {
      standing.pause = Math.min(standing.pause * 2, longestPause);
      standing.tryAt = this.#clock.now() + standing.pause;
    }
    this.#sort();
  }

  #recovered(standing: Standing<S>): void {
    if (!standing.failing) return;
    standing.failing = false;
    standing.recoveredAt = this.#clock.now();
  }

  #sort(): void {
    const by = (failing: boolean) =>
      this.#standings.filter((one) => one.failing === failing).map(({ server }) => server);
    const failing = by(true);
    this.#anyFailing = failing.length > 0;
    this.#order = [...by(false), ...failing];
  }
}
