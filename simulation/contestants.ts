import { type AvailabilityOptions, checkOutlier, checkSlowStart } from '../src/availability/availability.ts';
import { consistentHash } from '../src/balancer/consistent-hash.ts';
import { fastest } from '../src/balancer/fastest.ts';
import type { Contestant } from './scenario.ts';

/** What all are measured by. */
export const baseline: Contestant = { name: 'baseline', balancer: 'omniscient' };

/** In the order of what they look at: nothing, counts, requests under way, times, the request itself. */
export const strategies: readonly Contestant[] = [
  { name: 'random', balancer: 'random' },
  { name: 'round-robin', balancer: 'round-robin' },
  { name: 'weighted-random', balancer: 'weighted-random' },
  { name: 'weighted-round-robin', balancer: 'weighted-round-robin' },
  { name: 'least-used', balancer: 'least-used' },
  { name: 'least-in-flight', balancer: 'least-in-flight' },
  { name: 'power-of-two-choices', balancer: 'power-of-two-choices' },
  { name: 'peak-ewma', balancer: 'peak-ewma' },
  { name: 'fastest (tcp)', balancer: 'fastest' },
  { name: 'fastest (http)', balancer: fastest({ probe: { http: '/health' } }) },
  { name: 'consistent-hash', balancer: 'consistent-hash' },
  { name: 'consistent-hash (bound 1.25)', balancer: consistentHash({ bound: 1.25 }) },
];

/** What strategies that want leases make of plain `pick()` with reports. */
export const reported: readonly Contestant[] = [
  { name: 'least-in-flight, no leases', balancer: 'least-in-flight', reports: true },
  { name: 'peak-ewma, no leases', balancer: 'peak-ewma', reports: true },
];

/** Those that differ where servers and weights are equal: there least-used and the weighted ones are round-robin or random. */
export const distinct: readonly string[] = [
  'baseline',
  'random',
  'round-robin',
  'least-in-flight',
  'power-of-two-choices',
  'peak-ewma',
];

export const all: readonly Contestant[] = [baseline, ...strategies];

/** Everything that may stand before a strategy, switched off. */
const nothing: AvailabilityOptions = {
  priorities: undefined,
  outlier: undefined,
  slowStart: undefined,
  maxInFlight: undefined,
};

export function withRetry(contestant: Contestant): Contestant {
  return { ...contestant, name: `${contestant.name} + retry`, retries: 1 };
}

/** Outlier ejection with its defaults. */
export function withEjection(contestant: Contestant): Contestant {
  const outlier = checkOutlier(true, 'outlier');
  return {
    ...contestant,
    name: `${contestant.name} + ejection + retry`,
    retries: 1,
    availability: { ...nothing, outlier },
  };
}

export function withSlowStart(contestant: Contestant, window: number): Contestant {
  const slowStart = checkSlowStart(window, 'slowStart');
  return { ...contestant, name: `${contestant.name} + slow start`, availability: { ...nothing, slowStart } };
}
