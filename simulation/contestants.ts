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
