import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { plots } from './plots.ts';
import type { ScenarioReport } from './report.ts';
import { runScenario } from './run-scenario.ts';
import { scenarios } from './scenarios/index.ts';
import { caseTable, legend } from './table.ts';

const usage = `npm run simulate -- [--only SCENARIO]… [--seed N] [--smoke] [--json FILE] [--svg DIR]

Servers, queues and clients in simulated time: what the strategies of this package do to response times, beside a baseline that
knows every queue and every speed. The same seed gives the same figures on every machine.

${scenarios.map(({ name, about }) => `  ${name.padEnd(14)} ${about}`).join('\n')}

  --smoke      a few seconds in all; proves that everything runs, the figures mean nothing
  --json FILE  the results for programs too
  --svg DIR    plots, for docs/simulation`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string', default: '1' },
    smoke: { type: 'boolean', default: false },
    json: { type: 'string' },
    svg: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const seed = Number(values.seed);
const unknown = values.only.filter((wanted) => !scenarios.some(({ name }) => name === wanted));
if (values.help || unknown.length > 0 || !Number.isInteger(seed)) {
  if (unknown.length > 0) console.error(`no scenario named ${unknown.join(', ')}\n`);
  else if (!values.help) console.error(`--seed is a whole number, not ${values.seed}\n`);
  console.error(usage);
  process.exit(values.help ? 0 : 2);
}

const { smoke } = values;
const reports: ScenarioReport[] = [];
console.log(`seed ${seed}${smoke ? ', --smoke: the figures mean nothing' : ''}\n\n${legend}`);
for (const scenario of scenarios) {
  if (values.only.length > 0 && !values.only.includes(scenario.name)) continue;
  const report = runScenario(scenario, { seed, smoke, progress: (text) => say(`${scenario.name}: ${text}`) });
  say('');
  console.log(`\n# ${report.name}: ${report.about}`);
  for (const one of report.cases) console.log(`\n${one.name}\n\n${caseTable(one)}`);
  reports.push(report);
  if (values.svg === undefined) continue;
  await mkdir(values.svg, { recursive: true });
  for (const { file, svg } of plots(report)) await writeFile(join(values.svg, file), svg);
}
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ seed, smoke, reports }, undefined, 1)}\n`);
}

/** On a terminal one line that changes, elsewhere a line each. */
function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}
