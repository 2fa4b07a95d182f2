import { createCoarseClock } from '../src/coarse-clock.ts';
import { createRandom } from '../src/random.ts';
import { Client } from './client.ts';
import type { Case, Contestant } from './scenario.ts';
import { simulatedClock } from './simulated-clock.ts';
import { Arrivals, imbalance, Sample } from './statistics.ts';
import { Workload } from './workload.ts';
import { World } from './world.ts';

/** What came of one contestant in one case. Times in ms; long polls are not in the times. */
export interface Result {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly mean: number;
  /** Requests that were counted, and those of them that failed in the end. */
  readonly requests: number;
  readonly failed: number;
  /** Largest over mean of the servers: attempts they got, share of their slots that worked. */
  readonly requestImbalance: number;
  readonly utilisationImbalance: number;
  /** Variance over mean of a server's arrivals per window: 1 is chance, above it swarms. */
  readonly herding: number;
  /** How much of a window's arrivals went to its busiest server, over the fair share. */
  readonly peak: number;
}

/** Watches a simulation more closely than its result does. */
export interface Watcher {
  /** Every attempt, when it is sent. */
  sent?(server: number, at: number): void;
  /** Every request that is no long poll, when it ends. */
  ended?(begun: number, at: number, ok: boolean): void;
}

/** Runs one case to its end. The same seed gives the same result, to the last digit, and the same requests to all contestants. */
export function simulate(plan: Case, contestant: Contestant, seed: number, watcher: Watcher = {}): Result {
  const world = new World(plan.servers);
  const { events, servers } = world;
  const clock = simulatedClock(events);
  const coarse = createCoarseClock(clock);
  const seeds = createRandom(seed);
  const workload = new Workload(plan, seeds.next());
  const countedFrom = Math.floor(plan.requests * (plan.unmeasured ?? 0.2));
  const times = new Sample();
  let arrivals: Arrivals | undefined;
  let busyBefore: number[] = [];
  let busyAfter: number[] = [];
  let begunAt = 0;
  let endedAt = 0;
  let failed = 0;
  let open = plan.requests;

  const clients = Array.from({ length: plan.clients }, () => {
    return new Client({
      world,
      contestant,
      meanWork: plan.work.mean,
      clock,
      coarse,
      seed: seeds.next(),
      onSent: (endpoint) => {
        const server = world.indexOf(endpoint);
        if (endedAt === 0) arrivals?.add(server, events.now);
        watcher.sent?.(server, events.now);
      },
    });
  });
  const joins = new Set(plan.servers.map(({ joins = 0 }) => joins).filter((at) => at > 0));
  for (const at of joins) {
    for (const client of clients) {
      events.schedule(at + (plan.discovery ?? 0) * seeds.fraction(), () => client.discover());
    }
  }

  const busy = () => servers.map((server) => server.busyTime / server.plan.slots);
  const arrive = (count: number) => {
    if (count === countedFrom) {
      arrivals = new Arrivals(servers.length, plan.window, events.now);
      busyBefore = busy();
      begunAt = events.now;
    }
    const request = workload.request();
    const begun = events.now;
    clients[workload.client()]!.send(request, (ok) => {
      open--;
      if (request.poll) return;
      watcher.ended?.(begun, events.now, ok);
      if (count < countedFrom) return;
      times.add(events.now - begun);
      if (!ok) failed++;
    });
    if (count + 1 < plan.requests) events.schedule(workload.gap(events.now), () => arrive(count + 1));
    else {
      busyAfter = busy();
      endedAt = events.now;
    }
  };
  events.schedule(workload.gap(0), () => arrive(0));
  while (open > 0) events.step();

  const utilisation = busyAfter.map((after, i) => (after - busyBefore[i]!) / (endedAt - begunAt));
  return {
    p50: times.quantile(0.5),
    p99: times.quantile(0.99),
    p999: times.quantile(0.999),
    mean: times.mean,
    requests: times.size,
    failed,
    requestImbalance: imbalance(arrivals?.perServer ?? []),
    utilisationImbalance: imbalance(utilisation),
    herding: arrivals?.dispersion ?? Number.NaN,
    peak: arrivals?.peak ?? Number.NaN,
  };
}
