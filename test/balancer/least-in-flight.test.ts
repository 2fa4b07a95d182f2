import { describe, expect, it } from 'vitest';
import { LeastInFlight } from '../../src/balancer/least-in-flight.ts';
import { RoundRobin } from '../../src/balancer/round-robin.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { createRandom } from '../../src/random.ts';
import { address, context, letterOf, lists, picks } from '../lists.ts';

const letters = (text: string) => [...text].map((letter) => address(letter));

/** What a lease does, without a service. */
function leases(balancer: LeastInFlight) {
  const begin = (endpoint: Endpoint) => {
    endpoint.inFlight++;
    balancer.started(endpoint);
  };
  const end = (endpoint: Endpoint) => {
    endpoint.inFlight--;
    balancer.finished(endpoint);
  };
  const acquire = () => {
    const endpoint = balancer.pick()!;
    begin(endpoint);
    return endpoint;
  };
  return { begin, end, acquire };
}

describe('least-in-flight', () => {
  it('is round-robin while nothing is in flight, through lists that come, go and change', () => {
    const random = createRandom(3);
    const same = lists();
    const least = new LeastInFlight(context(8));
    const turns = new RoundRobin(context(8));
    for (let round = 0; round < 500; round++) {
      const some = [...'abcdefghijkl'].filter(() => random.below(3) > 0).join('');
      const snapshot = same(letters(round % 50 === 0 ? '' : some));
      least.update(snapshot);
      turns.update(snapshot);
      const count = random.below(20);
      expect(picks(least, count)).toBe(picks(turns, count));
    }
  });

  it('is round-robin too where a request ends before the next begins', () => {
    const balancer = new LeastInFlight(context());
    const { acquire, end } = leases(balancer);
    balancer.update(lists()(letters('abcd')));
    let order = '';
    for (let i = 0; i < 12; i++) {
      const endpoint = acquire();
      order += letterOf(endpoint.host);
      end(endpoint);
    }
    expect('abcdabcdabcdabcd').toContain(order);
  });

  it('takes, of those with equally few, the one that has waited longest', () => {
    const balancer = new LeastInFlight(context());
    const { acquire, end } = leases(balancer);
    const { endpoints } = lists()(letters('abcd'));
    balancer.update({ version: 1, endpoints, addresses: [] });
    const [a, b, c, d] = endpoints;
    for (let i = 0; i < 4; i++) acquire();
    for (const endpoint of [c!, a!, d!, b!]) end(endpoint);
    expect([acquire(), acquire(), acquire(), acquire()]).toEqual([c, a, d, b]);
  });

  it('fills up whoever has fewest before it goes on', () => {
    const balancer = new LeastInFlight(context());
    const { acquire, begin } = leases(balancer);
    const { endpoints } = lists()(letters('abc'));
    balancer.update({ version: 1, endpoints, addresses: [] });
    for (let i = 0; i < 7; i++) begin(endpoints[0]!);
    for (let i = 0; i < 3; i++) begin(endpoints[1]!);
    for (let i = 0; i < 3; i++) expect(acquire()).toBe(endpoints[2]);
    for (let i = 0; i < 8; i++) expect(acquire()).not.toBe(endpoints[0]);
    expect(endpoints.map(({ inFlight }) => inFlight)).toEqual([7, 7, 7]);
  });

  it('agrees with a search through all, in the choice itself, over 100 000 random steps', () => {
    const random = createRandom(21);
    const balancer = new LeastInFlight(context(21));
    const { begin, end } = leases(balancer);
    const { endpoints } = lists()(letters('abcdefghijklm'));
    balancer.update({ version: 1, endpoints, addresses: [] });
    // When each began to wait at its load: that of a first turn is found out by a round of picks.
    const since = new Map<Endpoint, number>();
    let time = 0;
    for (let i = 0; i < endpoints.length; i++) since.set(balancer.pick()!, ++time);
    const open: Endpoint[] = [];
    const wrong: number[] = [];
    for (let step = 0; step < 100_000; step++) {
      // Now and then it is busy, now and then nothing is left in flight.
      const busy = step % 4_000 < 2_500 ? 6 : 3;
      if (open.length > 0 && random.below(9) >= busy) {
        const [endpoint] = open.splice(random.below(open.length), 1);
        end(endpoint!);
        since.set(endpoint!, ++time);
        continue;
      }
      const exclude = new Set(step % 3 === 0 ? endpoints.filter(() => random.below(3) === 0) : []);
      const picked = exclude.size === 0 ? balancer.pick() : balancer.pick(undefined, exclude);
      if (picked !== search(endpoints, since, exclude)) wrong.push(step);
      if (picked === undefined) continue;
      // As in a rotation, those who were passed over have had their turn.
      for (const endpoint of inTurn(endpoints, since, picked)) since.set(endpoint, ++time);
      if (random.below(5) === 0) continue;
      begin(picked);
      since.set(picked, ++time);
      open.push(picked);
    }
    expect(wrong).toEqual([]);
  });

  it('chooses exactly the least loaded while lists change under the requests, over 100 000 random steps', () => {
    const random = createRandom(4);
    const balancer = new LeastInFlight(context(4));
    const { begin, end } = leases(balancer);
    const next = lists();
    const all = 'abcdefghijkl';
    let { endpoints } = next([]);
    const open: Endpoint[] = [];
    const wrong: number[] = [];
    for (let step = 0; step < 100_000; step++) {
      if (step % 40 === 0) {
        const snapshot = next(letters([...all].filter(() => random.below(4) > 0).join('')));
        ({ endpoints } = snapshot);
        balancer.update(snapshot);
      }
      // Requests end whether their endpoint is still listed or not.
      if (open.length > 0 && random.below(2) === 0) end(open.splice(random.below(open.length), 1)[0]!);
      const exclude = new Set(endpoints.filter(() => random.below(6) === 0));
      const picked = balancer.pick(undefined, exclude);
      const loads = endpoints.filter((one) => !exclude.has(one)).map(({ inFlight }) => inFlight);
      if (picked === undefined ? loads.length > 0 : exclude.has(picked)) wrong.push(step);
      if (picked === undefined) continue;
      if (picked.inFlight !== Math.min(...loads)) wrong.push(step);
      begin(picked);
      open.push(picked);
    }
    expect(wrong).toEqual([]);
  });

  it('places one that comes back by what is still in flight to it, and a late end is harmless (T13)', () => {
    const balancer = new LeastInFlight(context());
    const { begin, end } = leases(balancer);
    const next = lists();
    const { endpoints } = next(letters('ab'));
    const [a, b] = endpoints;
    balancer.update(next(letters('ab')));
    for (let i = 0; i < 3; i++) begin(a!);
    balancer.update(next(letters('b')));
    end(a!);
    expect(picks(balancer, 2)).toBe('bb');
    balancer.update(next(letters('ab')));
    // Two of them are still under way.
    begin(b!);
    expect(picks(balancer, 3)).toBe('bbb');
    begin(b!);
    begin(b!);
    expect(picks(balancer, 3)).toBe('aaa');
    for (let i = 0; i < 2; i++) end(a!);
    for (let i = 0; i < 3; i++) end(b!);
    expect(picks(balancer, 4)).toMatch(/abab|baba/);
    expect([a!.inFlight, b!.inFlight]).toEqual([0, 0]);
  });

  it('keeps the turns of those who stay when the list changes', () => {
    const balancer = new LeastInFlight(context());
    const { acquire, end } = leases(balancer);
    const next = lists();
    const snapshot = next(letters('abcde'));
    balancer.update(snapshot);
    const [a, b, c, d, e] = snapshot.endpoints;
    for (let i = 0; i < 5; i++) acquire();
    for (const endpoint of [d!, b!, e!, a!, c!]) end(endpoint);
    balancer.update(next(letters('abcd')));
    expect(picks(balancer, 4)).toBe('dbac');
    balancer.update(next([address('b', { weight: 7 }), ...letters('acd')]));
    expect(picks(balancer, 4)).toBe('dbac');
  });

  it('counts what others have begun before it was made, as when the strategy changes', () => {
    const next = lists();
    const { endpoints, ...rest } = next(letters('abc'));
    endpoints[0]!.inFlight = 4;
    endpoints[2]!.inFlight = 1_000_000;
    const balancer = new LeastInFlight(context());
    balancer.update({ endpoints, ...rest });
    expect(picks(balancer, 3)).toBe('bbb');
    expect(balancer.pick(undefined, new Set([endpoints[1]!]))).toBe(endpoints[0]);
    expect(balancer.pick(undefined, new Set([endpoints[1]!, endpoints[0]!]))).toBe(endpoints[2]);
  });
});

/** The one of the least load that has waited longest. */
function search(
  endpoints: readonly Endpoint[],
  since: ReadonlyMap<Endpoint, number>,
  exclude: ReadonlySet<Endpoint>,
): Endpoint | undefined {
  return endpoints
    .filter((endpoint) => !exclude.has(endpoint))
    .toSorted((one, other) => one.inFlight - other.inFlight || since.get(one)! - since.get(other)!)[0];
}

/** Those of the same load who have waited at least as long as `last`, longest first. */
function inTurn(
  endpoints: readonly Endpoint[],
  since: ReadonlyMap<Endpoint, number>,
  last: Endpoint,
): Endpoint[] {
  return endpoints
    .filter((endpoint) => endpoint.inFlight === last.inFlight && since.get(endpoint)! <= since.get(last)!)
    .toSorted((one, other) => since.get(one)! - since.get(other)!);
}
