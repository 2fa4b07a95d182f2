import type { Endpoint } from '../../endpoint.ts';
import type { BalancerWorld } from './balancer-world.ts';
import { Requests } from './requests.ts';
import { only, type Suite } from './suite.ts';

interface Known {
  readonly inFlight: number;
  readonly picks: number;
  readonly latency: number | undefined;
  readonly response: { average: number; at: number } | undefined;
}

const knownOf = ({ inFlight, picks, latency, response }: Endpoint): Known => ({
  inFlight,
  picks,
  latency,
  response: response === undefined ? undefined : { average: response.average, at: response.at },
});

/** What is known of an endpoint belongs to it: no list takes it away. */
export function memory({ open, it, expect, options }: Suite): void {
  /** What a list of this kind changes of what is known, by address. */
  const changedBy = (change: (world: BalancerWorld) => void) => {
    const world = open(3);
    const { endpoints } = world.list(8);
    const requests = new Requests(world, world.random);
    for (let i = 0; i < 400; i++) {
      const endpoint = world.balancer.pick();
      if (endpoint === undefined) continue;
      requests.begin(endpoint);
      world.balancer.reported?.(endpoint, { ok: true, elapsed: 1 + (i % 50) });
      if (i % 10 > 0) requests.endOne();
    }
    const before = endpoints.map(knownOf);
    change(world);
    return { before, after: endpoints.map(knownOf) };
  };

  it('changes nothing that is known of its endpoints when a list comes again, reordered or with other weights', () => {
    const changes: readonly ((world: BalancerWorld) => void)[] = [
      ({ balancer, snapshot }) => balancer.update(snapshot),
      ({ balancer, snapshot: { version, endpoints, addresses } }) =>
        balancer.update({ version: version + 1, endpoints: [...endpoints], addresses: [...addresses] }),
      ({ take, snapshot }) => void take([...snapshot.addresses].reverse()),
      ({ weigh }) => void weigh(5, 0, 65_535, 1, 2, 0.5, 1, 1),
    ];
    for (const change of changes) {
      const { before, after } = changedBy(change);
      expect(after).toEqual(before);
    }
  });

  it('takes nothing away from endpoints that leave, and nothing when they come back', () => {
    const changes: readonly ((world: BalancerWorld) => void)[] = [
      ({ list }) => void list(3),
      ({ list }) => void list(0),
      ({ list }) => {
        list(5, 3);
        list(8);
      },
      ({ list }) => {
        list(0);
        list(8);
      },
    ];
    for (const change of changes) {
      const { before, after } = changedBy(change);
      // Who comes back may be set to the others' level, never below its own.
      expect(after.filter(({ picks }, i) => picks < before[i]!.picks)).toEqual([]);
      const rest = ({ inFlight, latency, response }: Known) => ({ inFlight, latency, response });
      expect(after.map(rest)).toEqual(before.map(rest));
    }
  });

  it('leaves the counting of requests in flight to the service', () => {
    const world = open();
    const { endpoints } = world.list(5);
    for (let i = 0; i < 100; i++) world.balancer.pick();
    for (const endpoint of endpoints) world.balancer.reported?.(endpoint, { ok: true, elapsed: 1 });
    expect(endpoints.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0, 0, 0]);
    for (const endpoint of endpoints) world.begin(endpoint);
    for (let i = 0; i < 100; i++) world.balancer.pick();
    expect(endpoints.map(({ inFlight }) => inFlight)).toEqual([1, 1, 1, 1, 1]);
    for (const endpoint of endpoints) world.end(endpoint, { ok: false });
    expect(endpoints.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0, 0, 0]);
  });

  only(options.spreads, it)(
    'comes back in the end to an endpoint that was very slow, or failed, once',
    async () => {
      for (const outcome of [{ ok: true, elapsed: 60_000 }, { ok: false, elapsed: 1 }, { ok: false }]) {
        const world = open();
        const { balancer, clock, list, begin, end } = world;
        const { endpoints } = list(4);
        const [bad] = endpoints;
        for (const endpoint of endpoints) {
          begin(endpoint);
          end(endpoint, endpoint === bad ? outcome : { ok: true, elapsed: 10 });
        }
        balancer.reported?.(bad!, outcome);
        let chosen = 0;
        // Ten minutes, in which the others are in use.
        for (let second = 0; second < 600 && chosen === 0; second += 5) {
          await clock.advance(5_000);
          for (let i = 0; i < 40; i++) {
            const endpoint = balancer.pick();
            if (endpoint === undefined) continue;
            begin(endpoint);
            end(endpoint, { ok: true, elapsed: 10 });
            if (endpoint === bad) chosen++;
          }
        }
        expect(chosen, `after ${JSON.stringify(outcome)}`).toBeGreaterThan(0);
      }
    },
  );
}
