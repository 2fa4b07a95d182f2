import { describe, expect, it } from 'vitest';
import { BoundedLoad } from '../../src/balancer/bounded-load.ts';
import { weigh } from '../../src/balancer/weights.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { createRandom } from '../../src/random.ts';
import { address, lists } from '../lists.ts';

function fleet(bound: number, ...weights: number[]) {
  const next = lists();
  const load = new BoundedLoad(bound);
  const take = (...some: number[]) => {
    const snapshot = next(some.map((weight, i) => address(String.fromCharCode(97 + i), { weight })));
    load.update(weigh(snapshot));
    return snapshot.endpoints;
  };
  const change = (endpoint: Endpoint, by: number) => {
    endpoint.inFlight += by;
    load.changed(endpoint);
  };
  return { load, take, change, endpoints: take(...weights) };
}

describe('the bound of loads', () => {
  it('is so many times the share of all requests with the new one, rounded up', () => {
    const { load, change, endpoints } = fleet(1.25, 1, 1, 1, 1);
    const [a, b] = endpoints;
    // Of one request 1.25 / 4: one is allowed.
    expect(load.hasRoom(a!)).toBe(true);
    change(a!, 1);
    // Of two 2.5 / 4, still one.
    expect(load.hasRoom(a!)).toBe(false);
    expect(load.hasRoom(b!)).toBe(true);
    change(b!, 1);
    // Of three 3.75 / 4, still one; of four 5 / 4, two.
    expect(load.hasRoom(a!)).toBe(false);
    change(endpoints[2]!, 1);
    expect(load.hasRoom(a!)).toBe(true);
  });

  it('is not rounded up where it is a whole number but for rounding', () => {
    // 1.1 × 10 / 11 is 1, in floating point a little more.
    const { load, change, endpoints } = fleet(1.1, ...Array.from({ length: 11 }, () => 1));
    for (const endpoint of endpoints.slice(0, 9)) change(endpoint, 1);
    expect(load.hasRoom(endpoints[0]!)).toBe(false);
    expect(load.hasRoom(endpoints[10]!)).toBe(true);
  });

  it('is larger for the heavier ones', () => {
    const { load, change, endpoints } = fleet(1.25, 1, 3);
    const [light, heavy] = endpoints;
    change(heavy!, 2);
    change(light!, 1);
    // Of four 5: 1.25 for one, 3.75 for the other.
    expect([load.hasRoom(light!), load.hasRoom(heavy!)]).toEqual([true, true]);
    change(light!, 1);
    change(heavy!, 2);
    // Of seven 8.75: 2.2 and 6.6.
    expect([load.hasRoom(light!), load.hasRoom(heavy!)]).toEqual([true, true]);
    change(light!, 1);
    expect([load.hasRoom(light!), load.hasRoom(heavy!)]).toEqual([false, true]);
  });

  it('counts what was in flight when the list came, and what has left no more', () => {
    const { load, take, change, endpoints } = fleet(1.25, 1, 1, 1);
    const [a, b, c] = endpoints;
    change(a!, 2);
    change(b!, 10);
    take(1);
    // Of three requests, all its own, 3.75.
    expect(load.hasRoom(a!)).toBe(true);
    change(b!, -3);
    change(c!, 5);
    take(1, 1, 1);
    // Of 15 requests 18.75 / 3.
    expect([a, b, c].map((endpoint) => load.hasRoom(endpoint!))).toEqual([true, false, true]);
  });

  it('counts a request that ends once, also where an update has counted it already', () => {
    const { load, take, endpoints } = fleet(1.25, 1, 1);
    const [a, b] = endpoints;
    a!.inFlight = 4;
    b!.inFlight = 3;
    take(1, 1);
    // The list comes again between the end of a request and the word of it.
    a!.inFlight--;
    take(1, 1);
    load.changed(a!);
    load.changed(a!);
    // Of seven 8.75 / 2: 5 each.
    b!.inFlight = 4;
    expect(load.hasRoom(b!)).toBe(true);
    b!.inFlight = 5;
    expect(load.hasRoom(b!)).toBe(false);
  });

  it('leaves room to somebody always', () => {
    const random = createRandom(4);
    for (const bound of [1.01, 1.25, 2]) {
      const weights = Array.from({ length: 9 }, () => 1 + random.below(random.below(2) === 0 ? 5 : 65_535));
      const { load, change, endpoints } = fleet(bound, ...weights);
      for (let step = 0; step < 3_000; step++) {
        const open = endpoints.filter((endpoint) => load.hasRoom(endpoint));
        expect(open.length).toBeGreaterThan(0);
        if (random.below(3) > 0) change(open[random.below(open.length)]!, 1);
        else {
          const busy = endpoints.filter(({ inFlight }) => inFlight > 0);
          if (busy.length > 0) change(busy[random.below(busy.length)]!, -1);
        }
      }
    }
  });
});
