import { describe, expect, it } from 'vitest';
import { Places } from '../../src/balancer/places.ts';
import { address, lists } from '../lists.ts';

describe('places', () => {
  const letters = (text: string) => [...text].map((letter) => address(letter));

  it('are those in the list, and -1 outside of it', () => {
    const next = lists();
    const { endpoints } = next(letters('abcd'));
    const places = new Places(endpoints.slice(0, 3));
    expect(endpoints.map((endpoint) => places.of(endpoint))).toEqual([0, 1, 2, -1]);
  });

  it('stay right of an older list when endpoints remember their place in a newer one', () => {
    const { endpoints } = lists()(letters('abcd'));
    const older = new Places(endpoints);
    const newer = new Places([...endpoints].reverse());
    expect(endpoints.map((endpoint) => older.of(endpoint))).toEqual([0, 1, 2, 3]);
    expect(endpoints.map((endpoint) => newer.of(endpoint))).toEqual([3, 2, 1, 0]);
  });

  it('are believed of no endpoint of another list that stood at the same place', () => {
    const one = lists()(letters('ab')).endpoints;
    const other = lists()(letters('ab')).endpoints;
    const places = new Places(one);
    new Places(other);
    expect(other.map((endpoint) => places.of(endpoint))).toEqual([-1, -1]);
    expect(new Places().of(one[0]!)).toBe(-1);
  });
});
