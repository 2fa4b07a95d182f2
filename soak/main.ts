import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { createRandom } from '../src/random.ts';
import { startConsulWorld } from './consul-world.ts';
import { startDoubleWorld } from './double-world.ts';
import { grows, trend } from './flat.ts';
import { Judge } from './judge.ts';
import { Ledger } from './ledger.ts';
import type { HandlePlan, Order, ProxyMode, Report, Sample, SubjectTask } from './messages.ts';
import { freePorts } from './ports.ts';
import { Script } from './script.ts';
import type { World } from './world.ts';

const usage = `npm run soak -- [--minutes N] [--seed N]

Services under churn, kills and partitions of Consul, watched for so long (default 30 minutes): is every change of every list
explained by what was done, are heap and handles flat, does nothing go wrong unseen? The Consul is the one CONSUL_BIN names, else
consul on the PATH, else our double. Ends with 0 when all of it holds.`;

/** Between two lines, in ms. */
const lineEvery = 5_000;
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
if (values.help || !(minutes >= 0.5 && minutes <= 24 * 60) || !Number.isInteger(seed)) {
  console.error(values.help ? usage : `--minutes is 0.5 to 1440, --seed a whole number\n\n${usage}`);
  process.exit(values.help ? 0 : 2);
}

const services = { 'soak-a': 8_001, 'soak-b': 8_002, 'soak-c': 8_003, 'soak-d': 8_004 };
const strategies = ['round-robin', 'least-used', 'fastest'] as const;
const handles: HandlePlan[] = Object.keys(services).flatMap((service, row) =>
  (['auto', 'tcp', 'a'] as const).map((discovery, column) => ({
    id: `${service}/${discovery}`,
    discovery,
    service,
    balancer: strategies[(row + column) % strategies.length]!,
    holdEmpty: discovery === 'auto' ? 30_000 : 3_000,
  })),
);

async function startWorld(): Promise<World> {
  const named = process.env['CONSUL_BIN'];
  const binary = named || 'consul';
  const version = await promisify(execFile)(binary, ['version'], { timeout: 10_000 }).then(
    ({ stdout }) => /^Consul v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1],
    () => undefined,
  );
  if (version !== undefined) return startConsulWorld(binary, version);
  // Whoever names a binary wants that one soaked.
  if (named) throw new Error(`CONSUL_BIN=${named} is no Consul that runs here`);
  return startDoubleWorld();
}

/** A process of ours that ends with this one. */
function start(module: string, task: unknown, execArgv: string[]) {
  const path = fileURLToPath(new URL(module, import.meta.url));
  const child = fork(path, [JSON.stringify(task)], { execArgv });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const began = Date.now();
const world = await startWorld();
const ledger = new Ledger();
const judge = new Judge(ledger, handles);
const samples: Sample[] = [];
const warnings = new Map<string, number>();
console.log(`soak of ${minutes} minute(s) on ${world.what}, seed ${seed}, Node ${process.version}`);

const [proxyPort = 0] = await freePorts(1);
const proxy = start('./proxy.js', [proxyPort, world.port], []);
await once(proxy, 'message');
const setProxy = async (mode: ProxyMode) => {
  const done = once(proxy, 'message', { signal: AbortSignal.timeout(10_000) });
  proxy.send(mode);
  await done;
};

let over = false;
const random = createRandom(seed);
let orders: (order: Order) => void = () => {};
const script = new Script({
  world,
  ledger,
  random,
  proxy: setProxy,
  reopen: (handle) => orders({ kind: 'reopen', handle }),
  handles: handles.map(({ id }) => id),
  services,
  over: () => over,
});
await script.begin();

const task: SubjectTask = { port: proxyPort, ports: services, handles };
const subject = start('./subject.js', task, ['--expose-gc']);
orders = (order) => {
  if (subject.connected) subject.send(order);
};
let last: Sample | undefined;
subject.on('message', (report: Report) => {
  if (report.kind === 'opened') judge.opened(report.handle, report.at);
  else if (report.kind === 'list') judge.changed(report.handle, report.at, report.list);
  else if (report.kind === 'fault') judge.violation(report.text);
  else if (report.kind === 'sample') take(report.sample);
  else if (report.kind === 'stopped') last = report.sample;
  else if (report.kind === 'warning') {
    warnings.set(report.code, (warnings.get(report.code) ?? 0) + 1);
    // An agent that restarts may have lost its checks for a moment, so that everything is gone at once.
    const ofOutage = ['CONSUL_UNAVAILABLE', 'SERVICES_VANISHED'].includes(report.code);
    const explained = ofOutage ? !ledger.calmSince(report.at - 10_000) : report.code === 'SERVICE_EMPTY';
    if (!explained) judge.violation(`unexplained warning ${report.code}: ${report.text}`);
  }
});
const ended = once(subject, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
let alive = true;
void ended.then(([code, signal]) => {
  alive = false;
  if (!over) judge.violation(`the watched process ended with ${signal ?? code}`);
});

function take(sample: Sample): void {
  samples.push(sample);
  const before = samples.at(-2);
  const seconds = Math.round((sample.at - began) / 1_000);
  const events = Object.entries(script.counts).map(([event, count]) => `${event} ${count}`);
  console.log(
    `${String(seconds).padStart(5)} s  heap ${mega(sample.heap)} MB  files ${sample.files}  ` +
      `picks ${sample.picks - (before?.picks ?? 0)}  questions ${sample.questions - (before?.questions ?? 0)}  ` +
      `changes ${judge.transitions}  empty ${judge.empty}  held ${sample.held.toFixed(0)} ms  ` +
      `violations ${judge.violations.length}  [${events.join(', ')}]`,
  );
}

const deadline = Date.now() + minutes * 60_000;
const failures: unknown[] = [];
const whenOver = (work: Promise<void>) => work.catch((error) => void failures.push(error));
const work = [
  whenOver(script.churn(200)),
  // A kill, a partition, a loss and an emptying each within a minute.
  whenOver(script.hurt(6_000)),
];
let nextLine = Date.now() + lineEvery;
while (Date.now() < deadline && alive && failures.length === 0) {
  await sleep(250);
  judge.compare(Date.now());
  if (Date.now() < nextLine) continue;
  nextLine += lineEvery;
  orders({ kind: 'sample' });
}
over = true;
await Promise.all(work);
for (const failure of failures)
  judge.violation(`the script failed: ${failure instanceof Error ? failure.stack : failure}`);

orders({ kind: 'stop' });
const inTime = await Promise.race([ended, sleep(15_000, undefined)]);
if (inTime === undefined) {
  judge.violation('the watched process did not end by itself within 15 s of closing everything');
  subject.kill('SIGKILL');
} else if (inTime[0] !== 0 && alive)
  judge.violation(`the watched process ended with ${inTime[1] ?? inTime[0]}`);
proxy.disconnect();
await world.close();

// Compilation and caches fill up at first.
const warm = samples.slice(Math.ceil(samples.length / 3));
const heap = trend(warm.map(({ at, heap: own, external }) => ({ at, value: own + external })));
const files = trend(warm.map(({ at, files: value }) => ({ at, value })));
// What is taken for noise, in bytes and numbers. In a short run compilation goes on, and few samples scatter more.
const allowed =
  minutes < 5 ? { heap: 3 << 20, files: 12, resources: 25 } : { heap: 1 << 20, files: 4, resources: 25 };
if (warm.length < 3) judge.violation('too few samples to say anything of the heap');
if (grows(heap, allowed.heap))
  judge.violation(
    `the heap grew by ${mega(heap.growth)} MB over ${warm.length} samples (allowed ${mega(allowed.heap)})`,
  );
if (grows(files, allowed.files)) judge.violation(`open files grew by ${files.growth.toFixed(1)}`);
for (const resource of new Set(warm.flatMap(({ resources }) => Object.keys(resources)))) {
  const counts = trend(warm.map(({ at, resources }) => ({ at, value: resources[resource] ?? 0 })));
  if (grows(counts, allowed.resources)) judge.violation(`${resource} grew by ${counts.growth.toFixed(1)}`);
}
const first = samples[0];
if (last === undefined) judge.violation('the watched process did not say how it looks after closing');
else if (first !== undefined && last.files > first.files)
  judge.violation(`${last.files} open files after closing everything, ${first.files} while it ran`);

const total = samples.at(-1);
console.log(`
${world.what}, ${((Date.now() - began) / 60_000).toFixed(1)} minutes, seed ${seed}
events       ${Object.entries(script.counts)
  .map(([event, count]) => `${event} ${count}`)
  .join(', ')}
changes      ${judge.transitions} of ${handles.length} lists: ${judge.added} added, ${judge.removed} removed, ${judge.emptied} times empty
picks        ${total?.picks ?? 0}
questions    ${total?.questions ?? 0}, ${total?.timeouts ?? 0} timed out
warnings     ${[...warnings].map(([code, count]) => `${code} ${count}`).join(', ') || 'none'}
heap         ${mega(heap.mean)} MB on average, trend ${mega(heap.growth)} ± ${mega(heap.error)} MB over ${warm.length} samples
open files   ${files.mean.toFixed(1)} on average, trend ${files.growth.toFixed(1)} ± ${files.error.toFixed(1)}; ${last?.files ?? '?'} after closing, keeping alive: ${JSON.stringify(last?.resources ?? {})}
held         ${Math.max(0, ...warm.map(({ held }) => held)).toFixed(0)} ms at most in one turn of the event loop, forced collections included
violations   ${judge.violations.length}`);
for (const violation of judge.violations.slice(0, 100)) console.log(`  ${violation}`);
process.exit(judge.violations.length === 0 ? 0 : 1);

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(2);
}
