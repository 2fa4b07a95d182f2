import { describe, expect, it } from 'vitest';
import { LeastUsed } from '../../src/balancer/least-used.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { createRandom } from '../../src/random.ts';
import { address, context, letterOf, lists, picks } from '../lists.ts';

const letters = (text: string) => [...text].map((letter) => address(letter));
const counts = (endpoints: readonly Endpoint[]) => endpoints.map(({ picks }) => picks);

describe('least-used', () => {
  it('picks everyone equally often', () => {
    const balancer = new LeastUsed(context());
    const { endpoints, ...rest } = lists()(letters('abcde'));
    balancer.update({ endpoints, ...rest });
    picks(balancer, 52);
    expect(counts(endpoints).sort()).toEqual([10, 10, 10, 11, 11]);
  });

  it('starts a newcomer at the minimum of the others, not at 0', () => {
    const balancer = new LeastUsed(context());
    const next = lists();
    balancer.update(next(letters('ab')));
    picks(balancer, 101);
    const snapshot = next(letters('abc'));
    balancer.update(snapshot);
    expect(counts(snapshot.endpoints).sort()).toEqual([50, 50, 51]);
    // Two stand at 50, the newcomer among them: they are the next two, each once.
    expect(new Set(picks(balancer, 2)).size).toBe(2);
    expect(counts(snapshot.endpoints)).toEqual([51, 51, 51]);
  });

  it('lets one come back at the larger of its own count and the minimum (T33)', () => {
    const balancer = new LeastUsed(context());
    const next = lists();
    balancer.update(next(letters('abc')));
    picks(balancer, 30);
    balancer.update(next(letters('ab')));
    picks(balancer, 100);
    const snapshot = next(letters('abc'));
    balancer.update(snapshot);
    expect(counts(snapshot.endpoints)).toEqual([60, 60, 60]);
  });

  it('keeps its counts through refreshes that change nothing but the order', () => {
    const balancer = new LeastUsed(context());
    const next = lists();
    const first = next(letters('abcd'));
    balancer.update(first);
    let seen = '';
    for (let round = 0; round < 12; round++) {
      balancer.update(next(letters(round % 2 === 0 ? 'dcba' : 'abcd')));
      seen += picks(balancer, 1);
    }
    expect(counts(first.endpoints)).toEqual([3, 3, 3, 3]);
    expect(seen).toHaveLength(12);
  });

  it('replaces a whole fleet without giving any of the new ones a burst', () => {
    const balancer = new LeastUsed(context());
    const next = lists();
    balancer.update(next(letters('ab')));
    picks(balancer, 40);
    balancer.update(next(letters('cd')));
    picks(balancer, 10);
    const snapshot = next(letters('abcd'));
    balancer.update(snapshot);
    const before = counts(snapshot.endpoints);
    picks(balancer, 40);
    const gained = counts(snapshot.endpoints).map((count, i) => count - before[i]!);
    expect(
      Math.max(...counts(snapshot.endpoints)) - Math.min(...counts(snapshot.endpoints)),
    ).toBeLessThanOrEqual(1);
    expect(Math.max(...gained)).toBeLessThanOrEqual(25);
  });

  it('chooses, with exclusions, exactly the least used of the rest', () => {
    const random = createRandom(5);
    const balancer = new LeastUsed(context(5));
    const snapshot = lists()(letters('abcdefg'));
    balancer.update(snapshot);
    for (let round = 0; round < 20_000; round++) {
      const exclude = new Set(snapshot.endpoints.filter(() => random.below(3) === 0));
      const open = snapshot.endpoints.filter((endpoint) => !exclude.has(endpoint));
      const least = Math.min(...counts(open));
      const before = new Map(snapshot.endpoints.map((endpoint) => [endpoint, endpoint.picks]));
      const picked = random.below(2) === 0 ? balancer.pick(undefined, exclude) : balancer.pick();
      if (picked === undefined) {
        expect(open).toEqual([]);
        continue;
      }
      const allowed = exclude.has(picked)
        ? Math.min(...before.values())
        : Math.max(least, before.get(picked)!);
      expect(before.get(picked)).toBe(allowed);
      expect(picked.picks).toBe(before.get(picked)! + 1);
    }
  });

  it('over 10⁶ picks with endpoints joining, leaving and coming back differs by at most 1 among those always there', () => {
    const random = createRandom(11);
    const balancer = new LeastUsed(context(11));
    const next = lists();
    const always = 'abcd';
    const others = 'efghijklmnop';
    let picked = 0;
    let present = new Set<string>();
    let largestBurst = 0;
    while (picked < 1_000_000) {
      const some = [...others].filter(() => random.below(2) === 0).join('');
      const snapshot = next(letters(always + some));
      balancer.update(snapshot);
      const returned = new Set([...some].filter((letter) => !present.has(letter)));
      present = new Set(some);
      const seen = new Map<string, number>();
      const batch = 1 + random.below(2_000);
      for (let i = 0; i < batch; i++) {
        const letter = letterOf(balancer.pick()?.host);
        seen.set(letter, (seen.get(letter) ?? 0) + 1);
      }
      picked += batch;
      const fair = Math.ceil(batch / snapshot.endpoints.length);
      for (const letter of returned) largestBurst = Math.max(largestBurst, (seen.get(letter) ?? 0) - fair);
      const steady = counts(snapshot.endpoints.slice(0, 4));
      expect(Math.max(...steady) - Math.min(...steady)).toBeLessThanOrEqual(1);
    }
    expect(largestBurst).toBeLessThanOrEqual(1);
  });
});
