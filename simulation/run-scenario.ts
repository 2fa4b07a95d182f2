import type { CaseReport, ContestantReport, ScenarioReport } from './report.ts';
import type { Case, Contestant, Scenario } from './scenario.ts';
import { simulate } from './simulate.ts';
import { Timeline } from './timeline.ts';

export interface RunOptions {
  readonly seed: number;
  /** A hundredth of the requests: proves that it runs, the figures mean nothing. */
  readonly smoke: boolean;
  readonly progress: (text: string) => void;
}

/** All cases of a scenario, each with all its contestants. */
export function runScenario(scenario: Scenario, options: RunOptions): ScenarioReport {
  const { name, about, contestants } = scenario;
  return {
    name,
    about,
    cases: scenario.cases.map((given): CaseReport => {
      const plan = options.smoke ? shortened(given) : given;
      return {
        name: given.name,
        clients: given.clients,
        endpoints: given.servers.length,
        load: given.load,
        results: contestants.map((contestant) => {
          options.progress(`${plan.name}: ${contestant.name}`);
          return runOne(plan, contestant, options.seed);
        }),
      };
    }),
  };
}

function runOne(plan: Case, contestant: Contestant, seed: number): ContestantReport {
  if (plan.servers.every(({ joins = 0 }) => joins === 0)) {
    return { contestant: contestant.name, result: simulate(plan, contestant, seed) };
  }
  const timeline = new Timeline(500, (server) => (plan.servers[server]!.joins ?? 0) > 0);
  const result = simulate(plan, contestant, seed, timeline);
  return { contestant: contestant.name, result, timelines: { shares: timeline.shares, p99: timeline.p99 } };
}

function shortened(plan: Case): Case {
  return { ...plan, requests: Math.ceil(plan.requests / 100), clients: Math.min(plan.clients, 10) };
}
