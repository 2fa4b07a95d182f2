import type { Clock } from '../../clock.ts';
import type { Indexes } from './indexes.ts';

export interface Entry {
  key: string;
  value: Buffer;
  flags: bigint;
  /** How often it was acquired; a write that is no acquisition sets it back to 0. */
  lockIndex: number;
  /** That holds it; '' where none does. */
  session: string;
  createIndex: number;
  modifyIndex: number;
}

export type Write = Pick<Entry, 'key' | 'value' | 'flags'>;

/** For so long a deleted key is remembered in the index of its prefixes. */
const TOMBSTONE_TTL = 900_000;

/** The KV store of one datacenter. Its keys are in the order of their bytes. */
export class KeyValues {
  readonly #table: string;
  readonly #indexes: Indexes;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #graves = new Map<string, { index: number; until: number }>();
  /** Until when nobody may acquire a key whose holder was lost. */
  readonly #delays = new Map<string, number>();

  constructor(place: string, indexes: Indexes, clock: Clock) {
    this.#table = `${place}/kv`;
    this.#indexes = indexes;
    this.#clock = clock;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  list(prefix: string): Entry[] {
    return [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix)).sort(byKey);
  }

  /** A key's own; of one that is not there, the whole store's. */
  index(key: string): number {
    return this.#entries.get(key)?.modifyIndex ?? this.#indexes.highest(this.#table);
  }

  /** The last change below a prefix, deletions included; where nothing is known of it, the whole store's. */
  prefixIndex(prefix: string): number {
    const all = this.#indexes.highest(this.#table);
    if (prefix === '') return all;
    let highest = 0;
    for (const { key, modifyIndex } of this.#entries.values())
      if (key.startsWith(prefix)) highest = Math.max(highest, modifyIndex);
    for (const [key, { index, until }] of this.#graves) {
      if (until < this.#clock.now()) this.#graves.delete(key);
      else if (key.startsWith(prefix)) highest = Math.max(highest, index);
    }
    return highest || all;
  }

  set(write: Write): void {
    const session = this.#entries.get(write.key)?.session ?? '';
    this.#put({ ...write, session, lockIndex: 0 });
  }

  /** @param index of the state that is to be replaced; 0: there is none. */
  compareAndSet(write: Write, index: number): boolean {
    if ((this.#entries.get(write.key)?.modifyIndex ?? 0) !== index) return false;
    this.set(write);
    return true;
  }

  isDelayed(key: string): boolean {
    return (this.#delays.get(key) ?? 0) > this.#clock.now();
  }

  /** Not while `isDelayed()`: that is asked before the session is looked up. */
  acquire(write: Write, session: string): boolean {
    if (this.isDelayed(write.key)) return false;
    const { session: holder = '', lockIndex = 0 } = this.#entries.get(write.key) ?? {};
    if (holder !== '' && holder !== session) return false;
    this.#put({ ...write, session, lockIndex: holder === session ? lockIndex : lockIndex + 1 });
    return true;
  }

  release(write: Write, session: string): boolean {
    const known = this.#entries.get(write.key);
    if (known === undefined || session === '' || known.session !== session) return false;
    this.#put({ ...write, session: '', lockIndex: known.lockIndex });
    return true;
  }

  delete(key: string): void {
    if (!this.#entries.has(key)) return;
    this.#indexes.write((index) => {
      this.#entries.delete(key);
      this.#bury(key, index);
    });
  }

  /** True where there is nothing to delete. */
  compareAndDelete(key: string, index: number): boolean {
    const known = this.#entries.get(key);
    if (known !== undefined && known.modifyIndex !== index) return false;
    this.delete(key);
    return true;
  }

  deleteTree(prefix: string): void {
    const found = this.list(prefix);
    if (found.length === 0) return;
    this.#indexes.write((index) => {
      for (const { key } of found) this.#entries.delete(key);
      this.#bury(prefix, index);
    });
  }

  /** What a lost session held: let go, or deleted with it; not to be acquired for `delay` ms. */
  lost(session: string, behavior: 'release' | 'delete', delay: number): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.session !== session) continue;
      if (behavior === 'delete') this.delete(entry.key);
      else this.#put({ ...entry, session: '' });
      if (delay > 0) this.#delays.set(entry.key, this.#clock.now() + delay);
    }
  }

  #put(entry: Omit<Entry, 'createIndex' | 'modifyIndex'>): void {
    const known = this.#entries.get(entry.key);
    if (known !== undefined && same(known, entry)) return;
    this.#indexes.write((index) => {
      const createIndex = known?.createIndex ?? index;
      this.#entries.set(entry.key, { ...entry, createIndex, modifyIndex: index });
      this.#indexes.touch(this.#table);
    });
  }

  #bury(key: string, index: number): void {
    this.#graves.set(key, { index, until: this.#clock.now() + TOMBSTONE_TTL });
    this.#indexes.touch(this.#table);
  }
}

function same(one: Entry, other: Omit<Entry, 'createIndex' | 'modifyIndex'>): boolean {
  return (
    one.value.equals(other.value) &&
    one.flags === other.flags &&
    one.session === other.session &&
    one.lockIndex === other.lockIndex
  );
}

function byKey(one: Entry, other: Entry): number {
  return Buffer.compare(Buffer.from(one.key), Buffer.from(other.key));
}
