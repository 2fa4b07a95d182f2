import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/balancer/balancer.ts';
import { createBalancer, strategyNames } from '../../src/balancer/index.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { createRandom } from '../../src/random.ts';
import { address, context, lists } from '../lists.ts';

const letters = (text: string) => [...text].map((letter) => address(letter));
const idleProber = () => ({ update() {}, idle() {}, close() {} });
const strategy = (name: string, seed = 1) => createBalancer(name, { ...context(seed), prober: idleProber });

/** What must outlive lists and strategies. */
const known = ({ address, inFlight, latency, response }: Endpoint) => ({
  address,
  inFlight,
  latency,
  response: response && { ...response },
});

const ok: Outcome = { ok: true, elapsed: 20 };

describe('what is known of an endpoint', () => {
  const changes = strategyNames.flatMap((from) => strategyNames.map((to) => [from, to] as const));

  it.each(changes)('survives a change from %s to %s, with requests in flight', (from, to) => {
    const random = createRandom(3);
    const snapshot = lists()(letters('abcdef'));
    const before = strategy(from);
    before.update(snapshot);
    const open: Endpoint[] = [];
    for (let i = 0; i < 200; i++) {
      const endpoint = before.pick(`key ${i}`)!;
      endpoint.inFlight++;
      before.started?.(endpoint);
      open.push(endpoint);
      if (i % 5 === 0) continue;
      const ended = open.splice(random.below(open.length), 1)[0]!;
      ended.inFlight--;
      before.finished?.(ended, { ok: true, elapsed: 1 + random.below(40) });
    }
    expect(open.length).toBe(40);
    const learned = snapshot.endpoints.map(known);
    const counted = snapshot.endpoints.map(({ picks }) => picks);
    before.close?.();
    const after = strategy(to);
    after.update(snapshot);
    expect(snapshot.endpoints.map(known)).toEqual(learned);
    // A new least-used sets all to one level, which nobody is below.
    for (const [i, { picks }] of snapshot.endpoints.entries())
      expect(picks).toBeGreaterThanOrEqual(counted[i]!);
    for (const endpoint of open) {
      endpoint.inFlight--;
      // It has not seen these begin.
      after.finished?.(endpoint, ok);
    }
    expect(snapshot.endpoints.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0, 0, 0, 0]);
    const chosen = new Set(Array.from({ length: 600 }, () => after.pick()));
    expect([...chosen].every((endpoint) => snapshot.endpoints.includes(endpoint!))).toBe(true);
  });
});

describe('requests in flight', () => {
  const watching = ['least-in-flight', 'power-of-two-choices', 'peak-ewma'];

  /** How many of the next requests go to `endpoint` before it has as many in flight as the others. */
  function taken(name: string, change: (give: (text: string) => void) => void): number[] {
    const balancer = strategy(name);
    const next = lists();
    const give = (text: string) => balancer.update(next(letters(text)));
    const { endpoints } = next(letters('abcd'));
    give('abcd');
    const begin = (endpoint: Endpoint) => {
      endpoint.inFlight++;
      balancer.started?.(endpoint);
    };
    for (let i = 0; i < 50; i++) begin(endpoints[0]!);
    change(give);
    for (let i = 0; i < 60; i++) begin(balancer.pick()!);
    return endpoints.map(({ inFlight }) => inFlight);
  }

  it.each(watching)('are still counted by %s after a refresh, another order and other weights', (name) => {
    const [loaded, ...others] = taken(name, (give) => {
      give('abcd');
      give('dcba');
      give('abcd');
    });
    expect(loaded).toBe(50);
    expect(Math.min(...others)).toBeGreaterThanOrEqual(15);
  });

  it.each(watching)('are still counted by %s when their endpoint was away', (name) => {
    const [loaded, ...others] = taken(name, (give) => {
      give('bcd');
      give('');
      give('bc');
      give('abcd');
    });
    expect(loaded).toBe(50);
    expect(Math.min(...others)).toBeGreaterThanOrEqual(15);
  });

  it.each(watching)('that ended while their endpoint was away are forgotten by %s', (name) => {
    const balancer = strategy(name);
    const next = lists();
    const { endpoints } = next(letters('abcd'));
    balancer.update({ version: 1, endpoints, addresses: letters('abcd') });
    const [away] = endpoints;
    for (let i = 0; i < 30; i++) {
      away!.inFlight++;
      balancer.started?.(away!);
    }
    balancer.update(next(letters('bcd')));
    for (let i = 0; i < 30; i++) {
      away!.inFlight--;
      balancer.finished?.(away!, { ok: true });
    }
    balancer.update(next(letters('abcd')));
    const counts = new Map<Endpoint | undefined, number>();
    for (let i = 0; i < 400; i++) {
      const endpoint = balancer.pick();
      counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
    }
    expect(counts.get(away)).toBe(100);
  });
});
