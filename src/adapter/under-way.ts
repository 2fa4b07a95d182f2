/** Knows its place among those that are under way; -1: it is none of them. */
export interface Placed {
  place: number;
}

/**
 * What is under way, to be counted, waited for and ended: a set whose members know their places. O(1).
 *
 * Not a `Set`: one that gains and loses a member with each request is rebuilt by V8 again and again, each table pointing to the next. Once
 * one of them is old, all that were in later ones outlive their time, and scavenges take ten times as long.
 */
export class UnderWay<T extends Placed> {
  readonly #all: T[] = [];

  get size(): number {
    return this.#all.length;
  }

  /** A copy, since who is ended leaves. */
  get all(): readonly T[] {
    return [...this.#all];
  }

  add(one: T): void {
    one.place = this.#all.length;
    this.#all.push(one);
  }

  /** Nothing where it has left already. */
  delete(one: T): void {
    const { place } = one;
    if (place < 0) return;
    const last = this.#all.pop()!;
    if (last !== one) {
      this.#all[place] = last;
      last.place = place;
    }
    one.place = -1;
  }
}
