import { describe, expect, it } from 'vitest';
import { First } from '../../src/balancer/first.ts';
import { address, lists, picks } from '../lists.ts';

describe('first', () => {
  it("keeps an ordered query's order, whatever the addresses", () => {
    const balancer = new First();
    balancer.update(
      lists()([address('c', { rank: 0 }), address('a', { rank: 1 }), address('b', { rank: 2 })]),
    );
    expect(picks(balancer, 3)).toBe('ccc');
  });

  it('takes the next in that order where the first may not be chosen', () => {
    const balancer = new First();
    const snapshot = lists()([
      address('c', { rank: 0 }),
      address('a', { rank: 1 }),
      address('b', { rank: 2 }),
    ]);
    balancer.update(snapshot);
    const [a, b, c] = snapshot.endpoints;
    expect(balancer.pick(undefined, new Set([c!]))).toBe(a);
    expect(balancer.pick(undefined, new Set([c!, a!]))).toBe(b);
    expect(balancer.pick(undefined, new Set([a!, b!, c!]))).toBe(undefined);
  });

  it('follows when the order changes', () => {
    const balancer = new First();
    const next = lists();
    balancer.update(next([address('a', { rank: 0 }), address('b', { rank: 1 })]));
    balancer.update(next([address('a', { rank: 1 }), address('b', { rank: 0 })]));
    expect(picks(balancer, 2)).toBe('bb');
  });

  it('takes the lowest priority where there is no such order', () => {
    const balancer = new First();
    balancer.update(lists()([address('a', { priority: 2 }), address('b'), address('c')]));
    expect(picks(balancer, 2)).toBe('bb');
  });
});
