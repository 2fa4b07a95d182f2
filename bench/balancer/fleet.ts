import type { Balancer, BalancerContext, Outcome } from '../../src/balancer/balancer.ts';
import { createBalancer } from '../../src/balancer/index.ts';
import { type Clock, systemClock, type TimerHandle } from '../../src/clock.ts';
import { createCoarseClock, tickLength } from '../../src/coarse-clock.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import type { Prober } from '../../src/health/probe.ts';
import { createRandom } from '../../src/random.ts';
import type { Address } from '../../src/resolver/resolver.ts';
import { emptySnapshot, reconcile, rememberDeparted, type Snapshot } from '../../src/snapshot.ts';
import type { Fleet } from '../contenders/contender.ts';
import type { Case } from './cases.ts';

/** `size` instances, each with an address and a port of its own. */
export function addressesOf(
  size: number,
  { unequal = false }: { readonly unequal?: boolean } = {},
): Address[] {
  return Array.from({ length: size }, (_, i) => ({
    host: `10.0.${i >> 8}.${i & 255}`,
    port: 8_000 + i,
    priority: 1,
    weight: unequal ? 1 + ((i * 37) % 100) : 1,
  }));
}

export function snapshotOf(size: number, state: { readonly unequal?: boolean } = {}): Snapshot {
  return reconcile(emptySnapshot, addressesOf(size, state), rememberDeparted(systemClock)).snapshot;
}

/** The same for the peers. */
export function fleetOf({ endpoints, addresses }: Snapshot): Fleet {
  return {
    endpoints,
    weights: addresses.map(({ weight }) => weight),
    loads: endpoints.map((_, i) => ((i * 61) % 100) / 100),
  };
}

/** Few enough to stay in every cache, more than any predictor learns by heart. */
export const keys: readonly string[] = Array.from({ length: 512 }, (_, i) => `user-${100_000 + i * 7}`);

/** All within the tolerance of the best, so that picks rotate over all of them. */
export function latencyOf({ port }: { readonly port: number }): number {
  return 5 + (port % 10) / 10;
}

export interface BareBalancer {
  readonly balancer: Balancer;
  /** A tenth of a second goes by: all that is due is done, the coarse clock ticks. */
  readonly tick: () => void;
  /** Brings work in slices to its end. */
  readonly settle: () => Slices;
}

/** Work off the hot path, in ms. */
export interface Slices {
  readonly longest: number;
  readonly total: number;
}

/** The balancer alone. Its timers are run by hand, and its prober has measured everything as soon as it knows it. */
export function bareBalancer(strategy: string, snapshot: Snapshot): BareBalancer {
  const due = new Set<{ readonly action: () => void; readonly delay: number }>();
  const clock: Clock = {
    now: () => performance.now(),
    setTimeout: (action, delay): TimerHandle => {
      const timer = { action, delay };
      due.add(timer);
      return timer;
    },
    clearTimeout: (timer) => {
      due.delete(timer as { readonly action: () => void; readonly delay: number });
    },
  };
  const context: BalancerContext = {
    clock,
    coarse: createCoarseClock(clock),
    random: createRandom(1),
    prober: ({ onMeasured }): Prober => ({
      update(endpoints: readonly Endpoint[]) {
        for (const endpoint of endpoints) {
          endpoint.latency = latencyOf(endpoint);
          onMeasured(endpoint);
        }
      },
      idle() {},
      close() {},
    }),
  };
  const tick = () => {
    for (const timer of [...due]) if (due.delete(timer)) timer.action();
  };
  const settle = () => {
    let longest = 0;
    let total = 0;
    for (;;) {
      const slices = [...due].filter(({ delay }) => delay < tickLength);
      if (slices.length === 0) return { longest, total };
      for (const slice of slices) {
        due.delete(slice);
        const start = performance.now();
        slice.action();
        const took = performance.now() - start;
        longest = Math.max(longest, took);
        total += took;
      }
    }
  };
  const balancer = createBalancer(strategy, context);
  balancer.update(snapshot);
  settle();
  tick();
  return { balancer, tick, settle };
}

/** The state of a case: everything has answered once, and where it is busy 0…3 requests are in flight everywhere. */
export function prepare({ busy }: Case, balancer: Balancer, { endpoints }: Snapshot): void {
  for (const endpoint of endpoints) {
    balancer.reported?.(endpoint, { ok: true, elapsed: latencyOf(endpoint) });
  }
  if (!busy) return;
  for (const [i, endpoint] of endpoints.entries()) {
    for (let load = (i * 7) % 4; load > 0; load--) {
      endpoint.inFlight++;
      balancer.started?.(endpoint);
    }
  }
}

/** How requests go: well, in 4…6 ms. */
export const outcomes: readonly Outcome[] = Array.from({ length: 64 }, (_, i) => ({
  ok: true,
  elapsed: 4 + ((i * 29) % 64) / 32,
}));

export function pause(delay: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delay));
}
