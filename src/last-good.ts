import { readFileSync, type Stats, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock, TimerHandle } from './clock.ts';
import type { Warnings } from './diagnostics.ts';
import { type FileContent, type KeptList, largestFile, readLists, writeLists } from './last-good-file.ts';
import type { CompleteServiceOptions } from './options.ts';
import type { LastLists } from './refresh-loop.ts';
import { replaceFile } from './replace-file.ts';
import type { Address } from './resolver/resolver.ts';
import { sameAddress } from './resolver/same-address.ts';

export interface LastGoodSetup {
  readonly file: string;
  /** A list confirmed longer ago than this is of no use, in ms. */
  readonly maxAge: number;
  readonly clock: Clock;
  readonly warnings: Warnings;
  /** Wall clock, ms since 1970: the only time that goes on between two runs. Default `Date.now`. */
  readonly now?: () => number;
}

/** A changed list is saved after so many ms, one that was only confirmed after so many. */
const soon = 1_000;
const late = 60_000;
/** Lists kept; the ones confirmed longest ago go. */
const most = 10_000;

/**
 * The last lists, in a file, so that they outlive the process.
 *
 * Never throws and never rejects: what goes wrong with the file is a warning, once until it works again. Reads it at the first need, at
 * once; writes in the background, in one step, at most once a second. Several processes may share it: names are merged, the
 * younger list of a name holds. Of two that save in the same instant one wins, until the other one saves again, a minute
 * later at the latest.
 */
export class LastGood implements LastLists {
  readonly #setup: Required<LastGoodSetup>;
  /** The longest unconfirmed first. */
  #lists: Map<string, KeptList> | undefined;
  /** Which file was last read or written, to see whether somebody else has written it since. */
  #seen = '';
  #timer: TimerHandle | undefined;
  #due = Number.POSITIVE_INFINITY;
  #saving: Promise<void> = Promise.resolve();
  /** How long saving took the last time, in ms. */
  #effort = 0;
  #closed = false;

  constructor(setup: LastGoodSetup) {
    this.#setup = { now: Date.now, ...setup, file: resolve(setup.file) };
  }

  read(key: string): { readonly addresses: readonly Address[]; readonly age: number } | undefined {
    const kept = this.#known().get(key);
    if (kept === undefined) return undefined;
    const age = this.#age(kept);
    return age <= this.#setup.maxAge ? { addresses: kept.addresses, age } : undefined;
  }

  write(key: string, addresses: readonly Address[]): void {
    if (this.#closed) return;
    const lists = this.#known();
    const known = lists.get(key);
    const at = this.#setup.now();
    const same = known !== undefined && sameAddresses(known.addresses, addresses);
    lists.delete(key);
    lists.set(key, same ? { ...known, at } : { at, addresses });
    // So that no list in the file looks much older than it is.
    this.#saveIn(same ? Math.min(late, this.#setup.maxAge / 4) : soon);
  }

  /** @internal Ends with what is being written now. */
  get saving(): Promise<void> {
    return this.#saving;
  }

  /** Writes what waits to be written. */
  async flush(): Promise<void> {
    if (this.#due < Number.POSITIVE_INFINITY) this.#save();
    await this.#saving;
  }

  /** Writes what waits to be written, and takes nothing more. Idempotent. */
  close(): Promise<void> {
    this.#closed = true;
    return this.flush();
  }

  #known(): Map<string, KeptList> {
    this.#lists ??= this.#load();
    return this.#lists;
  }

  #load(): Map<string, KeptList> {
    const { file } = this.#setup;
    try {
      const mark = markOf(statSync(file));
      const lists = new Map(this.#understood(readFileSync(file, 'utf8')));
      this.#seen = mark;
      return lists;
    } catch (error) {
      if (!isMissing(error)) this.#warn('could not be read, so there are no lists of an earlier run', error);
      return new Map();
    }
  }

  #saveIn(delay: number): void {
    // A warning may have been the reason to close.
    if (this.#closed) return;
    const { clock } = this.#setup;
    // Never more than a twentieth of the time.
    const due = clock.now() + Math.max(delay, 20 * this.#effort);
    if (due >= this.#due) return;
    clock.clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = clock.setTimeout(() => this.#save(), due - clock.now());
  }

  #save(): void {
    this.#setup.clock.clearTimeout(this.#timer);
    this.#due = Number.POSITIVE_INFINITY;
    this.#saving = this.#saving.then(() => this.#saveNow());
  }

  async #saveNow(): Promise<void> {
    const { file, clock, warnings } = this.#setup;
    const started = clock.now();
    try {
      await this.#takeInOthers();
      this.#seen = markOf(await replaceFile(file, this.#text()));
      warnings.over('LAST_GOOD_FAILED');
    } catch (error) {
      this.#warn('could not be written', error);
      this.#saveIn(late);
    }
    this.#effort = clock.now() - started;
  }

  /** What another process has written since. */
  async #takeInOthers(): Promise<void> {
    const { file } = this.#setup;
    try {
      const mark = markOf(await stat(file));
      if (mark === this.#seen) return;
      const theirs = this.#understood(await readFile(file, 'utf8'));
      const ours = this.#known();
      for (const [key, list] of theirs) {
        const own = ours.get(key);
        if (own === undefined || this.#age(list) < this.#age(own)) ours.set(key, list);
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  #text(): string {
    const young = [...this.#known()].filter(([, list]) => this.#age(list) <= this.#setup.maxAge);
    young.sort(([, a], [, b]) => this.#age(b) - this.#age(a));
    const withJson = ([key, list]: [string, KeptList]): [string, KeptList] => [
      key,
      { ...list, json: list.json ?? JSON.stringify(list.addresses) },
    ];
    this.#lists = new Map(young.slice(-most).map(withJson));
    return writeLists(this.#lists);
  }

  /** A time from the future is one of a clock that was set back: as far off as it is, so old may the list be. */
  #age({ at }: KeptList): number {
    return Math.abs(this.#setup.now() - at);
  }

  #understood(text: string): FileContent['lists'] {
    const { lists, complaint } = readLists(text);
    if (complaint !== undefined)
      this.#warn('is of no use as it is, and will be replaced', new Error(complaint));
    return lists;
  }

  #warn(what: string, cause: unknown): void {
    const message = `lastGood: ${this.#setup.file} ${what}. ${cause instanceof Error ? cause.message : cause}`;
    this.#setup.warnings.once({ code: 'LAST_GOOD_FAILED', message, cause });
  }
}

/** Those of a service: asked for in another way it has another list, also in other programs that share the file. */
export function listsFor(
  lists: LastLists,
  settings: Pick<CompleteServiceOptions, 'family' | 'port' | 'datacenters' | 'subset'>,
): LastLists {
  const { family, port, datacenters, subset } = settings;
  const way = JSON.stringify({ ...(family !== 'any' && { family }), port, datacenters, subset });
  const named = (key: string) => (way === '{}' ? key : `${key} ${way}`);
  return {
    read: (key) => lists.read(named(key)),
    write: (key, addresses) => lists.write(named(key), addresses),
  };
}

/** Tells a file from what may come to stand in its place. */
function markOf(stats: Stats): string {
  if (!stats.isFile()) throw new Error('It is not a file.');
  if (stats.size > largestFile) throw new Error(`It has ${stats.size} bytes, more than any of ours.`);
  return `${stats.dev} ${stats.ino} ${stats.mtimeMs} ${stats.size}`;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** In whatever order: Consul shuffles. O(n), and called at every refresh, so no key is put together for it. */
function sameAddresses(before: readonly Address[], now: readonly Address[]): boolean {
  if (before.length !== now.length) return false;
  const byHost = new Map<string, Map<number, Address>>();
  for (const address of before) {
    const { host, port } = address;
    const byPort = byHost.get(host);
    if (byPort === undefined) byHost.set(host, new Map([[port, address]]));
    else byPort.set(port, address);
  }
  return now.every((address) => {
    const twin = byHost.get(address.host)?.get(address.port);
    return twin !== undefined && sameAddress(twin, address);
  });
}
