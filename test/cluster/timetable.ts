import type { Sample } from './watch.ts';

interface Cell {
  fewest: number;
  most: number;
  age: number;
  stale: boolean;
  complete: boolean;
}

/** What handles handed out, second by second. */
export class Timetable {
  readonly #titles: readonly string[];
  readonly #began = performance.now();
  readonly #rows: { cells: Map<string, Cell>; events: string[] }[] = [];

  constructor(titles: readonly string[]) {
    this.#titles = titles;
  }

  /** Something happens now. */
  event(text: string): void {
    this.#row().events.push(text);
  }

  sample(title: string, { endpoints, age, stale, complete }: Sample): void {
    const { cells } = this.#row();
    const cell = cells.get(title) ?? { fewest: endpoints, most: endpoints, age, stale, complete };
    cell.fewest = Math.min(cell.fewest, endpoints);
    cell.most = Math.max(cell.most, endpoints);
    cell.age = Math.max(cell.age, age);
    cell.stale ||= stale;
    cell.complete &&= complete;
    cells.set(title, cell);
  }

  /** Of each second: the fewest and the most endpoints, the greatest age, whether it was stale or doubtful at any time. */
  toString(): string {
    const width = Math.max(28, ...this.#titles.map((title) => title.length + 2));
    const heads = ['', ...this.#titles.map((title) => title.padEnd(width))];
    const names = ['time', ...this.#titles.map(() => columns('n', 'age', 'stale', 'complete').padEnd(width))];
    const lines = this.#rows.map(({ cells, events }, second) => [
      `${second} s`,
      ...this.#titles.map((title) => printed(cells.get(title)).padEnd(width)),
      events.join('; '),
    ]);
    return [heads, names, ...lines]
      .map(([time = '', ...rest]) => `${time.padStart(5)}  ${rest.join('  ')}`.trimEnd())
      .join('\n');
  }

  #row() {
    const second = Math.floor((performance.now() - this.#began) / 1_000);
    while (this.#rows.length <= second) this.#rows.push({ cells: new Map(), events: [] });
    return this.#rows[second]!;
  }
}

function printed(cell: Cell | undefined): string {
  if (cell === undefined) return '';
  const { fewest, most, age, stale, complete } = cell;
  const count = fewest === most ? `${most}` : `${fewest}–${most}`;
  return columns(count, `${(age / 1_000).toFixed(1)} s`, stale ? 'yes' : 'no', complete ? 'yes' : 'no');
}

function columns(count: string, age: string, stale: string, complete: string): string {
  return `${count.padStart(4)} ${age.padStart(7)} ${stale.padStart(5)} ${complete.padStart(8)}`;
}
