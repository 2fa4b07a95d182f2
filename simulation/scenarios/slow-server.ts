import { all, reported } from '../contestants.ts';
import { exponential } from '../distributions.ts';
import type { Case, Scenario } from '../scenario.ts';

export function oneSlow(clients: number, load: number, requests = 200_000): Case {
  return {
    name: `${clients === 1 ? '1 client' : `${clients} clients`}, load ${load}`,
    clients,
    servers: Array.from({ length: 10 }, (_, i) => ({ slots: 64, speed: i === 3 ? 1 / 20 : 1 })),
    work: exponential(10),
    load,
    requests,
    window: 20,
  };
}

export const slowServer: Scenario = {
  name: 'slow-server',
  about: 'ten servers of 64 slots, one of them 20 × slower',
  contestants: [...all, ...reported],
  cases: [
    ...[0.02, 0.05, 0.1, 0.2, 0.4, 0.8].map((load) => oneSlow(1, load)),
    oneSlow(10, 0.4),
    oneSlow(100, 0.4),
    oneSlow(1_000, 0.4),
  ],
};
