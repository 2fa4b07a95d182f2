import { LRUCache } from 'lru-cache';
import { canonicalName, parseServiceName, type ServiceName } from '../dns/name.ts';

/**
 * What an algorithm has to remember of each name, made at its first use. Of the 10 000 names used last: losing the rest makes
 * the algorithm start anew there, so nothing in it may be needed for being right.
 *
 * @throws (the function it returns) InvalidNameError
 */
export function perName<T extends object>(make: () => T): (name: ServiceName) => T {
  // A bound by size where every entry has size 1: a bound by number would allocate all its places now.
  const memory = new LRUCache<string, T>({ maxSize: 10_000, sizeCalculation: () => 1 });
  return (name) => {
    const key = canonicalName(typeof name === 'object' && name !== null ? name : parseServiceName(name));
    let known = memory.get(key);
    if (known === undefined) {
      known = make();
      memory.set(key, known);
    }
    return known;
  };
}
