export type List = ReadonlySet<string>;

interface Entry {
  readonly at: number;
  readonly list: List;
}

/** The lists of one source over time, in ms of `performance.now()`: each holds until the next one. */
export class History {
  readonly #entries: Entry[] = [];

  add(list: List, at = performance.now()): void {
    if (!sameList(this.now, list)) this.#entries.push({ at, list });
  }

  get now(): List | undefined {
    return this.#entries.at(-1)?.list;
  }

  /** Those that held at some time between the two. */
  between(start: number, end: number): readonly List[] {
    const held = this.#entries.filter(({ at }, i) => at <= end && (this.#entries[i + 1]?.at ?? end) >= start);
    return held.map(({ list }) => list);
  }

  /** What left a list, when, and how many it left. */
  departures(
    start: number,
  ): readonly { readonly at: number; readonly item: string; readonly left: number }[] {
    return this.#entries.flatMap(({ at, list }, i) => {
      if (i === 0 || at < start) return [];
      const gone = [...this.#entries[i - 1]!.list].filter((item) => !list.has(item));
      return gone.map((item) => ({ at, item, left: list.size }));
    });
  }

  /** Since when `test` holds without a break, but not before `start`; `undefined` where it does not hold now. */
  since(start: number, test: (list: List) => boolean): number | undefined {
    const broken = this.#entries.findLastIndex(({ list }) => !test(list));
    const entry = this.#entries[broken + 1];
    return entry === undefined ? undefined : Math.max(start, entry.at);
  }
}

export function sameList(a: List | undefined, b: List | undefined): boolean {
  return a !== undefined && b !== undefined && a.size === b.size && [...a].every((item) => b.has(item));
}
