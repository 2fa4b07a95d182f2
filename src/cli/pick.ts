import { setTimeout as sleep } from 'node:timers/promises';
import { strategyNames } from '../balancer/index.ts';
import { oneOf } from '../checks.ts';
import { createDiscovery } from '../discovery.ts';
import { parseServiceName } from '../dns/name.ts';
import type { Endpoint } from '../endpoint.ts';
import type { Service } from '../service.ts';
import { wholeNumber } from './arguments.ts';
import { bars } from './bars.ts';
import { byPlace } from './by-place.ts';
import type { Command } from './command.ts';
import { consulDnsOptions, consulOptions, serviceNameHelp } from './consul-options.ts';
import { styleFor } from './style.ts';

const measuringTime = 1_500;
const makingTime = 500;

export const pick: Command = {
  summary: 'resolve, then pick many times: how a strategy spreads over the instances, and what a pick costs',
  operand: 'NAME',
  operandHelp: serviceNameHelp,
  options: {
    count: { type: 'string', short: 'n', value: 'COUNT', help: 'picks, 1 to 10000000 (default: 1000)' },
    strategy: {
      type: 'string',
      value: 'STRATEGY',
      help: `${strategyNames.join(', ')} (default: weighted-round-robin)`,
    },
    ...consulOptions,
  },
  examples: ['pick web', 'pick web -n 1000000 --strategy least-used'],
  async run(request, terminal) {
    const count = wholeNumber(request.text('count') ?? '1000', '-n', 1, 10_000_000);
    const strategy = oneOf(...strategyNames)(
      request.text('strategy') ?? 'weighted-round-robin',
      '--strategy',
    );
    const options = consulDnsOptions(request, terminal);
    const name = parseServiceName(request.operand);
    // What would be warned of fails this command and is said once, by its error.
    const discovery = createDiscovery({ ...options, balancer: strategy, onWarning: () => {} });
    try {
      const service = discovery.service(name);
      await service.ready();
      const probing = strategy === 'fastest';
      if (probing) await untilMeasured(service);
      const keyed = strategy === 'consistent-hash';
      // Its table is made in slices, whenever the program comes to its timers: until then a pick asks all.
      if (keyed) await sleep(makingTime);
      const { counts, elapsed } = pickMany(service, count, keyed);
      const nsPerPick = Number(((1e6 * elapsed) / count).toFixed(2));
      const endpoints = [...service.endpoints].sort(byPlace).map((endpoint) => ({
        address: endpoint.address,
        host: endpoint.host,
        port: endpoint.port,
        weight: endpoint.weight,
        picks: counts.get(endpoint) ?? 0,
        ...(probing && { latency: endpoint.latency ?? null }),
      }));
      if (request.json) {
        const report = { name: service.name, strategy, picks: count, nsPerPick, endpoints };
        terminal.stdout.write(`${JSON.stringify(report)}\n`);
        return;
      }
      const weighted = new Set(endpoints.map(({ weight }) => weight)).size > 1;
      const lines = endpoints.map(({ address, weight, picks, latency }) => ({
        label: address,
        count: picks,
        ...(weighted && { note: `weight ${weight}` }),
        ...(probing && { note: latencyNote(latency) }),
      }));
      const { dim } = styleFor(terminal);
      const facts = [`${count} picks`, strategy, `${Math.round(nsPerPick)} ns per pick`, service.name];
      terminal.stdout.write(`${bars(lines, terminal.columns)}\n\n${facts.join(dim(' · '))}\n`);
    } finally {
      await discovery.close();
    }
  },
};

/** JSON has no Infinity: there a failed probe and one not made yet are both null. */
function latencyNote(latency: number | null | undefined): string {
  if (latency == null) return 'not measured';
  return Number.isFinite(latency) ? `${latency.toFixed(2)} ms` : 'probe failed';
}

/** Bounded: what is to be measured may change, or take its full timeout. */
async function untilMeasured(service: Service): Promise<void> {
  const deadline = performance.now() + measuringTime;
  const measured = () => service.endpoints.every(({ latency }) => latency !== undefined);
  while (!measured() && performance.now() < deadline) await sleep(10);
  // The strategy works its set out shortly after a result, once for several.
  await sleep(50);
}

/**
 * Counting costs more than picking, so it stays outside of the time: picks are put by and counted in batches. With `keyed`, every pick
 * has a key of its own, as requests of so many users would.
 */
function pickMany(
  service: Service,
  count: number,
  keyed: boolean,
): { counts: ReadonlyMap<Endpoint, number>; elapsed: number } {
  const counts = new Map<Endpoint, number>();
  const picked: Endpoint[] = [];
  const batch = 4_096;
  let elapsed = 0;
  for (let left = count; left > 0; left -= picked.length) {
    picked.length = Math.min(batch, left);
    const keys = Array.from(picked, (_, i) => (keyed ? `user ${left - i}` : undefined));
    const started = performance.now();
    for (let i = 0; i < picked.length; i++) picked[i] = service.pick(keys[i]);
    elapsed += performance.now() - started;
    for (const endpoint of picked) counts.set(endpoint, (counts.get(endpoint) ?? 0) + 1);
  }
  return { counts, elapsed };
}
