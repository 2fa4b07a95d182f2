import type { Watcher } from './simulate.ts';
import { Sample } from './statistics.ts';

interface Piece {
  sent: number;
  watched: number;
  readonly times: Sample;
}

/** How one run went over time, in pieces of equal length. */
export class Timeline implements Watcher {
  readonly #width: number;
  readonly #isWatched: (server: number) => boolean;
  readonly #pieces: Piece[] = [];

  /** @param isWatched the servers whose share is of interest. */
  constructor(width: number, isWatched: (server: number) => boolean) {
    this.#width = width;
    this.#isWatched = isWatched;
  }

  sent(server: number, at: number): void {
    const piece = this.#piece(at);
    piece.sent++;
    if (this.#isWatched(server)) piece.watched++;
  }

  ended(begun: number, at: number): void {
    this.#piece(begun).times.add(at - begun);
  }

  /** Seconds and the share of the watched servers. */
  get shares(): [number, number][] {
    return this.#points(({ sent, watched }) => watched / sent);
  }

  /** Seconds and the p99 of what began then, in ms. */
  get p99(): [number, number][] {
    return this.#points(({ times }) => times.quantile(0.99));
  }

  #points(value: (piece: Piece) => number): [number, number][] {
    return this.#pieces.map((piece, i) => [((i + 0.5) * this.#width) / 1_000, value(piece)]);
  }

  #piece(at: number): Piece {
    const place = Math.floor(at / this.#width);
    while (this.#pieces.length <= place) this.#pieces.push({ sent: 0, watched: 0, times: new Sample() });
    return this.#pieces[place]!;
  }
}
