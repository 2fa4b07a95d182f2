import { mkdir, writeFile } from 'node:fs/promises';
import { arch, cpus, loadavg, platform } from 'node:os';
import { parseArgs } from 'node:util';
import { adapters } from './adapters/adapters.ts';
import { churn } from './balancer/churn.ts';
import { contenders } from './balancer/contenders.ts';
import { pick } from './balancer/pick.ts';
import { lease, service } from './balancer/service.ts';
import { update } from './balancer/update.ts';
import type { Benchmark, Report } from './benchmark.ts';
import { decode } from './dns/decode.ts';
import { resolve } from './dns/resolve.ts';
import { memory } from './memory/endpoints.ts';
import { table } from './table.ts';

const benchmarks: readonly Benchmark[] = [
  pick,
  contenders,
  churn,
  update,
  service,
  lease,
  resolve,
  decode,
  memory,
  adapters,
];

const usage = `npm run bench -- [--smoke] [--json FILE] [NAME …]

${benchmarks.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}

  --smoke      a few seconds in all; proves that everything runs, the numbers mean nothing
  --json FILE  the results for programs too`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const unknown = positionals.filter((wanted) => !benchmarks.some(({ name }) => name === wanted));
if (values.help || unknown.length > 0) {
  console.error(unknown.length > 0 ? `no benchmark named ${unknown.join(', ')}\n\n${usage}` : usage);
  process.exit(values.help ? 0 : 2);
}

// An exit like any other, so that the servers that were started end too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const chosen = benchmarks.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const machine = `${cpus()[0]?.model ?? 'unknown CPU'} × ${cpus().length}, ${platform()} ${arch()}, Node ${process.version}`;
// From .build/bench/, where this runs compiled.
const pictures = new URL('../../docs/benchmarks/', import.meta.url);
const reports: Report[] = [];
console.log(machine);
if (values.smoke) console.log('--smoke: the numbers mean nothing.');
for (const { name, run } of chosen) {
  const report = await run({ smoke: values.smoke, progress: (text) => say(`${name}: ${text}`) });
  reports.push(report);
  say('');
  // At once: whoever interrupts a run has seen what was measured so far.
  console.log(`\n${report.title}\n\n${table(report.columns, report.rows)}`);
  for (const note of report.notes) console.log(note);
  for (const { file, svg } of values.smoke ? [] : (report.charts ?? [])) {
    await mkdir(pictures, { recursive: true });
    await writeFile(new URL(file, pictures), svg);
  }
}
for (const { title, readme } of values.smoke ? [] : reports) {
  if (readme !== undefined) console.log(`\n${title}, in Markdown:\n\n${readme}`);
}
console.log(
  `\nload averages at the end: ${loadavg()
    .map((load) => load.toFixed(1))
    .join(', ')}`,
);
if (values.json !== undefined) {
  await writeFile(
    values.json,
    `${JSON.stringify({ machine, smoke: values.smoke, reports }, undefined, 2)}\n`,
  );
}

/** On a terminal one line that changes, elsewhere a line each. */
function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}
