import { baseline, strategies, withEjection, withRetry } from '../contestants.ts';
import { lognormal } from '../distributions.ts';
import type { Case, Scenario } from '../scenario.ts';

export function oneFailing(clients: number, requests = 100_000): Case {
  return {
    name: clients === 1 ? '1 client' : `${clients} clients`,
    clients,
    servers: Array.from({ length: 10 }, (_, i) => ({
      slots: 16,
      speed: 1,
      ...(i === 3 && { failsAfter: 1 }),
    })),
    work: lognormal(10, 1),
    load: 0.5,
    requests,
    // From the first request on: what it costs to find out is what this is about.
    unmeasured: 0,
    window: 20,
  };
}

export const fastFailing: Scenario = {
  name: 'fast-failing',
  about:
    'ten servers, one of them fails everything in 1 ms; bare, with one retry, with ejection and one retry',
  contestants: [
    baseline,
    ...strategies.flatMap((strategy) => [strategy, withRetry(strategy), withEjection(strategy)]),
  ],
  cases: [oneFailing(1), oneFailing(50)],
};
