import type { Balancer, BalancerContext } from '../../src/balancer/balancer.ts';
import { createBalancer } from '../../src/balancer/index.ts';
import { type Clock, systemClock, type TimerHandle } from '../../src/clock.ts';
import { createCoarseClock } from '../../src/coarse-clock.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import type { Prober } from '../../src/health/probe.ts';
import { createDiscovery, type Discovery, fastest, fixed, type Service } from '../../src/index.ts';
import { createRandom } from '../../src/random.ts';
import type { Address } from '../../src/resolver/resolver.ts';
import { emptySnapshot, reconcile, rememberDeparted, type Snapshot } from '../../src/snapshot.ts';

export type StrategyName = 'round-robin' | 'least-used' | 'fastest';

/** `size` instances, each with an address and a port of its own. */
function addresses(size: number): Address[] {
  return Array.from({ length: size }, (_, i) => ({
    host: `10.0.${i >> 8}.${i & 255}`,
    port: 8_000 + i,
    priority: 1,
    weight: 1,
  }));
}

export function snapshotOf(size: number): Snapshot {
  return reconcile(emptySnapshot, addresses(size), rememberDeparted(systemClock)).snapshot;
}

/** All within the tolerance of the best, so that picks rotate over all of them. */
function latencyOf({ port }: { readonly port: number }): number {
  return 5 + (port % 10) / 10;
}

/** The balancer alone, with a prober that has measured everything as soon as it knows it. */
export function bareBalancer(strategy: StrategyName, snapshot: Snapshot): Balancer {
  const due: (() => void)[] = [];
  const clock: Clock = {
    now: () => performance.now(),
    setTimeout: (action): TimerHandle => {
      due.push(action);
      return action;
    },
    clearTimeout: () => {},
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
  const balancer = createBalancer(strategy, context);
  balancer.update(snapshot);
  for (const action of due.splice(0)) action();
  return balancer;
}

/** The same strategy behind the public API. */
export async function publicService(
  strategy: StrategyName,
  size: number,
): Promise<{ service: Service; discovery: Discovery }> {
  const discovery = createDiscovery({ source: fixed(addresses(size)) });
  const balancer =
    strategy === 'fastest'
      ? fastest({ probe: async (target) => latencyOf(target), interval: 86_400_000, concurrency: 64 })
      : strategy;
  const service = discovery.service('web', { balancer });
  await service.ready();
  if (strategy === 'fastest') {
    while (service.endpoints.some(({ latency }) => latency === undefined)) await pause(5);
    // The fast set is worked out a moment after the last result.
    await pause(100);
  }
  return { service, discovery };
}

export function pause(delay: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delay));
}
