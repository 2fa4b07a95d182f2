import { all, reported } from '../contestants.ts';
import { lognormal } from '../distributions.ts';
import type { Case, Scenario } from '../scenario.ts';

const speeds = [1, 1, 1, 2, 2, 2, 4, 4, 4];

function unequal(name: string, load: number, weighted: boolean): Case {
  return {
    name,
    clients: 10,
    servers: speeds.map((speed) => ({ slots: 16, speed, ...(weighted && { weight: speed }) })),
    work: lognormal(10, 1),
    load,
    requests: 200_000,
    window: 50,
  };
}

export const heterogeneous: Scenario = {
  name: 'heterogeneous',
  about:
    'nine servers, three each of speed 1, 2 and 4, ten clients; with and without SRV weights that say so',
  contestants: [...all, ...reported],
  cases: [
    unequal('no weights, load 0.4', 0.4, false),
    unequal('weights 1:2:4, load 0.4', 0.4, true),
    unequal('no weights, load 0.8', 0.8, false),
    unequal('weights 1:2:4, load 0.8', 0.8, true),
  ],
};
