/**
 * The process that is watched: discoveries, services and picks, and nothing else, so that its heap and its handles are ours. Says
 * every change of every list, and asserts on the spot what only it can see: a pick is of the list.
 */
import { readdir } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createDiscovery,
  type Discovery,
  type DiscoveryOptions,
  fastest,
  NoEndpointsError,
  type Service,
} from '../src/index.ts';
import type { HandlePlan, Order, Report, Sample, SubjectTask } from './messages.ts';

/** Picks of each service per turn, and the pause between two turns in ms. */
const picksPerTurn = 20;
const turnPause = 10;

const { port, ports, handles } = JSON.parse(process.argv[2] ?? '') as SubjectTask;
const holdOf = (discovery: HandlePlan['discovery']) => ({
  empty: handles.find((plan) => plan.discovery === discovery)!.holdEmpty,
});
let picks = 0;
let stopping = false;
let faults = 0;

const say = (report: Report) => {
  if (process.connected) process.send!(report);
};
const fault = (text: string) => {
  // The first ones say what is wrong; more of the same would only fill the pipe.
  if (faults++ < 50) say({ kind: 'fault', text });
};
process.on('uncaughtException', (error) => fault(`uncaughtException: ${error.stack}`));
process.on('unhandledRejection', (reason) =>
  fault(`unhandledRejection: ${reason instanceof Error ? reason.stack : reason}`),
);
process.on('warning', (warning) => fault(`process warning: ${warning.name} ${warning.message}`));
process.once('disconnect', () => process.exit(1));

function discover(options: DiscoveryOptions): Discovery {
  return createDiscovery({
    servers: [`127.0.0.1:${port}`],
    ttl: { min: 300, max: 300 },
    onWarning: ({ code, message }) => say({ kind: 'warning', code, text: message, at: Date.now() }),
    ...options,
  });
}

const discoveries: Record<HandlePlan['discovery'], Discovery> = {
  auto: discover({ timeout: 400, hold: holdOf('auto') }),
  tcp: discover({ transport: 'tcp', hold: holdOf('tcp') }),
  a: discover({
    records: 'A',
    edns: 1_232,
    timeout: 400,
    retries: 1,
    hold: holdOf('a'),
    services: Object.fromEntries(Object.entries(ports).map(([service, own]) => [service, { port: own }])),
  }),
};
/** Used for a while, left alone for a while: its services go idle and resume. */
const sleepy = discover({ timeout: 400, idle: 1_000 });

const strategies = {
  'round-robin': 'round-robin',
  'least-used': 'least-used',
  fastest: fastest({ interval: 1_000, probe: async () => Math.random() * 10 }),
} as const;

const services = new Map<string, Service>();

function open({ id, discovery, service: name, balancer }: HandlePlan): void {
  say({ kind: 'opened', handle: id, at: Date.now() });
  const service = discoveries[discovery].service(name, { balancer: strategies[balancer] });
  services.set(id, service);
  service.subscribe(({ endpoints }) => {
    say({ kind: 'list', handle: id, at: Date.now(), list: endpoints.map(({ address }) => address) });
  });
  // May fail: the script empties services.
  service.ready().catch(() => {});
}

function hammer(service: Service, times: number): void {
  const listed = new Set(service.endpoints);
  for (let i = 0; i < times; i++) {
    try {
      const endpoint = service.pick();
      picks++;
      if (!listed.has(endpoint)) fault(`${service.name}: picked ${endpoint.address}, which is not listed`);
    } catch (error) {
      if (!(error instanceof NoEndpointsError) || listed.size > 0)
        fault(`${service.name}: pick: ${String(error)}`);
      return;
    }
  }
}

async function hammerAll(): Promise<void> {
  for (let turn = 0; !stopping; turn++) {
    for (const service of services.values()) hammer(service, picksPerTurn);
    const [service] = services.values();
    // About 5 s of use, 5 s of none.
    if (turn % 1_000 < 500) for (const name of Object.keys(ports)) hammer(sleepy.service(name), 1);
    if (turn % 50 === 0 && service !== undefined) visitors(service);
    await sleep(turnPause);
  }
}

/** Callers that come and go: waits that are given up, listeners that leave, lookups past the cache. */
function visitors(service: Service): void {
  const leaver = new AbortController();
  const { signal } = leaver;
  const quiet = () => {};
  service.refresh({ signal }).catch(quiet);
  service.refresh().catch(quiet);
  service.ready({ timeout: 200 }).catch(quiet);
  discoveries.auto.resolve(service.name, { fresh: true, signal }).catch(quiet);
  discoveries.a.resolve(service.name).catch(quiet);
  const watch = async () => {
    for await (const snapshot of service.watch({ signal })) if (snapshot.age < 0) fault('an age below 0');
  };
  watch().catch(quiet);
  const unsubscribe = service.subscribe(quiet);
  setTimeout(() => {
    unsubscribe();
    leaver.abort(new Error('left'));
  }, 100);
}

const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();

async function sample(): Promise<Sample> {
  // Twice: what the first one finalizes, the second one frees.
  globalThis.gc!();
  await sleep(0);
  globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const resource of process.getActiveResourcesInfo())
    resources[resource] = (resources[resource] ?? 0) + 1;
  const dns = [...Object.values(discoveries), sleepy].map((discovery) => discovery.stats().dns);
  const held = delay.max / 1e6;
  delay.reset();
  return {
    at: Date.now(),
    heap: heapUsed,
    external,
    files: await readdir('/proc/self/fd').then(
      (list) => list.length,
      () => 0,
    ),
    resources,
    picks,
    questions: dns.reduce((sum, { sent }) => sum + sent, 0),
    timeouts: dns.reduce((sum, { timeouts }) => sum + timeouts, 0),
    held,
  };
}

process.on('message', async (order: Order) => {
  if (order.kind === 'sample') {
    say({ kind: 'sample', sample: await sample() });
  } else if (order.kind === 'reopen') {
    services.get(order.handle)!.close();
    open(handles.find(({ id }) => id === order.handle)!);
  } else {
    stopping = true;
    for (const discovery of [...Object.values(discoveries), sleepy]) await discovery.close();
    await sleep(500);
    delay.disable();
    say({ kind: 'stopped', sample: await sample() });
    // Nothing of ours may keep the process from ending by itself now.
    process.removeAllListeners('disconnect');
    process.disconnect();
  }
});

for (const plan of handles) open(plan);
say({ kind: 'started' });
await hammerAll();
