import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/balancer/balancer.ts';
import { PeakEwma, type PeakEwmaOptions } from '../../src/balancer/peak-ewma.ts';
import { createCoarseClock } from '../../src/coarse-clock.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { createRandom } from '../../src/random.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { address, lists, picks } from '../lists.ts';

const letters = (text: string) => [...text].map((letter) => address(letter));

interface Served {
  readonly at: number;
  readonly endpoint: Endpoint;
  readonly outcome: Outcome;
}

/** A balancer whose time moves by hand, and requests to the endpoints it chooses. */
function world(options: PeakEwmaOptions = {}, seed = 1) {
  const coarse = { tick: 0, now: 0, hold: () => () => undefined };
  const balancer = new PeakEwma({ coarse, random: createRandom(seed) }, options);
  const random = createRandom(seed + 100);
  const begin = (endpoint: Endpoint) => {
    endpoint.inFlight++;
    balancer.started(endpoint);
  };
  const end = (endpoint: Endpoint, outcome: Outcome) => {
    endpoint.inFlight--;
    balancer.finished(endpoint, outcome);
  };
  const ask = (endpoint: Endpoint, ...outcomes: Outcome[]) => {
    for (const outcome of outcomes) {
      begin(endpoint);
      end(endpoint, outcome);
    }
  };
  /** Milliseconds around `mean`: most are shorter, some much longer. */
  const around = (mean: number) => -Math.log(1 - random.fraction()) * mean;
  /** `rate` requests a second for `seconds`; `serve` says how each goes, with `elapsed`. Those under way at the end are let run out. */
  const traffic = (
    rate: number,
    seconds: number,
    serve: (endpoint: Endpoint, at: number) => Outcome,
  ): Served[] => {
    const served: Served[] = [];
    const open: { readonly due: number; readonly endpoint: Endpoint; readonly outcome: Outcome }[] = [];
    const start = coarse.now;
    const runTo = (time: number) => {
      while (open.length > 0 && open[0]!.due <= time) {
        const { due, endpoint, outcome } = open.shift()!;
        coarse.now = Math.max(coarse.now, 100 * Math.floor(due / 100));
        end(endpoint, outcome);
      }
      coarse.now = Math.max(coarse.now, 100 * Math.floor(time / 100));
    };
    let at = start;
    while (at < start + seconds * 1_000) {
      runTo(at);
      const endpoint = balancer.pick()!;
      const outcome = serve(endpoint, at - start);
      begin(endpoint);
      const due = at + outcome.elapsed!;
      let place = open.length;
      while (place > 0 && open[place - 1]!.due > due) place--;
      open.splice(place, 0, { due, endpoint, outcome });
      served.push({ at: at - start, endpoint, outcome });
      at += around(1_000 / rate);
    }
    runTo(Number.POSITIVE_INFINITY);
    coarse.now = start + seconds * 1_000;
    return served;
  };
  return { coarse, balancer, begin, end, ask, traffic, around };
}

const share = (served: readonly Served[], endpoint: Endpoint | undefined) =>
  served.filter((one) => one.endpoint === endpoint).length / served.length;
const failures = (served: readonly Served[]) =>
  served.filter(({ outcome }) => !outcome.ok).length / served.length;
const ok = (elapsed: number): Outcome => ({ ok: true, elapsed });
const failed = (elapsed: number): Outcome => ({ ok: false, elapsed });

describe('peak-ewma', () => {
  it('is round-robin while nothing is known', () => {
    const { balancer } = world();
    balancer.update(lists()(letters('abcde')));
    expect('abcde'.repeat(5)).toContain(picks(balancer, 20));
  });

  it('gives one of ten that is 20 times slower less than 1 % of the requests', () => {
    for (const seed of [1, 2, 3]) {
      const { balancer, traffic, around } = world({}, seed);
      const snapshot = lists()(letters('abcdefghij'));
      balancer.update(snapshot);
      const slow = snapshot.endpoints[3];
      const served = traffic(200, 60, (endpoint) => ok(around(endpoint === slow ? 200 : 10)));
      expect(share(served, slow)).toBeGreaterThan(0);
      expect(share(served, slow)).toBeLessThan(0.01);
    }
  });

  it('takes a slow answer at its word at once, and forgets it little by little', () => {
    const { balancer, ask, coarse } = world();
    const snapshot = lists()(letters('ab'));
    balancer.update(snapshot);
    const [a, b] = snapshot.endpoints;
    ask(a!, ok(10), ok(10));
    ask(b!, ok(20));
    expect(picks(balancer, 4)).toBe('aaaa');
    ask(a!, ok(100));
    expect(a!.response).toEqual({ average: 100, at: 0 });
    expect(picks(balancer, 4)).toBe('bbbb');
    coarse.now = 10_000;
    ask(a!, ok(10));
    expect(a!.response!.average).toBeCloseTo(100 / Math.E + 10 * (1 - 1 / Math.E), 6);
    ask(b!, ok(20));
    expect(picks(balancer, 4)).toBe('bbbb');
    coarse.now = 30_000;
    ask(a!, ok(10));
    ask(b!, ok(20));
    expect(picks(balancer, 4)).toBe('aaaa');
  });

  it('comes back to one after a spike, without being told to', () => {
    const { balancer, traffic, around } = world();
    const snapshot = lists()(letters('abcdefghij'));
    balancer.update(snapshot);
    const spiky = snapshot.endpoints[0];
    const served = traffic(300, 60, (endpoint, at) =>
      ok(endpoint === spiky && at > 5_000 && at < 5_500 ? 2_000 : around(10)),
    );
    const between = (from: number, to: number) =>
      share(
        served.filter(({ at }) => at >= from && at < to),
        spiky,
      );
    expect(between(7_500, 12_000)).toBeLessThan(0.005);
    expect(between(45_000, 60_000)).toBeGreaterThan(0.07);
  });

  it('avoids one that fails fast (T32)', () => {
    const { balancer, traffic, around } = world();
    const snapshot = lists()(letters('abcdefghij'));
    balancer.update(snapshot);
    const broken = snapshot.endpoints[5];
    const served = traffic(300, 60, (endpoint) => (endpoint === broken ? failed(1) : ok(around(10))));
    expect(failures(served)).toBeGreaterThan(0);
    expect(failures(served)).toBeLessThan(0.001);
  });

  it('avoids one that fails fast also where all others are slower than the penalty, and busy (T32)', () => {
    const { balancer, traffic, around } = world();
    const snapshot = lists()(letters('abcdefghij'));
    balancer.update(snapshot);
    const broken = snapshot.endpoints[5];
    const served = traffic(100, 120, (endpoint) => (endpoint === broken ? failed(1) : ok(around(3_000))));
    expect(failures(served)).toBeLessThan(0.01);
  });

  it('counts a failure as what it took, the penalty, or twice what was expected: whichever is most', () => {
    const { balancer, ask } = world({ failurePenalty: 300 });
    const [a, b, c] = lists()(letters('abc')).endpoints;
    balancer.update({ version: 1, endpoints: [a!, b!, c!], addresses: letters('abc') });
    ask(a!, failed(1));
    expect(a!.response!.average).toBe(300);
    ask(a!, { ok: false });
    expect(a!.response!.average).toBe(600);
    ask(b!, failed(5_000));
    expect(b!.response!.average).toBe(5_000);
    ask(c!, ok(20), failed(1));
    expect(c!.response!.average).toBe(300);
  });

  it('learns from what was given up only where that had taken longer than usual', () => {
    const { balancer, ask } = world();
    const { endpoints, addresses } = lists()(letters('ab'));
    const [a, b] = endpoints;
    balancer.update({ version: 1, endpoints, addresses });
    const aborted = (elapsed?: number): Outcome =>
      elapsed === undefined ? { ok: false, aborted: true } : { ok: false, aborted: true, elapsed };
    ask(a!, ok(50), aborted(40), aborted());
    expect(a!.response!.average).toBe(50);
    ask(a!, aborted(400));
    expect(a!.response!.average).toBe(400);
    // Where nothing is usual yet, longer than the penalty.
    ask(b!, aborted(), aborted(999));
    expect(b!.response).toBe(undefined);
    ask(b!, aborted(1_001));
    expect(b!.response!.average).toBe(1_001);
  });

  it('tries one it knows nothing of with one request at a time', () => {
    const { balancer, ask, begin, end } = world();
    const next = lists();
    const first = next(letters('ab'));
    balancer.update(first);
    for (const endpoint of first.endpoints) ask(endpoint, ok(10));
    const snapshot = next(letters('abc'));
    balancer.update(snapshot);
    const c = snapshot.endpoints[2]!;
    while (balancer.pick() !== c) {}
    begin(c);
    expect(picks(balancer, 30)).not.toContain('c');
    end(c, ok(1));
    expect(picks(balancer, 30)).toContain('c');
  });

  it('tries another time, a decay later, where the first request never ends', () => {
    const { balancer, ask, begin, coarse } = world();
    const snapshot = lists()(letters('abc'));
    balancer.update(snapshot);
    const [a, b, c] = snapshot.endpoints;
    for (const endpoint of [a!, b!]) ask(endpoint, ok(10));
    // A lease that is never released, say.
    begin(c!);
    for (let tries = 0; tries < 3; tries++) {
      expect(picks(balancer, 30)).not.toContain('c');
      coarse.now += 10_000;
      ask(a!, ok(10));
      ask(b!, ok(10));
      expect(picks(balancer, 30)).toContain('c');
      begin(c!);
    }
  });

  it('forgets in three decays: however bad it was, it is tried again then', () => {
    const { balancer, ask, coarse } = world({ decay: 2_000 });
    const snapshot = lists()(letters('abc'));
    balancer.update(snapshot);
    const [a, b, c] = snapshot.endpoints;
    ask(c!, failed(500_000));
    for (let second = 1; second <= 6; second++) {
      coarse.now = second * 1_000;
      for (const endpoint of [a!, b!]) ask(endpoint, ok(10));
      expect(picks(balancer, 20)).not.toContain('c');
    }
    coarse.now = 8_001;
    for (const endpoint of [a!, b!]) ask(endpoint, ok(10));
    expect(picks(balancer, 20)).toContain('c');
    ask(c!, ok(5));
    expect(c!.response!.average).toBe(5);
  });

  it('weighs waiting against answering faster', () => {
    const { balancer, ask, begin } = world();
    const snapshot = lists()(letters('ab'));
    balancer.update(snapshot);
    const [a, b] = snapshot.endpoints;
    ask(a!, ok(10));
    ask(b!, ok(35));
    let order = '';
    for (let i = 0; i < 5; i++) {
      const endpoint = balancer.pick()!;
      order += endpoint === a ? 'a' : 'b';
      begin(endpoint);
    }
    // 10, 20, 30 ms, then 35 before 40.
    expect(order).toBe('aaaba');
  });

  it('has, by weight, more in flight at the heavier ones', () => {
    const { balancer, traffic } = world();
    const snapshot = lists()([address('a'), address('b', { weight: 3 })]);
    balancer.update(snapshot);
    const served = traffic(2_000, 10, () => ok(50));
    expect(share(served, snapshot.endpoints[1])).toBeGreaterThan(0.7);
    expect(share(served, snapshot.endpoints[1])).toBeLessThan(0.8);
  });

  it('goes on with what it knew after another order, other weights, an absence and a change of strategy', () => {
    const { balancer, ask, coarse } = world();
    const next = lists();
    balancer.update(next(letters('abc')));
    const [a, b, c] = next(letters('abc')).endpoints;
    ask(a!, ok(10));
    ask(b!, ok(90));
    ask(c!, ok(90));
    balancer.update(next(letters('cab')));
    expect(picks(balancer, 3).replaceAll('a', '')).toHaveLength(1);
    balancer.update(next(letters('bc')));
    ask(a!, ok(30));
    coarse.now = 5_000;
    balancer.update(
      next([address('c', { weight: 9 }), address('b', { weight: 9 }), address('a', { weight: 9 })]),
    );
    expect(a!.response!.average).toBe(30);
    expect(picks(balancer, 300).split('a').length - 1).toBeGreaterThan(150);
    const other = new PeakEwma({ coarse, random: createRandom(4) });
    other.update(next(letters('abc')));
    expect(picks(other, 300).split('a').length - 1).toBeGreaterThan(150);
  });

  it('learns from reports as from leases', () => {
    const { balancer } = world();
    const snapshot = lists()(letters('ab'));
    balancer.update(snapshot);
    const [a, b] = snapshot.endpoints;
    balancer.reported(a!, ok(80));
    balancer.reported(b!, ok(10));
    expect(picks(balancer, 5)).toBe('bbbbb');
    balancer.reported(b!, { ok: false });
    expect(picks(balancer, 5)).toBe('aaaaa');
  });

  it('does not take what it was not told for fast', () => {
    const { balancer, ask } = world();
    const snapshot = lists()(letters('ab'));
    balancer.update(snapshot);
    const [a, b] = snapshot.endpoints;
    ask(a!, { ok: true });
    expect(a!.response).toBe(undefined);
    ask(a!, ok(0));
    ask(b!, ok(1));
    expect(a!.response!.average).toBeGreaterThan(0);
    expect(picks(balancer, 3)).toBe('aaa');
  });

  it('holds the coarse clock while it is in use, and lets go when idle or closed', () => {
    const clock = createFakeClock();
    const balancer = new PeakEwma({ coarse: createCoarseClock(clock), random: createRandom(1) });
    balancer.update(lists()(letters('ab')));
    expect(clock.pending).toBe(1);
    balancer.idle(true);
    balancer.idle(true);
    expect(clock.pending).toBe(0);
    balancer.idle(false);
    balancer.idle(false);
    expect(clock.pending).toBe(1);
    balancer.close();
    expect(clock.pending).toBe(0);
  });

  it('knows after a rest that what it knew is old', async () => {
    const clock = createFakeClock();
    const balancer = new PeakEwma({ coarse: createCoarseClock(clock), random: createRandom(1) });
    const snapshot = lists()(letters('abc'));
    balancer.update(snapshot);
    const [a, b, c] = snapshot.endpoints;
    for (const [endpoint, elapsed] of [
      [a!, 10],
      [b!, 10],
      [c!, 500],
    ] as const)
      balancer.reported(endpoint, ok(elapsed));
    balancer.idle(true);
    await clock.advance(600_000);
    balancer.idle(false);
    expect(picks(balancer, 9)).not.toContain('c');
    balancer.reported(a!, ok(10));
    expect(picks(balancer, 9)).toContain('c');
    balancer.close();
  });
});
