/**
 * All that several lists show, in an order that each of them agrees with where they agree with one another: what only a later list has
 * stands behind what it follows there. The newest value of a key holds. O(total).
 */
export function mergeOrder<T>(lists: readonly ReadonlyMap<string, T>[]): ReadonlyMap<string, T> {
  const [first] = lists;
  if (first === undefined || lists.length === 1) return first ?? new Map();
  const followers = new Map<string | undefined, string[]>();
  const values = new Map<string, T>(first);
  for (const list of lists.slice(1)) {
    let before: string | undefined;
    for (const [key, value] of list) {
      if (!values.has(key)) {
        const behind = followers.get(before);
        if (behind === undefined) followers.set(before, [key]);
        else behind.push(key);
      }
      values.set(key, value);
      before = key;
    }
  }
  if (followers.size === 0) return values;
  const merged = new Map<string, T>();
  // Depth first, without recursion: chains of newcomers may be as long as the lists.
  const waiting = [...first.keys()].reverse();
  waiting.push(...(followers.get(undefined) ?? []).reverse());
  while (waiting.length > 0) {
    const key = waiting.pop()!;
    merged.set(key, values.get(key)!);
    for (const next of (followers.get(key) ?? []).reverse()) waiting.push(next);
  }
  return merged;
}
