import type { Balancer, BalancerContext } from '../src/balancer/balancer.ts';
import { createCoarseClock } from '../src/coarse-clock.ts';
import type { ProberOptions } from '../src/health/probe.ts';
import { IntervalProber } from '../src/health/prober.ts';
import { createRandom } from '../src/random.ts';
import type { Address } from '../src/resolver/resolver.ts';
import { emptySnapshot, reconcile, rememberDeparted, type Snapshot } from '../src/snapshot.ts';
import { createFakeClock } from '../src/testing/fake-clock.ts';

/** `a` → 10.0.0.1:80, `b` → 10.0.0.2:80, …; two letters count on. */
export function address(letter: string, rest: Partial<Address> = {}): Address {
  const number = [...letter].reduce((sum, char) => sum * 26 + char.charCodeAt(0) - 96, 0);
  return { host: `10.0.${number >> 8}.${number & 255}`, port: 80, priority: 1, weight: 1, ...rest };
}

/** Successive lists as a service would make them: survivors stay the same objects. */
export function lists(clock = createFakeClock()) {
  const departed = rememberDeparted(clock);
  let snapshot: Snapshot = emptySnapshot;
  return (addresses: readonly Address[]): Snapshot => {
    snapshot = reconcile(snapshot, addresses, departed).snapshot;
    return snapshot;
  };
}

/** The letters of what was picked, in order. */
export function picks(balancer: Balancer, count: number, exclude?: Set<never>): string {
  return Array.from({ length: count }, () => letterOf(balancer.pick(undefined, exclude)?.host)).join('');
}

export function letterOf(host: string | undefined): string {
  return host === undefined ? '-' : String.fromCharCode(96 + Number(host.split('.')[3]));
}

export function context(seed = 1, clock = createFakeClock()): BalancerContext & { clock: typeof clock } {
  const random = createRandom(seed);
  return {
    clock,
    coarse: createCoarseClock(clock),
    random,
    prober: (options: ProberOptions) => new IntervalProber(options, clock, random),
  };
}
