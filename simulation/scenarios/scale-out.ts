import { all, withSlowStart } from '../contestants.ts';
import { lognormal } from '../distributions.ts';
import type { Case, Scenario } from '../scenario.ts';

/** Ms after the begin; a fourth of all. */
export const joined = 10_000;

function growing(name: string, warmUp?: { length: number; from: number }): Case {
  const old = Array.from({ length: 3 }, () => ({ slots: 16, speed: 1 }));
  const young = old.map((server) => ({ ...server, joins: joined, ...(warmUp && { warmUp }) }));
  return {
    name,
    clients: 10,
    servers: [...old, ...young],
    work: lognormal(10, 1),
    load: 0.7,
    requests: 134_400,
    unmeasured: 0.25,
    discovery: 1_000,
    window: 100,
  };
}

export const scaleOut: Scenario = {
  name: 'scale-out',
  about: 'three busy servers become six after 10 s; figures are of the 30 s after that',
  contestants: all.flatMap((contestant) =>
    contestant.balancer === 'omniscient' ? [contestant] : [contestant, withSlowStart(contestant, 10_000)],
  ),
  cases: [
    growing('newcomers at full speed'),
    growing('newcomers cold: a tenth of their speed, all of it after 10 s', { length: 10_000, from: 0.1 }),
  ],
};
