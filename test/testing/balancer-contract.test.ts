import { describe, expect, it } from 'vitest';
import type {
  Balancer,
  BalancerContext,
  BalancerFactory,
  Excluded,
  Outcome,
} from '../../src/balancer/balancer.ts';
import { RoundRobin } from '../../src/balancer/round-robin.ts';
import { WeightedRandom } from '../../src/balancer/weighted-random.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import type { Snapshot } from '../../src/snapshot.ts';
import { type BalancerContractOptions, balancerContract } from '../../src/testing/balancer-contract.ts';

type Case = readonly [name: string, body: () => void | Promise<void>];

function casesOf(balancer: BalancerFactory, options: BalancerContractOptions = {}): Case[] {
  const cases: Case[] = [];
  const collect = { describe: (_: string, body: () => void) => body(), expect };
  balancerContract(
    balancer,
    { ...collect, it: (name, body) => void cases.push([name, body]) },
    { picks: 100_000, ...options },
  );
  return cases;
}

/** Runs the named cases of the suite over a broken balancer; each of them has to fail. */
function catches(
  what: string,
  balancer: BalancerFactory,
  names: readonly string[],
  options?: BalancerContractOptions,
): void {
  it(`catches a balancer that ${what}`, async () => {
    const cases = casesOf(balancer, options);
    for (const name of names) {
      const body = cases.find(([title]) => title.startsWith(name))?.[1];
      if (body === undefined) throw new Error(`there is no case '${name}'`);
      await expect((async () => body())(), `'${name}' passes a balancer that ${what}`).rejects.toThrow();
    }
  });
}

/** Round-robin, right in every respect; mutants change one thing of it. */
class Sound implements Balancer {
  readonly context: BalancerContext;
  readonly turns: RoundRobin;
  endpoints: readonly Endpoint[] = [];

  constructor(context: BalancerContext) {
    this.context = context;
    this.turns = new RoundRobin(context);
  }

  update(snapshot: Snapshot): void {
    this.endpoints = snapshot.endpoints;
    this.turns.update(snapshot);
  }

  pick(_key?: string, exclude?: Excluded): Endpoint | undefined {
    return this.turns.pick(undefined, exclude);
  }

  started(_endpoint: Endpoint): void {}
  finished(_endpoint: Endpoint, _outcome: Outcome): void {}
  reported(_endpoint: Endpoint, _outcome: Outcome): void {}
}

describe('the contract suite passes', () => {
  for (const [name, body] of casesOf((context) => new Sound(context))) it(`what is sound: ${name}`, body);

  it('what is sound and not measured, with fewer cases', () => {
    const all = casesOf((context) => new Sound(context)).length;
    expect(casesOf((context) => new Sound(context), { measured: false }).length).toBe(all - 4);
  });
});

describe('the contract suite, on who is chosen,', () => {
  catches('always takes the first', () => {
    let first: Endpoint | undefined;
    return {
      update: ({ endpoints }) => {
        first = endpoints[0];
      },
      pick: () => first,
    };
  }, [
    'reaches every endpoint',
    'shares evenly, by a chi-square test',
    'does not send every fresh process to the same endpoint',
    'never chooses an excluded endpoint',
    'goes through the whole list when each choice is excluded',
  ]);

  catches('keeps endpoints which have left', () => {
    const all: Endpoint[] = [];
    let next = 0;
    return { update: ({ endpoints }) => void all.push(...endpoints), pick: () => all[next++ % all.length] };
  }, [
    'chooses only endpoints of the newest list',
    'chooses nothing again when all have left',
    'keeps to the list',
  ]);

  catches(
    'knows endpoints by address and hands out old objects',
    ({ random }) => {
      const known = new Map<string, Endpoint>();
      let listed: readonly Endpoint[] = [];
      return {
        update: ({ endpoints }) => {
          for (const endpoint of endpoints)
            if (!known.has(endpoint.address)) known.set(endpoint.address, endpoint);
          listed = endpoints;
        },
        pick: () => known.get(listed[random.below(listed.length)]?.address ?? ''),
      };
    },
    ['chooses the very objects of the list'],
  );

  catches(
    'starts every process at the first endpoint',
    (context) => new RoundRobin({ random: { ...context.random, below: () => 0 } }),
    ['does not send every fresh process to the same endpoint'],
  );

  class Restarting extends Sound {
    cursor = 0;
    override update(snapshot: Snapshot) {
      super.update(snapshot);
      this.cursor = 0;
    }
    override pick(key?: string, exclude?: Excluded) {
      if (exclude !== undefined) return super.pick(key, exclude);
      return this.endpoints[this.cursor++ % this.endpoints.length];
    }
  }
  catches('restarts its rotation at every update', (context) => new Restarting(context), [
    'goes on where it was when the same list comes again',
  ]);

  class Starving extends Sound {
    override pick(key?: string, exclude?: Excluded) {
      const endpoint = super.pick(key, exclude);
      const last = this.endpoints.length > 1 ? this.endpoints.at(-1) : undefined;
      return endpoint === last && exclude === undefined ? super.pick() : endpoint;
    }
  }
  catches('never takes the last', (context) => new Starving(context), [
    'reaches every endpoint',
    'shares evenly, by a chi-square test',
    'goes on where it was when the same list comes again',
  ]);

  class Biased extends Sound {
    override pick(key?: string, exclude?: Excluded) {
      const { random } = this.context;
      if (exclude !== undefined) return super.pick(key, exclude);
      return random.below(10) === 0 ? this.endpoints[0] : this.endpoints[random.below(this.endpoints.length)];
    }
  }
  catches('gives a tenth more to the first', (context) => new Biased(context), [
    'shares evenly, by a chi-square test',
  ]);

  class PassingOn extends Sound {
    override pick(key?: string, exclude?: Excluded) {
      if (exclude === undefined) return super.pick(key);
      const { endpoints } = this;
      const start = this.context.random.below(12) % Math.max(1, endpoints.length);
      return [...endpoints.slice(start), ...endpoints.slice(0, start)]
        .sort((a, b) => Number(exclude.has(a)) - Number(exclude.has(b)) || a.port - b.port)
        .find((endpoint) => !exclude.has(endpoint));
    }
  }
  catches('gives the share of excluded ones to one', (context) => new PassingOn(context), [
    'gives the share of excluded endpoints to all others',
  ]);

  class Counting extends Sound {
    override pick(key?: string, exclude?: Excluded) {
      if (exclude !== undefined && exclude.size >= this.endpoints.length) return undefined;
      return super.pick(key, exclude);
    }
  }
  catches('takes a full exclusion for an exclusion of all', (context) => new Counting(context), [
    'does not mind that excluded endpoints are not in its list',
  ]);

  class Iterating extends Sound {
    override pick(key?: string, exclude?: Excluded) {
      return super.pick(key, exclude && new Set(exclude as Set<Endpoint>));
    }
  }
  catches('needs a real Set', (context) => new Iterating(context), ['asks no more of `exclude`']);

  class Remembering extends Sound {
    readonly #seen = new WeakMap<Excluded, Excluded>();
    override pick(key?: string, exclude?: Excluded) {
      if (exclude === undefined) return super.pick(key);
      if (!this.#seen.has(exclude)) this.#seen.set(exclude, new Set(exclude as Set<Endpoint>));
      return super.pick(key, this.#seen.get(exclude));
    }
  }
  catches('takes a set for what it was before', (context) => new Remembering(context), [
    'goes through the whole list when each choice is excluded',
  ]);
});

describe('the contract suite, on requests and lists that change,', () => {
  class Throwing extends Sound {
    override finished(endpoint: Endpoint) {
      if (!this.endpoints.includes(endpoint)) throw new Error('no such endpoint');
    }
  }
  catches('throws when a request ends late', (context) => new Throwing(context), [
    'is told of requests that end after their endpoint has left',
    'is told of requests that begin, end or are reported for an endpoint that is not in the list',
    'is told of a request that ends after its endpoint has left and come back',
    'keeps to the list',
  ]);

  class Resurrecting extends Sound {
    override finished(endpoint: Endpoint) {
      if (!this.endpoints.includes(endpoint)) {
        const endpoints = [...this.endpoints, endpoint];
        this.turns.update({ version: 0, endpoints, addresses: [] });
      }
    }
  }
  catches('takes an endpoint back when its request ends late', (context) => new Resurrecting(context), [
    'is told of requests that end after their endpoint has left',
    'keeps to the list',
  ]);

  /** Counts by itself, and forgets to count down for those that left. */
  class Leaking extends Sound {
    readonly #loads = new Map<string, number>();
    add(endpoint: Endpoint, by: number) {
      this.#loads.set(endpoint.address, (this.#loads.get(endpoint.address) ?? 0) + by);
    }
    override started(endpoint: Endpoint) {
      this.add(endpoint, 1);
    }
    override finished(endpoint: Endpoint) {
      if (this.endpoints.includes(endpoint)) this.add(endpoint, -1);
    }
    override pick(key?: string, exclude?: Excluded) {
      const one = super.pick(key, exclude);
      const other = super.pick(key, exclude);
      const load = (endpoint?: Endpoint) => this.#loads.get(endpoint?.address ?? '') ?? 0;
      return load(other) < load(one) ? other : one;
    }
  }
  catches('loses the end of requests to those that left', (context) => new Leaking(context), [
    'shares evenly again when all requests of a storm have ended',
  ]);

  /** Counts up and down by itself, and so below 0. */
  class Minding extends Leaking {
    override finished(endpoint: Endpoint) {
      this.add(endpoint, -1);
    }
  }
  catches('counts the end of requests that began under another strategy', (context) => new Minding(context), [
    'takes over requests that it has not seen begin',
  ]);

  class Forgetting extends Sound {
    override update(snapshot: Snapshot) {
      super.update(snapshot);
      for (const endpoint of snapshot.endpoints) {
        endpoint.response = undefined;
        endpoint.picks = 0;
      }
    }
    override pick(key?: string, exclude?: Excluded) {
      const endpoint = super.pick(key, exclude);
      if (endpoint !== undefined) endpoint.picks++;
      return endpoint;
    }
    override reported(endpoint: Endpoint, { elapsed = 0 }: Outcome) {
      endpoint.response = { average: elapsed, at: 0 };
    }
  }
  catches('forgets what it has learned at every update', (context) => new Forgetting(context), [
    'changes nothing that is known of its endpoints',
    'takes nothing away from endpoints that leave',
  ]);

  class Tidy extends Sound {
    override update(snapshot: Snapshot) {
      for (const endpoint of this.endpoints)
        if (!snapshot.endpoints.includes(endpoint)) endpoint.inFlight = 0;
      super.update(snapshot);
    }
  }
  catches('takes endpoints that leave for unused', (context) => new Tidy(context), [
    'takes nothing away from endpoints that leave',
    'shares evenly again when all requests of a storm have ended',
  ]);

  class Meddling extends Sound {
    override pick(key?: string, exclude?: Excluded) {
      const endpoint = super.pick(key, exclude);
      if (endpoint !== undefined) endpoint.inFlight++;
      return endpoint;
    }
  }
  catches('counts requests in flight itself', (context) => new Meddling(context), [
    'leaves the counting of requests in flight to the service',
  ]);

  class Grudging extends Sound {
    readonly #bad = new Set<Endpoint>();
    override reported(endpoint: Endpoint, { ok, elapsed = 0 }: Outcome) {
      if (!ok || elapsed > 1_000) this.#bad.add(endpoint);
    }
    override pick(key?: string, exclude?: Excluded) {
      return super.pick(key, exclude ?? this.#bad) ?? super.pick(key, exclude);
    }
  }
  catches('never forgives', (context) => new Grudging(context), [
    'comes back in the end to an endpoint that was very slow, or failed, once',
  ]);

  class Dividing extends Sound {
    override finished(endpoint: Endpoint, { elapsed }: Outcome) {
      endpoint.response = { average: (endpoint.response?.average ?? 0) * 0.9 + (elapsed as number), at: 0 };
    }
  }
  catches('averages times that were not measured', (context) => new Dividing(context), ['keeps to the list']);
});

describe('the contract suite, on repeating,', () => {
  class Drawing extends Sound {
    override pick(key?: string, exclude?: Excluded) {
      if (exclude !== undefined) return super.pick(key, exclude);
      return this.endpoints[Math.floor(Math.random() * this.endpoints.length)];
    }
  }
  catches('draws from Math.random', (context) => new Drawing(context), [
    'does the same again with the same seed',
    'does the same again with requests in flight',
    'asks neither the time nor chance of the system',
  ]);

  class Asking extends Sound {
    asked = 0;
    readonly ask: () => number;
    constructor(context: BalancerContext, ask: () => number) {
      super(context);
      this.ask = ask;
    }
    override pick(key?: string, exclude?: Excluded) {
      this.asked = this.ask();
      return super.pick(key, exclude);
    }
  }
  const asking = ['asks neither the time nor chance of the system'];
  catches('reads Date.now', (context) => new Asking(context, () => Date.now()), asking);
  catches(
    'reads the clock it was given',
    (context) => new Asking(context, () => context.clock.now()),
    asking,
  );
  catches('works on later', (context) => new Asking(context, () => Number(queueMicrotask(() => {}))), asking);
});

describe('the contract suite, on rest,', () => {
  const ticking = (context: BalancerContext, stops: readonly ('idle' | 'close')[]): Balancer => {
    const sound = new Sound(context);
    let timer: object | undefined;
    const tick = () => {
      timer = context.clock.setTimeout(tick, 100);
    };
    tick();
    const stop = () => context.clock.clearTimeout(timer);
    return {
      update: (snapshot) => sound.update(snapshot),
      pick: (key, exclude) => sound.pick(key, exclude),
      idle: (idle) => {
        if (stops.includes('idle')) stop();
        if (!idle && stops.includes('idle')) tick();
      },
      close: () => {
        if (stops.includes('close')) stop();
      },
    };
  };
  catches('leaves its timer behind', (context) => ticking(context, ['idle']), [
    'leaves no timer behind when it is closed, idle or not',
    'leaves no timer behind when it is closed at once',
  ]);
  catches('works on while nobody uses it', (context) => ticking(context, ['close']), [
    'has no timer after a while of idleness',
  ]);
});

describe('the contract suite, on cost,', () => {
  class Scanning extends Sound {
    override pick(key?: string, exclude?: Excluded) {
      let least: Endpoint | undefined;
      for (const endpoint of this.endpoints) {
        if (exclude?.has(endpoint)) continue;
        if (least === undefined || endpoint.inFlight < least.inFlight) least = endpoint;
      }
      return least === undefined ? undefined : super.pick(key, exclude);
    }
  }
  catches('looks at all endpoints in every pick', (context) => new Scanning(context), [
    'reads no more of 4 096 endpoints',
  ]);

  class Adding extends Sound {
    #loads = new Float64Array();
    override update(snapshot: Snapshot) {
      super.update(snapshot);
      this.#loads = new Float64Array(snapshot.endpoints.length);
    }
    override pick(key?: string, exclude?: Excluded) {
      let sum = 0;
      for (let i = 0; i < this.#loads.length; i++) sum += this.#loads[i]!;
      return sum > 0 ? undefined : super.pick(key, exclude);
    }
  }
  catches('goes through an array of its own in every pick', (context) => new Adding(context), [
    'takes about the same time among 10 000 endpoints as among 10',
  ]);

  class Sorting extends Sound {
    override started() {
      this.endpoints = [...this.endpoints].sort((a, b) => a.inFlight - b.inFlight);
    }
  }
  catches('sorts its list at every request', (context) => new Sorting(context), [
    'reads no more of 4 096 endpoints',
    'allocates two numbers at most for a request',
  ]);

  class Wasteful extends Sound {
    kept: unknown;
    override pick(key?: string, exclude?: Excluded) {
      const endpoint = super.pick(key, exclude);
      this.kept = { endpoint };
      return endpoint;
    }
  }
  catches('makes one small object a pick', (context) => new Wasteful(context), [
    'allocates nothing in a pick',
  ]);

  class Seldom extends Wasteful {
    #picks = 0;
    override pick(key?: string, exclude?: Excluded) {
      return this.#picks++ % 16 === 0 ? super.pick(key, exclude) : this.turns.pick(key, exclude);
    }
  }
  catches('makes one small object in sixteen picks', (context) => new Seldom(context), [
    'allocates nothing in a pick',
  ]);

  class Filtering extends Sound {
    override pick(key?: string, exclude?: Excluded) {
      if (exclude === undefined) return super.pick(key);
      return this.#others(exclude)[0];
    }
    #others(exclude: Excluded) {
      return this.endpoints.filter((endpoint) => !exclude.has(endpoint));
    }
  }
  catches('makes a list of those that are not excluded', (context) => new Filtering(context), [
    'allocates nothing in a pick with a key, or with others excluded',
    'gives the share of excluded endpoints to all others',
  ]);
});

describe('the contract suite, on weights,', () => {
  const all = { weights: true };
  catches(
    'ignores them',
    (context) => new Sound(context),
    [
      'shares in proportion to the weights',
      'gives nothing to a weight of 0',
      'has more requests in flight at the heavier ones',
    ],
    all,
  );
  catches('obeys them although it says that it does not', (context) => new WeightedRandom(context), [
    'shares evenly whatever the weights are',
  ]);

  /** Draws by the weights that `weightOf` sees. */
  const drawing =
    (weightOf: (snapshot: Snapshot, place: number) => number): BalancerFactory =>
    ({ random }) => {
      const balancer = new WeightedRandom({ random });
      return {
        update: (snapshot) => {
          const { endpoints, version } = snapshot;
          const addresses = snapshot.addresses.map((address, place) => ({
            ...address,
            weight: weightOf(snapshot, place),
          }));
          balancer.update({ version, endpoints, addresses });
        },
        pick: (key, exclude) => balancer.pick(key, exclude),
      };
    };
  it('passes one that obeys them', () => {
    const sound = drawing(({ addresses }, place) => addresses[place]!.weight);
    const names = casesOf(sound, all).filter(([name]) => /weight|proportion/.test(name));
    expect(names.length).toBeGreaterThan(7);
    for (const [, body] of names) body();
  });
  catches(
    'sees the weights of the endpoints',
    drawing(({ endpoints }, place) => endpoints[place]!.weight),
    ['takes the weights of the snapshot'],
    all,
  );
  catches(
    'has no place for fractions',
    drawing(({ addresses }, place) => Math.ceil(addresses[place]!.weight)),
    ['shares in proportion to weights that are fractions', 'keeps the proportion while one weight grows'],
    all,
  );
  catches(
    'has no place for large ones',
    drawing(({ addresses }, place) => Math.min(100, addresses[place]!.weight)),
    ['shares in proportion to the weights', 'shares in proportion among 300'],
    all,
  );
  catches(
    'gives a little to a weight of 0',
    drawing(({ addresses }, place) => addresses[place]!.weight || 0.01),
    ['gives nothing to a weight of 0'],
    all,
  );
  const once = (): BalancerFactory => (context) => {
    const balancer = new WeightedRandom(context);
    let size = -1;
    return {
      update: (snapshot) => {
        // Nobody has come or gone: nothing to do, it thinks.
        if (snapshot.endpoints.length !== size) balancer.update(snapshot);
        size = snapshot.endpoints.length;
      },
      pick: (key, exclude) => balancer.pick(key, exclude),
    };
  };
  catches('does not see that weights change', once(), ['follows weights that change'], all);
});

describe('the contract suite, on keys,', () => {
  /** The simplest that sticks: the hash of the key, modulo. */
  class Modulo extends Sound {
    seed = 0;
    place(key: string): number {
      let hash = this.seed;
      for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) >>> 0;
      return hash % this.endpoints.length;
    }
    override pick(key?: string, exclude?: Excluded) {
      if (key === undefined || exclude !== undefined) return super.pick(key, exclude);
      return this.endpoints[this.place(key)];
    }
  }
  const all = { sticks: true };
  catches(
    'rotates all the same',
    (context) => new Sound(context),
    [
      'keeps a key with its endpoint',
      'gives a key the same endpoint in every process',
      'moves no key when a list comes again',
    ],
    all,
  );
  catches(
    'moves most keys when one endpoint leaves',
    (context) => new Modulo(context),
    ['moves few keys beside those of an endpoint that leaves'],
    all,
  );

  class Salted extends Modulo {
    constructor(context: BalancerContext) {
      super(context);
      this.seed = context.random.next();
    }
  }
  catches(
    'scatters keys anew in every process',
    (context) => new Salted(context),
    ['gives a key the same endpoint in every process'],
    all,
  );

  class Lumpy extends Modulo {
    override place(key: string) {
      return Math.floor(super.place(key) / 2);
    }
  }
  catches(
    'gives all keys to half of the endpoints',
    (context) => new Lumpy(context),
    ['spreads the keys over all endpoints'],
    all,
  );
});
