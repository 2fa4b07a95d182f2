import { describe, expect, it } from 'vitest';
import { plots } from '../../simulation/plots.ts';
import type { ScenarioReport } from '../../simulation/report.ts';
import { runScenario } from '../../simulation/run-scenario.ts';
import type { Scenario } from '../../simulation/scenario.ts';
import { scenarios } from '../../simulation/scenarios/index.ts';
import { caseTable } from '../../simulation/table.ts';

/** A few requests of each case: what comes out has the right shape and no right figures. */
function tiny(scenario: Scenario): ScenarioReport {
  const cases = scenario.cases.map((plan) => ({
    ...plan,
    requests: 300,
    clients: Math.min(plan.clients, 2),
    servers: plan.servers.slice(0, 10).map((server) => (server.joins ? { ...server, joins: 20 } : server)),
  }));
  const report = runScenario({ ...scenario, cases }, { seed: 1, smoke: false, progress: () => {} });
  // Under the sizes they stand for: plots are chosen by them.
  return {
    ...report,
    cases: report.cases.map((one, i) => {
      const { clients, servers } = scenario.cases[i]!;
      return { ...one, clients, endpoints: servers.length };
    }),
  };
}

describe.each(scenarios)('$name', (scenario) => {
  const report = tiny(scenario);

  it('has the baseline first in every table, and a row for each contestant', () => {
    for (const one of report.cases) {
      const [, , first, ...others] = caseTable(one).split('\n');
      expect(first).toMatch(/^baseline .* 1 +0 /);
      expect(others).toHaveLength(scenario.contestants.length - 1);
    }
  });

  it('has names of its own for all cases, contestants and plots', () => {
    const files = plots(report).map(({ file }) => file);
    for (const names of [
      scenario.cases.map(({ name }) => name),
      scenario.contestants.map(({ name }) => name),
      files,
    ]) {
      expect(new Set(names).size).toBe(names.length);
    }
    for (const file of files) expect(file).toMatch(/^[a-z0-9-]+\.svg$/);
  });

  it('is drawn with the names of its contestants', () => {
    for (const { svg } of plots(report)) {
      expect(svg).toMatch(/^<svg /);
      expect(svg).toContain('>baseline<');
      expect(svg).toContain('>least-in-flight<');
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  it('says how far it is', () => {
    const said: string[] = [];
    const [plan] = scenario.cases;
    const one = {
      ...scenario,
      cases: [{ ...plan!, requests: 100 }],
      contestants: scenario.contestants.slice(0, 2),
    };
    runScenario(one, { seed: 1, smoke: true, progress: (text) => said.push(text) });
    expect(said).toEqual(one.contestants.map(({ name }) => `${plan!.name}: ${name}`));
  });
});
