import { all } from '../contestants.ts';
import { lognormal } from '../distributions.ts';
import type { Case, Scenario } from '../scenario.ts';

function polled(name: string, speeds: readonly number[], share = 0.01): Case {
  return {
    name,
    clients: 10,
    servers: speeds.map((speed) => ({ slots: 8, speed })),
    work: lognormal(10, 1),
    load: 0.6,
    longPolls: { share, length: 30_000 },
    requests: 500_000,
    // Until as many polls end as begin.
    unmeasured: 0.35,
    window: 20,
  };
}

const equal = Array.from({ length: 10 }, () => 1);
const unequal = equal.map((speed, i) => (i === 3 ? 0.5 : speed));

export const longPolls: Scenario = {
  name: 'long-polls',
  about: 'one request in 100 waits for 30 s without working; figures are of the others only',
  contestants: all,
  cases: [
    polled('ten equal servers', equal),
    polled('one half as fast', unequal),
    polled('one half as fast, no long polls', unequal, 0),
  ],
};
