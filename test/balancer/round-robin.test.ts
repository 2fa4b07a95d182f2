import { describe, expect, it } from 'vitest';
import { RoundRobin } from '../../src/balancer/round-robin.ts';
import { address, context, lists, picks } from '../lists.ts';

const letters = (text: string) => [...text].map((letter) => address(letter));

describe('round-robin', () => {
  it('takes each in turn', () => {
    const balancer = new RoundRobin(context());
    balancer.update(lists()(letters('abc')));
    const order = picks(balancer, 9);
    expect('abcabcabcabc').toContain(order);
  });

  it('starts at a random place', () => {
    const firsts = new Set<string>();
    for (let seed = 1; seed < 40; seed++) {
      const balancer = new RoundRobin(context(seed));
      balancer.update(lists()(letters('abc')));
      firsts.add(picks(balancer, 1));
    }
    expect([...firsts].sort()).toEqual(['a', 'b', 'c']);
  });

  it('goes on where it was when the same list comes again in another order (T14, T27)', () => {
    const balancer = new RoundRobin(context());
    const next = lists();
    let order = '';
    for (const shuffled of ['abcd', 'dcba', 'bdac', 'cabd', 'abcd', 'dbca']) {
      balancer.update(next(letters(shuffled)));
      order += picks(balancer, 1);
    }
    expect('abcdabcdabcd').toContain(order);
  });

  it('goes on behind an endpoint that left, and meets a newcomer in its turn', () => {
    const balancer = new RoundRobin(context());
    const next = lists();
    balancer.update(next(letters('abcd')));
    while (picks(balancer, 1) !== 'b') {}
    balancer.update(next(letters('abd')));
    expect(picks(balancer, 3)).toBe('dab');
    balancer.update(next(letters('abcde')));
    expect(picks(balancer, 5)).toBe('deabc');
  });

  it('skips excluded ones without losing the turn of others', () => {
    const balancer = new RoundRobin(context());
    const { endpoints } = lists()(letters('abc'));
    balancer.update({ version: 1, endpoints, addresses: [] });
    while (picks(balancer, 1) !== 'c') {}
    expect(balancer.pick(undefined, new Set([endpoints[0]!]))?.host).toBe('10.0.0.2');
    expect(picks(balancer, 2)).toBe('ca');
  });
});
