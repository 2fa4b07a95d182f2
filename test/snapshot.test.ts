import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptySnapshot, reconcile, rememberDeparted } from '../src/snapshot.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';
import { address, lists } from './lists.ts';

const letters = (text: string) => [...text].map((letter) => address(letter));

describe('reconcile', () => {
  it('gives the very same snapshot for the same set in any order', () => {
    const next = lists();
    const first = next(letters('abc'));
    expect(next(letters('cab'))).toBe(first);
  });

  it('takes equal addresses for no change, whichever objects say so', () => {
    const first = lists()(letters('ab'));
    const again = reconcile(
      first,
      [address('b', { tags: [], meta: {} }), address('a')],
      rememberDeparted(createFakeClock()),
    );
    expect(again).toEqual({ snapshot: first, change: undefined });
    expect(again.snapshot).toBe(first);
  });

  it('puts newcomers between survivors, before them and after them', () => {
    const next = lists();
    next(letters('bdf'));
    const hosts = next(letters('gfedca'))
      .endpoints.map(({ host }) => host.slice(-1))
      .join('');
    expect(hosts).toBe('134567');
  });

  it('sorts, so that the order of an answer means nothing (T14)', () => {
    expect(lists()(letters('cab')).endpoints.map(({ host }) => host)).toEqual([
      '10.0.0.1',
      '10.0.0.2',
      '10.0.0.3',
    ]);
  });

  it('keeps survivors as they are, whatever else changes', () => {
    const next = lists();
    const [, b] = next(letters('ab')).endpoints;
    b!.picks = 7;
    b!.inFlight = 2;
    const after = next([address('b', { weight: 5 }), address('c')]);
    expect(after.endpoints[0]).toBe(b);
    expect(after.endpoints[0]).toMatchObject({ picks: 7, inFlight: 2, weight: 5 });
  });

  it('gives one that comes back within 10 minutes its own object, later a new one (T12, T33)', async () => {
    const clock = createFakeClock();
    const next = lists(clock);
    const [a] = next(letters('ab')).endpoints;
    next(letters('b'));
    await clock.advance(599_000);
    expect(next(letters('ab')).endpoints[0]).toBe(a);
    next(letters('b'));
    await clock.advance(601_000);
    expect(next(letters('ab')).endpoints[0]).not.toBe(a);
  });

  it('makes one endpoint of two addresses with the same host and port, with the larger weight', () => {
    const { endpoints, addresses } = lists()([address('a', { weight: 1 }), address('a', { weight: 4 })]);
    expect([endpoints.length, addresses[0]!.weight]).toEqual([1, 4]);
  });

  it('says exactly what changed', () => {
    const departed = rememberDeparted(createFakeClock());
    const first = reconcile(emptySnapshot, letters('abc'), departed).snapshot;
    const { change } = reconcile(
      first,
      [address('b'), address('c', { tags: ['v2'] }), address('d')],
      departed,
    );
    const hosts = (list: readonly { host: string }[] = []) => list.map(({ host }) => host.slice(-1)).join('');
    expect([hosts(change?.added), hosts(change?.removed), hosts(change?.changed)]).toEqual(['4', '1', '3']);
    expect(reconcile(first, letters('cba'), departed).change).toBe(undefined);
  });

  it('keeps endpoints and addresses in step, through any churn', () => {
    const step = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 9 })), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const next = lists();
        const objects = new Map<string, unknown>();
        for (const addresses of steps) {
          const { endpoints, addresses: kept } = next(
            addresses.map(([host, weight]) => ({ host: `10.0.0.${host}`, port: 80, priority: 1, weight })),
          );
          expect(kept.length).toBe(endpoints.length);
          expect(new Set(endpoints).size).toBe(new Set(addresses.map(([host]) => host)).size);
          for (const [i, endpoint] of endpoints.entries()) {
            expect(`${kept[i]!.host}:${kept[i]!.port}`).toBe(endpoint.address);
            expect(kept[i]!.weight).toBe(endpoint.weight);
            expect(objects.get(endpoint.address) ?? endpoint).toBe(endpoint);
            objects.set(endpoint.address, endpoint);
          }
        }
      }),
    );
  });
});
