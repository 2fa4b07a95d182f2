import type { Endpoint } from '../../endpoint.ts';
import { type BalancerWorld, numbered } from './balancer-world.ts';
import { outcomes, Requests } from './requests.ts';
import { chiSquare } from './statistics.ts';
import { countsOf, only, type Suite } from './suite.ts';

/** Lists that change under the requests. */
export function churn({ open, it, expect, options }: Suite): void {
  it(`keeps to the list through ${options.picks} picks under random updates, with requests in flight`, async () => {
    const world = open(11);
    const faults: string[] = [];
    for (let picked = 0; picked < options.picks && faults.length === 0; ) {
      const batch = Math.min(options.picks - picked, 1 + world.random.below(2_000));
      changeList(world);
      // Now and then time goes on: averages decay, probes are due.
      if (world.random.below(8) === 0) await world.clock.advance(world.random.below(500));
      const fault = storm(world, batch);
      if (fault !== undefined) faults.push(`after ${picked} picks: ${fault}`);
      picked += batch;
    }
    expect(faults).toEqual([]);
  });

  it('is told of requests that end after their endpoint has left, and goes on', () => {
    const { balancer, list, begin, end } = open();
    const { endpoints } = list(4);
    for (const endpoint of endpoints) {
      begin(endpoint);
      begin(endpoint);
    }
    for (const endpoint of endpoints) end(endpoint, { ok: true, elapsed: 3 });
    const listed = list(2, 6).endpoints;
    for (const endpoint of endpoints) end(endpoint, { ok: false, elapsed: 12 });
    for (let i = 0; i < 20; i++) expect(listed.includes(balancer.pick()!)).toBe(true);
  });

  it('is told of requests that begin, end or are reported for an endpoint that is not in the list', () => {
    const { balancer, list, begin, end } = open();
    const strangers = open().list(2, 50).endpoints;
    const stranger = strangers[0]!;
    for (const count of [0, 3, 0, 2]) {
      const listed = list(count).endpoints;
      begin(stranger);
      for (const outcome of outcomes) balancer.reported?.(stranger, outcome);
      end(stranger, { ok: true, elapsed: 1 });
      for (const outcome of outcomes) balancer.reported?.(strangers[1]!, outcome);
      for (let i = 0; i < 20; i++) {
        const endpoint = balancer.pick();
        expect(endpoint === undefined ? listed.length === 0 : listed.includes(endpoint)).toBe(true);
      }
    }
  });

  it('is told of a request that ends after its endpoint has left and come back', () => {
    const { balancer, list, begin, end } = open();
    const all = list(3).endpoints;
    for (let i = 0; i < 5; i++) for (const endpoint of all) begin(endpoint);
    list(1);
    for (const endpoint of all) end(endpoint, { ok: true, elapsed: 2 });
    expect(list(3).endpoints).toEqual(all);
    for (let i = 0; i < 4; i++) for (const endpoint of all) end(endpoint, { ok: true, elapsed: 2 });
    for (let i = 0; i < 20; i++) expect(all.includes(balancer.pick()!)).toBe(true);
  });

  it('takes over requests that it has not seen begin, as after a change of strategy', () => {
    const { endpoints, addresses } = open().list(6);
    for (const [i, endpoint] of endpoints.entries()) endpoint.inFlight = 4 * i;
    const { balancer, end } = open(2);
    balancer.update({ version: 1, endpoints, addresses });
    for (let i = 0; i < 20; i++) expect(endpoints.includes(balancer.pick()!)).toBe(true);
    for (const endpoint of endpoints) while (endpoint.inFlight > 0) end(endpoint, { ok: true, elapsed: 10 });
    const counts = countsOf(endpoints, 1_200, () => balancer.pick());
    if (options.spreads) expect(Math.min(...counts), `${counts}`).toBeGreaterThan(100);
  });

  only(options.spreads, it)('shares evenly again when all requests of a storm have ended', async () => {
    const world = open(5);
    const { balancer, clock, random } = world;
    const requests = new Requests(world, random);
    for (let round = 0; round < 60; round++) {
      changeList(world);
      for (let i = 0; i < 50; i++) {
        const endpoint = balancer.pick();
        if (endpoint !== undefined) requests.begin(endpoint);
        if (random.below(3) === 0) requests.endOne({ ok: true, elapsed: 10 });
      }
    }
    const { endpoints } = world.list(8);
    requests.endAll({ ok: true, elapsed: 10 });
    await clock.advance(60_000);
    expect(endpoints.filter(({ inFlight }) => inFlight !== 0)).toEqual([]);
    const counts = countsOf(endpoints, 1_600, () => balancer.pick());
    // What counts for ever may have something to make up for.
    expect(Math.min(...counts), `${counts}`).toBeGreaterThan(0);
    const later = countsOf(endpoints, 8_000, () => balancer.pick());
    const { value, limit } = chiSquare(
      later,
      later.map(() => 1),
    );
    expect(limit, `chi-square of ${value}: ${later}`).toBeGreaterThan(value);
  });
}

/** Another list: some join, leave, come back or have another weight; now and then nobody or everybody does. */
export function changeList({ random, take, snapshot }: BalancerWorld): void {
  const kind = random.below(20);
  if (kind === 0) take([]);
  else if (kind === 1) take(Array.from({ length: 40 }, (_, i) => numbered(i)));
  else if (kind < 6 && snapshot.addresses.length > 0) {
    take(
      snapshot.addresses.map((address) => ({
        ...address,
        weight: (random.below(4) * random.below(100)) / 8,
      })),
    );
  } else {
    const share = 1 + random.below(9);
    const some = Array.from({ length: 24 }, (_, i) => i).filter(() => random.below(10) < share);
    // Consul shuffles its answers.
    some.sort(() => random.below(3) - 1);
    take(some.map((i) => numbered(i, random.below(3) === 0 ? random.below(65_536) : 1)));
  }
}

/** Picks of all kinds; returns what is wrong, if anything is. */
function storm(world: BalancerWorld, picks: number): string | undefined {
  const { balancer, random } = world;
  const { endpoints } = world.snapshot;
  const listed = new Set(endpoints);
  const requests = requestsOf(world);
  const excluded = new Set<Endpoint>();
  for (const endpoint of endpoints) if (random.below(4) === 0) excluded.add(endpoint);
  for (let i = 0; i < picks; i++) {
    const kind = random.below(16);
    const exclude = kind === 0 ? excluded : undefined;
    const endpoint = balancer.pick(kind > 12 ? `key ${i & 63}` : undefined, exclude);
    if (endpoint === undefined) {
      const open = exclude === undefined ? listed.size : listed.size - exclude.size;
      if (open > 0) return `nothing was chosen, with ${open} to choose from`;
      continue;
    }
    if (!listed.has(endpoint)) return `${endpoint.address} was chosen, which has left`;
    if (exclude?.has(endpoint)) return `${endpoint.address} was chosen, which was excluded`;
    if ((kind & 1) === 0) requests.begin(endpoint);
    else if (kind < 8) balancer.reported?.(endpoint, outcomes[i & 7]!);
    while (requests.size > 200 || (requests.size > 0 && random.below(2) === 0)) requests.endOne();
  }
  return endpoints.map(senseless).find((fault) => fault !== undefined);
}

const underWay = new WeakMap<BalancerWorld, Requests>();

/** Those that are in flight while the list changes. */
function requestsOf(world: BalancerWorld): Requests {
  let requests = underWay.get(world);
  if (requests === undefined) {
    requests = new Requests(world, world.random);
    underWay.set(world, requests);
  }
  return requests;
}

/** What cannot be: a counter that is no number, or below nothing. */
function senseless({ address, inFlight, picks, latency = 0, response }: Endpoint): string | undefined {
  const numbers = [inFlight, picks, latency, response?.average ?? 0, response?.at ?? 0];
  const wrong = numbers.some((number) => !(number >= 0)) || !Number.isFinite(response?.average ?? 0);
  return wrong ? `${address} has the counters ${JSON.stringify(numbers.map(String))}` : undefined;
}
