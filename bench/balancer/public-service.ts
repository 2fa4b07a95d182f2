import type { BalancerOption } from '../../src/balancer/balancer.ts';
import {
  createDiscovery,
  type Discovery,
  fastest,
  fixed,
  type Service,
  type ServiceOptions,
} from '../../src/index.ts';
import type { Case } from './cases.ts';
import { addressesOf, latencyOf, pause } from './fleet.ts';

/** The same strategy behind the public API. */
export async function publicService(
  { strategy, unequal = false, busy = false }: Case,
  size: number,
  options: ServiceOptions,
): Promise<{ service: Service; discovery: Discovery }> {
  const preferred = addressesOf(size, { unequal });
  // Only where priorities are told apart, so that as many are chosen from.
  const others = options.priorities
    ? preferred.slice(0, Math.ceil(size / 10)).map((address) => ({ ...address, port: 7_999, priority: 2 }))
    : [];
  const discovery = createDiscovery({ source: fixed([...preferred, ...others]) });
  const balancer: BalancerOption =
    strategy === 'fastest'
      ? fastest({ probe: async (target) => latencyOf(target), interval: 86_400_000, concurrency: 64 })
      : strategy;
  const service = discovery.service('web', { balancer, ...options });
  await service.ready();
  if (strategy === 'fastest') {
    // Those of the second group are not probed.
    while (service.endpoints.some(({ latency, priority }) => latency === undefined && priority === 1)) {
      await pause(5);
    }
    // The fast set is worked out a moment after the last result.
    await pause(100);
  }
  // What strategies work out in slices.
  for (let i = 0; i < 20; i++) await pause(1);
  for (const endpoint of service.endpoints)
    service.report(endpoint, { ok: true, elapsed: latencyOf(endpoint) });
  if (busy) for (let i = 0; i < size * 1.5; i++) service.acquire();
  return { service, discovery };
}
