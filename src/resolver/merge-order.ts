/**
 * All that several lists show, in an order that each of them agrees with, where they agree with one another; what a later list adds
 * stands behind what it follows there. Where they contradict one another, what was shown first goes first. The newest value of a key
 * holds. O(total).
 */
export function mergeOrder<T>(lists: readonly ReadonlyMap<string, T>[]): ReadonlyMap<string, T> {
  const [first] = lists;
  if (first === undefined || lists.length === 1) return first ?? new Map();
  const places = new Map<string, Place<T>>();
  for (const list of lists) {
    let before: Place<T> | undefined;
    for (const [key, value] of list) {
      let place = places.get(key);
      if (place === undefined) {
        place = { key, value, behind: [], waitsFor: 0, taken: false };
        places.set(key, place);
      }
      place.value = value;
      before?.behind.push(place);
      if (before !== undefined) place.waitsFor++;
      before = place;
    }
  }
  const merged = new Map<string, T>();
  const starts = [...places.values()].filter(({ waitsFor }) => waitsFor === 0);
  // What is left behind these waits for itself, because the lists contradict one another: then the first of it goes on.
  for (const start of [...starts, ...places.values()]) {
    // Depth first: what has nothing left to wait for follows at once.
    const ready = [start];
    while (ready.length > 0) {
      const place = ready.pop()!;
      if (place.taken) continue;
      place.taken = true;
      merged.set(place.key, place.value);
      for (const one of place.behind) if (--one.waitsFor === 0 && !one.taken) ready.push(one);
    }
  }
  return merged;
}

/** A key in the making of the order. */
interface Place<T> {
  readonly key: string;
  value: T;
  /** What directly follows it, once per list. */
  readonly behind: Place<T>[];
  /** How many directly precede it and are not taken yet. */
  waitsFor: number;
  taken: boolean;
}
