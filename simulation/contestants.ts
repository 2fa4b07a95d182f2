import { type AvailabilityOptions, checkOutlier, checkSlowStart } from '../src/availability/availability.ts';
import { strategyNames } from '../src/balancer/index.ts';
import type { Contestant } from './scenario.ts';

/** What all are measured by. */
export const baseline: Contestant = { name: 'baseline', balancer: 'omniscient' };

/** In the order of what they look at: nothing, counts, requests under way, times, the request itself. */
export const strategies: readonly Contestant[] = [
  'random',
  'round-robin',
  'weighted-random',
  'weighted-round-robin',
  'least-used',
  'least-in-flight',
  'power-of-two-choices',
  'peak-ewma',
  'fastest',
  'consistent-hash',
]
  .filter((name) => strategyNames.includes(name))
  .map((name) => ({ name, balancer: name }));

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
