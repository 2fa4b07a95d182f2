import { describe, expect, it } from 'vitest';
import { ConsistentHash, type ConsistentHashOptions } from '../../src/balancer/consistent-hash.ts';
import { createBalancer } from '../../src/balancer/index.ts';
import type { TimerHandle } from '../../src/clock.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { createRandom } from '../../src/random.ts';
import type { Address } from '../../src/resolver/resolver.ts';
import type { Snapshot } from '../../src/snapshot.ts';
import { context, lists } from '../lists.ts';

/** A fleet of these numbers. */
const fleet = (from: number, to: number, weight = 1): Address[] =>
  Array.from({ length: to - from }, (_, i) => instance(from + i, weight));

function instance(number: number, weight = 1): Address {
  return { host: `10.1.${number >> 8}.${number & 255}`, port: 8_000, priority: 1, weight };
}

/** A balancer whose timers are rung one by one. */
function world(options: ConsistentHashOptions = {}, { seed = 1, msPerReading = 0 } = {}) {
  const due: { action: () => void }[] = [];
  let now = 0;
  let armed = 0;
  const clock = {
    now: () => {
      now += msPerReading;
      return now;
    },
    setTimeout: (action: () => void): TimerHandle => {
      armed++;
      const timer = { action };
      due.push(timer);
      return timer;
    },
    clearTimeout: (handle: TimerHandle | undefined) => {
      if (due[0] === handle) due.shift();
    },
  };
  const balancer = new ConsistentHash({ ...context(seed), clock }, options);
  const next = lists();
  return {
    balancer,
    due,
    /** Timers so far. */
    armed: () => armed,
    /** The balancer is given a list; its work is left to the timers. */
    take(addresses: readonly Address[]): Snapshot {
      const snapshot = next(addresses);
      balancer.update(snapshot);
      return snapshot;
    },
    slice(): void {
      due.shift()?.action();
    },
    /** How many slices it took. */
    settle(): number {
      let slices = 0;
      for (; due.length > 0; slices++) due.shift()!.action();
      return slices;
    },
    begin(endpoint: Endpoint): Endpoint {
      endpoint.inFlight++;
      balancer.started(endpoint);
      return endpoint;
    },
    end(endpoint: Endpoint): void {
      endpoint.inFlight--;
      balancer.finished(endpoint);
    },
  };
}

type World = ReturnType<typeof world>;

function settled(addresses: readonly Address[], options?: ConsistentHashOptions): World {
  const made = world(options);
  made.take(addresses);
  made.settle();
  return made;
}

const some = Array.from({ length: 2_000 }, (_, i) => `/users/${i}`);

const homes = ({ balancer }: World, keys = some) => keys.map((key) => balancer.pick(key)!.address);

const movedBetween = (before: readonly string[], after: readonly string[]) =>
  before.filter((home, i) => home !== after[i]).length;

function countsOf({ balancer }: World, keys: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < keys; i++) {
    const { address } = balancer.pick(`session ${i}`)!;
    counts.set(address, (counts.get(address) ?? 0) + 1);
  }
  return counts;
}

describe('a key', () => {
  it('has the same endpoint in every process with the same list, whatever came before', () => {
    const one = settled(fleet(0, 50));
    const other = world({}, { seed: 9 });
    other.take(fleet(20, 90));
    other.slice();
    other.take(fleet(0, 30).reverse());
    other.settle();
    for (const key of some.slice(0, 100)) other.balancer.pick(key);
    other.balancer.pick();
    // Enough that there is a new table, and then one by one.
    other.take(fleet(0, 51).reverse());
    other.settle();
    other.take(fleet(0, 50));
    expect(homes(other)).toEqual(homes(one));
  });

  it('has another one in 1 of 100 cases where 1 of 100 leaves: only who was there moves', () => {
    const here = settled(fleet(0, 100));
    const before = homes(here, sessions);
    here.take(fleet(1, 100));
    const after = homes(here, sessions);
    const gone = here.take(fleet(0, 100)).endpoints[0]!.address;
    expect(movedBetween(before, after)).toBe(before.filter((home) => home === gone).length);
    expect(movedBetween(before, after) / sessions.length).toBeLessThan(0.0125);
    expect(homes(here, sessions)).toEqual(before);
  });

  it('is one of as many as others have: of 100 endpoints the busiest has at most 1.15 times the mean', () => {
    const counts = [...countsOf(settled(fleet(0, 100)), 500_000).values()];
    expect(counts).toHaveLength(100);
    expect(Math.max(...counts) / 5_000).toBeLessThan(1.15);
    expect(Math.min(...counts) / 5_000).toBeGreaterThan(0.85);
  });

  it('is one of as many as the weight says', () => {
    const weighted = settled([instance(0, 1), instance(1, 2), instance(2, 5), instance(3, 0)]);
    const counts = countsOf(weighted, 80_000);
    expect(counts.get('10.1.0.3:8000')).toBe(undefined);
    for (const [i, weight] of [1, 2, 5].entries())
      expect((counts.get(`10.1.0.${i}:8000`) ?? 0) / 10_000).toBeCloseTo(weight, 0.5);
  });

  it('may be any text, and from JavaScript anything else that has one', () => {
    const { balancer } = settled(fleet(0, 30));
    expect(balancer.pick('')).toBe(balancer.pick(''));
    expect(balancer.pick(42 as never)).toBe(balancer.pick('42'));
    const others = new Set(Array.from({ length: 50 }, (_, i) => balancer.pick(i as never)));
    expect(others.size).toBeGreaterThan(10);
  });
});

const sessions = Array.from({ length: 100_000 }, (_, i) => `session ${i}`);

describe('without a key consistent hashing is round-robin', () => {
  it('in turn', () => {
    const { balancer, take } = world();
    const { endpoints } = take(fleet(0, 5));
    const seen = Array.from({ length: 10 }, () => balancer.pick());
    expect(new Set(seen.slice(0, 5))).toEqual(new Set(endpoints));
    expect(seen.slice(5)).toEqual(seen.slice(0, 5));
    expect(balancer.pick(null as never)).toBe(seen[0]);
  });

  it('and by weight, where weights differ', () => {
    const { balancer, take } = world();
    const { endpoints } = take([instance(0, 3), instance(1, 1), instance(2, 0)]);
    const counts = new Map(endpoints.map((endpoint) => [endpoint, 0]));
    for (let i = 0; i < 400; i++) {
      const endpoint = balancer.pick()!;
      counts.set(endpoint, counts.get(endpoint)! + 1);
    }
    expect(Math.abs(counts.get(endpoints[0]!)! - 300)).toBeLessThan(5);
    expect(counts.get(endpoints[2]!)).toBe(0);
  });
});

describe('the table of consistent hashing', () => {
  it('is made in slices by timers, and update() itself makes nothing of it', () => {
    for (const [count, least, most] of [
      [3, 2, 6],
      [100, 4, 8],
      [1_000, 7, 11],
    ] as const) {
      const here = world();
      here.take(fleet(0, count));
      expect(here.due.length).toBe(1);
      const slices = here.settle();
      expect(slices, `${count} endpoints`).toBeGreaterThanOrEqual(least);
      expect(slices, `${count} endpoints`).toBeLessThanOrEqual(most);
    }
  });

  it('takes more slices where the clock says that they are slow', () => {
    const slices = (msPerReading: number) => {
      const here = world({}, { msPerReading });
      here.take(fleet(0, 100));
      return here.settle();
    };
    const quick = slices(0);
    // The clock is read every 1 024 of 131 072 steps, and 1 ms is enough.
    expect(slices(0.1)).toBeGreaterThan(8 * quick);
    expect(slices(1)).toBeGreaterThan(8 * slices(0.1));
  });

  it('is not waited for: before, while and after it is made, a key has the same endpoint', () => {
    const here = world();
    here.take(fleet(0, 100));
    const before = homes(here);
    here.slice();
    here.slice();
    expect(here.due.length).toBe(1);
    expect(homes(here)).toEqual(before);
    here.settle();
    expect(homes(here)).toEqual(before);
  });

  it('is changed at once where one comes or goes, without any timer', () => {
    const here = settled(fleet(0, 100));
    const timers = here.armed();
    for (const list of [fleet(1, 100), fleet(1, 101), fleet(0, 101), fleet(0, 100)]) {
      here.take(list);
      expect(homes(here)).toEqual(homes(settled(list)));
    }
    expect(here.armed()).toBe(timers);
  });

  it('is changed at once at each step of a slow start', () => {
    const here = settled(fleet(0, 40));
    const timers = here.armed();
    let before = homes(here);
    const joined: number[] = [];
    for (let step = 1; step <= 10; step++) {
      here.take([...fleet(0, 40), instance(40, step / 10)]);
      const after = homes(here);
      // Only to the newcomer, and only a little at a time.
      expect(after.every((home, i) => home === before[i] || home === '10.1.0.40:8000')).toBe(true);
      expect(movedBetween(before, after) / some.length).toBeLessThan(0.01);
      joined.push(after.filter((home) => home === '10.1.0.40:8000').length);
      before = after;
    }
    expect(joined).toEqual(joined.toSorted((a, b) => a - b));
    expect(before).toEqual(homes(settled(fleet(0, 41))));
    expect(here.armed()).toBe(timers);
  });

  it('is made anew where many come or go: who left is not chosen any more, and his keys move once', () => {
    const here = settled(fleet(0, 100));
    const before = homes(here);
    const { endpoints } = here.take(fleet(30, 130));
    const listed = new Set(endpoints.map(({ address }) => address));
    expect(here.due.length).toBe(1);
    const meanwhile = homes(here);
    expect(meanwhile.every((home) => listed.has(home))).toBe(true);
    here.settle();
    const after = homes(here);
    expect(after).toEqual(homes(settled(fleet(30, 130))));
    for (const [i, home] of before.entries()) if (!listed.has(home)) expect(meanwhile[i]).toBe(after[i]);
  });

  it('holds nothing but the list at any moment of a churn, with updates that overtake each other', () => {
    const random = createRandom(17);
    // A clock by which each slice is short.
    const here = world({ slots: 2 ** 14 }, { msPerReading: 1 });
    let overtaken = 0;
    let wrong = 0;
    for (let round = 0; round < 400; round++) {
      if (here.due.length > 0) overtaken++;
      const from = random.below(20);
      let list = fleet(from, from + random.below(30)).filter(() => random.below(6) > 0);
      if (random.below(4) === 0) list = list.map((one) => ({ ...one, weight: random.below(5) }));
      const listed = new Set(here.take(list).endpoints);
      for (let slices = random.below(90); slices >= 0; slices--) {
        for (let i = 0; i < 10; i++) {
          const endpoint = here.balancer.pick(some[(i * 7 + slices) % 100]);
          if (endpoint === undefined ? listed.size > 0 : !listed.has(endpoint)) wrong++;
        }
        here.slice();
      }
    }
    expect(wrong).toBe(0);
    expect(overtaken).toBeGreaterThan(50);
    here.take(fleet(0, 25));
    here.settle();
    expect(homes(here)).toEqual(homes(settled(fleet(0, 25), { slots: 2 ** 14 })));
  });

  it('is not begun anew where a list comes again', () => {
    const here = world();
    const { endpoints, addresses } = here.take(fleet(0, 100));
    here.slice();
    here.balancer.update({ version: 2, endpoints: [...endpoints], addresses: [...addresses] });
    const rest = here.settle();
    const anew = world();
    anew.take(fleet(0, 100));
    expect(rest).toBe(anew.settle() - 1);
  });

  it('rests while the service is idle and after it is closed', () => {
    const here = world();
    here.take(fleet(0, 100));
    here.slice();
    here.balancer.idle(true);
    expect(here.due).toEqual([]);
    const before = homes(here);
    here.take(fleet(0, 200));
    expect(here.due).toEqual([]);
    here.balancer.idle(false);
    expect(here.due.length).toBe(1);
    expect(here.settle()).toBeGreaterThan(3);
    expect(homes(here)).toEqual(homes(settled(fleet(0, 200))));
    expect(before).toEqual(homes(settled(fleet(0, 100))));
    here.take(fleet(0, 100));
    here.balancer.close();
    expect(here.due).toEqual([]);
  });
});

describe('excluded endpoints', () => {
  it('are passed over in an order that is the key’s own', () => {
    const orders = [settled(fleet(0, 20)), settled(fleet(0, 20))].map(({ balancer }) =>
      some.slice(0, 50).map((key) => {
        const tried = new Set<Endpoint>();
        for (let i = 0; i < 6; i++) tried.add(balancer.pick(key, tried)!);
        return [...tried].map(({ address }) => address);
      }),
    );
    expect(orders[0]).toEqual(orders[1]);
    for (const order of orders[0]!) expect(new Set(order).size).toBe(6);
  });

  it('give their keys to all others', () => {
    const { balancer, take } = settled(fleet(0, 20));
    const { endpoints } = take(fleet(0, 20));
    const exclude = new Set([endpoints[4]!]);
    const keys = sessions.filter((key) => balancer.pick(key) === endpoints[4]);
    const counts = new Map<Endpoint, number>();
    for (const key of keys) {
      const endpoint = balancer.pick(key, exclude)!;
      counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
    }
    expect(counts.size).toBe(19);
    expect(Math.max(...counts.values()) / (keys.length / 19)).toBeLessThan(1.3);
  });

  it('are asked for about as often as needed, and never more than a few times each', () => {
    const { balancer, take } = settled(fleet(0, 1_000));
    const { endpoints } = take(fleet(0, 1_000));
    for (const [size, mean] of [
      [1, 1.1],
      [10, 1.1],
      [500, 2.3],
      [900, 11],
      [999, 1_600],
    ] as const) {
      const excluded = new Set(endpoints.slice(0, size));
      let asked = 0;
      let most = 0;
      for (const key of some.slice(0, 500)) {
        let here = 0;
        const exclude = { size, has: (endpoint: Endpoint) => ++here > 0 && excluded.has(endpoint) };
        expect(excluded.has(balancer.pick(key, exclude)!)).toBe(false);
        asked += here;
        most = Math.max(most, here);
      }
      expect(asked / 500, `of ${size}`).toBeLessThan(mean);
      expect(most).toBeLessThanOrEqual(2 * size + 33);
    }
  });

  it('leave those of weight 0, when nothing else is left', () => {
    const { balancer, take } = settled([instance(0, 0), instance(1, 2), instance(2, 0)]);
    const [none, one, other] = take([instance(0, 0), instance(1, 2), instance(2, 0)]).endpoints;
    for (const key of [...some.slice(0, 20), undefined]) {
      expect(balancer.pick(key)).toBe(one);
      expect([none, other]).toContain(balancer.pick(key, new Set([one!])));
      expect(balancer.pick(key, new Set([one!, none!]))).toBe(other);
      expect(balancer.pick(key, new Set([one!, none!, other!]))).toBe(undefined);
    }
  });
});

describe('with a bound of 1.25', () => {
  const weights = (endpoints: readonly Endpoint[]) => endpoints.reduce((sum, { weight }) => sum + weight, 0);

  it.each([
    ['equal', 20, () => 1],
    ['different', 20, (i: number) => 1 + (i % 4)],
    ['very different', 6, (i: number) => 10 ** i],
  ])(
    'nobody has ever more than that, in 100 000 random requests, weights being %s',
    (_name, count, weightOf) => {
      const here = settled(
        Array.from({ length: count }, (_, i) => instance(i, weightOf(i))),
        { bound: 1.25, slots: 2 ** 14 },
      );
      const { endpoints } = here.take(Array.from({ length: count }, (_, i) => instance(i, weightOf(i))));
      const whole = weights(endpoints);
      const random = createRandom(5);
      const inFlight: Endpoint[] = [];
      let above = 0;
      for (let i = 0; i < 100_000; i++) {
        // Waves up to 300 in flight, half of them for one of three keys, some without a key.
        if (inFlight.length > 0 && random.below(300) < inFlight.length) {
          const place = random.below(inFlight.length);
          here.end(inFlight[place]!);
          inFlight[place] = inFlight.at(-1)!;
          inFlight.pop();
          continue;
        }
        const kind = random.below(10);
        const key = kind < 5 ? `hot ${kind % 3}` : kind < 9 ? `/users/${random.below(5_000)}` : undefined;
        const endpoint = here.begin(here.balancer.pick(key)!);
        inFlight.push(endpoint);
        const fair = (1.25 * inFlight.length * endpoint.weight) / whole;
        if (endpoint.inFlight > Math.ceil(fair - 1e-9)) above++;
      }
      expect(above).toBe(0);
    },
  );

  it('a key stays with its endpoint as long as there is room, and goes to always the same others after that', () => {
    const order = () => {
      const here = settled(fleet(0, 10), { bound: 1.25 });
      return Array.from({ length: 30 }, () => here.begin(here.balancer.pick('hot')!).address);
    };
    const one = order();
    expect(order()).toEqual(one);
    const home = settled(fleet(0, 10)).balancer.pick('hot')!.address;
    expect(one[0]).toBe(home);
    // 1.25 × 30 / 10 allows four.
    expect(one.filter((address) => address === home)).toHaveLength(4);
  });

  it('without requests in flight it is as without a bound', () => {
    expect(homes(settled(fleet(0, 30), { bound: 1.25 }))).toEqual(homes(settled(fleet(0, 30))));
  });

  it('it is kept while endpoints come and go with requests in flight', () => {
    const here = settled(fleet(0, 12), { bound: 1.25, slots: 2 ** 12 });
    const random = createRandom(23);
    const inFlight: Endpoint[] = [];
    for (let round = 0; round < 200; round++) {
      const from = random.below(6);
      const { endpoints } = here.take(fleet(from, from + 4 + random.below(8)));
      if (random.below(2) === 0) here.settle();
      for (let i = 0; i < 60; i++) {
        if (random.below(100) < inFlight.length)
          here.end(inFlight.splice(random.below(inFlight.length), 1)[0]!);
        else {
          const endpoint = here.begin(here.balancer.pick(`key ${random.below(4)}`)!);
          inFlight.push(endpoint);
          const total = endpoints.reduce((sum, one) => sum + one.inFlight, 0);
          expect(endpoint.inFlight).toBeLessThanOrEqual(Math.ceil((1.25 * total) / endpoints.length));
        }
      }
    }
  });

  it('it gives way to exclusions: a full endpoint rather than none', () => {
    const here = settled(fleet(0, 3), { bound: 1.25 });
    const [a, b, c] = here.take(fleet(0, 3)).endpoints;
    for (let i = 0; i < 10; i++) here.begin(a!);
    for (const key of ['key', undefined]) {
      expect(here.balancer.pick(key, new Set([b!, c!]))).toBe(a);
      expect(here.balancer.pick(key, new Set([a!, b!, c!]))).toBe(undefined);
    }
  });
});

describe('the options of consistent hashing', () => {
  it('take another hash, by name or as a function', () => {
    const here = (hash: ConsistentHashOptions['hash']) => homes(settled(fleet(0, 30), { hash: hash! }));
    expect(here('fnv1a')).not.toEqual(here('murmur3'));
    const tenants = settled(fleet(0, 30), { hash: (key) => Number(key.split('/')[0]) });
    expect(tenants.balancer.pick('7/a')).toBe(tenants.balancer.pick('7/b'));
    const keys = Array.from({ length: 3_000 }, (_, i) => `${i}/x`);
    const counts = new Map<string, number>();
    for (const home of homes(tenants, keys)) counts.set(home, (counts.get(home) ?? 0) + 1);
    // Small numbers are spread all the same.
    expect(Math.max(...counts.values())).toBeLessThan(160);
  });

  it('come from JSON, checked', () => {
    const make = (options: object) => createBalancer({ name: 'consistent-hash', ...options }, context());
    make({ hash: 'fnv1a', bound: 1.5, slots: 1_024 });
    make({ hash: () => 7 });
    for (const [options, message] of [
      [{ hash: 'md5' }, /hash: .*"murmur3" or "fnv1a"/],
      [{ bound: 1 }, /bound: .*1\.01 to 100/],
      [{ slots: 1_000 }, /slots: .*1024/],
      [{ points: 100 }, /points/],
    ] as const) {
      expect(() => make(options)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_OPTION' }));
      expect(() => make(options)).toThrow(message);
    }
  });
});
