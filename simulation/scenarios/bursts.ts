import { all } from '../contestants.ts';
import { lognormal } from '../distributions.ts';
import type { Case, Scenario } from '../scenario.ts';

function bursty(clients: number): Case {
  return {
    name: clients === 1 ? '1 client' : `${clients} clients`,
    clients,
    servers: Array.from({ length: 10 }, () => ({ slots: 8, speed: 1 })),
    work: lognormal(10, 1),
    load: 0.5,
    bursts: { period: 1_000, length: 100, times: 5 },
    requests: 200_000,
    window: 20,
  };
}

export const bursts: Scenario = {
  name: 'bursts',
  about:
    'ten servers at half their load, but once a second five times as much for 100 ms: more than they can do',
  contestants: all,
  cases: [bursty(1), bursty(50)],
};
