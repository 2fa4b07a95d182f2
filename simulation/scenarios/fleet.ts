import { all, distinct } from '../contestants.ts';
import { exponential } from '../distributions.ts';
import type { Case, Scenario } from '../scenario.ts';

export const clientCounts = [1, 10, 100, 1_000, 10_000] as const;
export const endpointCounts = [3, 100, 1_000] as const;

/** Clients times endpoints: each client has its own object for each. Ten thousand by a thousand would take some ten gigabytes. */
const mostViews = 1_000_000;

export function fleetOf(clients: number, endpoints: number, requests = 200_000): Case {
  return {
    name: `${clients} × ${endpoints}`,
    clients,
    servers: Array.from({ length: endpoints }, () => ({ slots: 4, speed: 1 })),
    work: exponential(10),
    load: 0.8,
    requests,
    window: 20,
  };
}

export const fleet: Scenario = {
  name: 'fleet',
  about:
    'clients × equal servers of 4 slots at a load of 0.8: what is left when each sees only its own requests',
  contestants: all.filter(({ name }) => distinct.includes(name)),
  cases: endpointCounts.flatMap((endpoints) =>
    clientCounts
      .filter((clients) => clients * endpoints <= mostViews)
      .map((clients) => fleetOf(clients, endpoints)),
  ),
};
