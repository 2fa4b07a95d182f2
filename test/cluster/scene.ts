import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type List, sameList } from './history.ts';
import { Timetable } from './timetable.ts';
import type { Watch, Watched } from './watch.ts';

/**
 * Once Consul itself answers so: a pause between two refreshes, failed ones included (5.5 s at most), one try without an answer
 * (1 s), and half a second for a busy machine.
 */
export const ourShare = 7_000;
/** The default, less what lies between two looks at Consul. */
const holdEmpty = 30_000 - 1_000;
/** Consul's own time is stated, not judged; beyond this something else is wrong. */
const consulShare = 60_000;

interface Change {
  readonly text: string;
  readonly item: string;
  readonly at: number;
  readonly views: readonly Watched[];
  readonly test: (list: List) => boolean;
}

/** One thing that happens to the cluster: what handles showed meanwhile, and how long each change took to come through. */
export class Scene {
  readonly #watch: Watch;
  readonly #title: string;
  readonly #views: readonly Watched[];
  readonly #timetable: Timetable;
  readonly #began = performance.now();
  readonly #changes: Change[] = [];
  readonly #stale = new Set<string>();
  #healed = this.#began;

  /** @param titles of the views that are shown. */
  constructor(watch: Watch, title: string, titles: readonly string[]) {
    this.#watch = watch;
    this.#title = title;
    this.#views = this.#named(titles);
    this.#timetable = new Timetable(titles);
    watch.onSample = (watched, sample) => {
      if (sample.stale) this.#stale.add(watched.title);
      if (this.#views.includes(watched)) this.#timetable.sample(watched.title, sample);
    };
  }

  event(text: string): void {
    this.#timetable.event(text);
  }

  /** From here on nothing stands in the way of a change. */
  healed(text: string): void {
    this.#healed = performance.now();
    this.event(text);
  }

  /** An instance was registered just now; it has to be listed by and by. */
  appears(item: string, titles: readonly string[]): void {
    this.#expect(`${item} registered`, item, titles, (list) => list.has(item));
  }

  /** An instance was deregistered just now; it has to leave by and by, and for good. */
  leaves(item: string, titles: readonly string[]): void {
    this.#watch.deregistered.add(item);
    this.#expect(`${item} deregistered`, item, titles, (list) => !list.has(item));
  }

  /** Whether what this view showed was stale at any time. */
  wasStale(title: string): boolean {
    return this.#stale.has(title);
  }

  /**
   * Waits until every change has come through and every handle is fresh again, prints what happened, and holds
   * it against what is promised.
   */
  async settle(): Promise<void> {
    const deadline = performance.now() + consulShare;
    const isOpen = ({ at, views, test }: Change) =>
      views.some(({ handle }) => handle.since(at, test) === undefined);
    while (this.#changes.some(isOpen) || this.#behind().length > 0) {
      if (performance.now() > deadline) break;
      await sleep(50);
    }
    const settled = performance.now();
    const behind = this.#behind();
    this.#watch.onSample = undefined;
    const warned = this.#watch.warnings.splice(0).map(({ code, service }) => `${code} (${service})`);
    const after = `all handles of all services fresh again after ${seconds(settled - this.#healed)}`;
    console.info(
      [
        this.#title,
        this.#timetable,
        `${this.#convergence()}\n${after}`,
        `warnings: ${warned.join(', ') || 'none'}`,
      ].join('\n\n'),
    );
    expect(this.#watch.refusals).toEqual(new Map());
    expect(this.#emptied()).toEqual([]);
    expect(behind).toEqual([]);
    expect(this.#late()).toEqual([]);
    expect(this.#unexplained()).toEqual([]);
    expect(this.#revenants()).toEqual([]);
  }

  #expect(text: string, item: string, titles: readonly string[], test: (list: List) => boolean): void {
    this.event(text);
    this.#changes.push({ text, item, at: performance.now(), views: this.#named(titles), test });
  }

  /** Where a handle asks several agents, the first that shows a change counts: one that is down costs nothing. */
  #times({ at, test }: Change, { handle, consul }: Watched) {
    const shown = consul.map((history) => history.since(at, test)).filter((since) => since !== undefined);
    return { consul: shown.length > 0 ? Math.min(...shown) : undefined, ours: handle.since(at, test) };
  }

  /** Nothing is handed out only where Consul said for all of `hold.empty` that there is nothing. */
  #emptied(): string[] {
    const isEmpty = (list: List) => list.size === 0;
    return this.#watch.watched.flatMap(({ title, handle, consul }) => {
      const emptied = handle.departures(this.#began).filter(({ left }) => left === 0);
      return emptied
        .filter(({ at }) => !consul.some((history) => history.between(at - holdEmpty, at).every(isEmpty)))
        .map(
          ({ at }) =>
            `${title} was empty at ${seconds(at - this.#began)}, though Consul had not said for 30 s that there is nothing`,
        );
    });
  }

  /** Handles that do not yet know what Consul answers now. */
  #behind(): string[] {
    return this.#watch.watched.flatMap(({ title, service, handle, consul }) => {
      if (!consul.some((history) => sameList(history.now, handle.now))) return [`${title}: another list`];
      return service.snapshot.stale ? [`${title}: stale`] : [];
    });
  }

  #late(): string[] {
    return this.#changes.flatMap((change) =>
      change.views.flatMap((view) => {
        const { consul, ours } = this.#times(change, view);
        if (consul === undefined) return [`${change.text}: ${view.title}: Consul itself does not show it`];
        if (ours !== undefined && ours - consul <= ourShare) return [];
        return [`${change.text}: ${view.title}: later than ${ourShare} ms after Consul's own answer`];
      }),
    );
  }

  /** Everything that left a handle has to have been missing in an answer of Consul shortly before. */
  #unexplained(): string[] {
    return this.#watch.watched.flatMap(({ title, handle, consul }) =>
      handle
        .departures(this.#began)
        .filter(
          ({ at, item }) =>
            !consul.some((history) =>
              history.between(at - ourShare, at + 500).some((list) => !list.has(item)),
            ),
        )
        .map(({ item }) => `${item} left ${title}, though Consul listed it all the time`),
    );
  }

  /** What was deregistered in an earlier scene must not come back. */
  #revenants(): string[] {
    const ofThis = new Set(this.#changes.map(({ item }) => item));
    const before = [...this.#watch.deregistered].filter((item) => !ofThis.has(item));
    return this.#watch.watched.flatMap(({ title, handle }) => {
      const lists = handle.between(this.#began, performance.now());
      return before
        .filter((item) => lists.some((list) => list.has(item)))
        .map((item) => `${title} lists ${item}`);
    });
  }

  /** In seconds from the beginning of the scene, as in the table above it. */
  #convergence(): string {
    const time = (at: number | undefined) => (at === undefined ? 'never' : seconds(at - this.#began));
    const changes = this.#changes.map((change) => {
      const views = change.views.map((view) => {
        const { consul, ours } = this.#times(change, view);
        return `${view.title} ${time(ours)} (Consul ${time(consul)})`;
      });
      return `${change.text} at ${time(change.at)}, shown at: ${views.join(', ')}`;
    });
    const last = new Map<string, number>();
    for (const change of this.#changes) {
      for (const view of change.views) {
        const { ours = Number.POSITIVE_INFINITY } = this.#times(change, view);
        last.set(view.title, Math.max(last.get(view.title) ?? this.#healed, ours));
      }
    }
    const all = [...last].map(([title, at]) => `${title} ${seconds(at - this.#healed)}`);
    return [...changes, `all through after (from ${time(this.#healed)} on): ${all.join(', ')}`].join('\n');
  }

  #named(titles: readonly string[]): readonly Watched[] {
    return titles.map((title) => this.#watch.watched.find((each) => each.title === title)!);
  }
}

function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1_000).toFixed(1)} s`;
}
