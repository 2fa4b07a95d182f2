import type { Watcher } from './simulate.ts';
import { Sample } from './statistics.ts';

/** How one run went over time, in pieces of equal length. */
export class Timeline implements Watcher {
  readonly #width: number;
  readonly #isWatched: (server: number) => boolean;
  readonly #sent: { all: number; watched: number }[] = [];
  readonly #times: Sample[] = [];

  /** @param isWatched the servers whose share is of interest. */
  constructor(width: number, isWatched: (server: number) => boolean) {
    this.#width = width;
    this.#isWatched = isWatched;
  }

  sent(server: number, at: number): void {
    const piece = (this.#sent[Math.floor(at / this.#width)] ??= { all: 0, watched: 0 });
    piece.all++;
    if (this.#isWatched(server)) piece.watched++;
  }

  ended(begun: number, at: number): void {
    (this.#times[Math.floor(begun / this.#width)] ??= new Sample()).add(at - begun);
  }

  /** Seconds and the share of the watched servers. */
  get shares(): [number, number][] {
    return this.#points(this.#sent, ({ all, watched }) => watched / all);
  }

  /** Seconds and the p99 of what began then, in ms. */
  get p99(): [number, number][] {
    return this.#points(this.#times, (sample) => sample.quantile(0.99));
  }

  #points<T>(pieces: readonly (T | undefined)[], value: (piece: T) => number): [number, number][] {
    const points: [number, number][] = [];
    pieces.forEach((piece, i) => {
      if (piece !== undefined) points.push([((i + 0.5) * this.#width) / 1_000, value(piece)]);
    });
    return points;
  }
}
