import { consulDns } from '../consul-dns.ts';
import { canonicalName, parseServiceName } from '../dns/name.ts';
import type { Resolution } from '../resolver/resolver.ts';
import { byPlace } from './by-place.ts';
import type { Command } from './command.ts';
import { consulDnsOptions, consulOptions, serviceNameHelp } from './consul-options.ts';
import { type Style, styleFor } from './style.ts';
import { table } from './table.ts';

export const resolve: Command = {
  summary: 'ask once: every instance with its address and port, and whether the list is proven complete',
  operand: 'NAME',
  operandHelp: serviceNameHelp,
  options: consulOptions,
  examples: ['resolve web', 'resolve v1.web.service.dc2.consul --server 10.0.0.5:8600 --json'],
  async run(request, terminal) {
    const options = consulDnsOptions(request, terminal);
    const name = parseServiceName(request.operand);
    // Uncached, so that the TTL shown is the one Consul sent.
    const resolver = consulDns(options);
    try {
      const resolution = await resolver.resolve(name);
      // Consul shuffles; people compare two runs.
      const addresses = [...resolution.addresses].sort(byPlace);
      const sorted = { ...resolution, addresses };
      terminal.stdout.write(
        request.json
          ? `${JSON.stringify({ name: canonicalName(name), ...sorted })}\n`
          : `${describe(sorted, styleFor(terminal))}\n`,
      );
    } finally {
      await resolver.close?.();
    }
  },
};

function describe(resolution: Resolution, style: Style): string {
  const { addresses, ttl, origin } = resolution;
  const rows = addresses.map(({ host, port, weight, priority, node, target }) => [
    host,
    port,
    weight,
    priority,
    node ?? target ?? '-',
  ]);
  const asks = origin?.asks ?? 1;
  const facts = [
    `${addresses.length} ${addresses.length === 1 ? 'instance' : 'instances'}`,
    `TTL ${ttl / 1000} s`,
    `${(origin?.transport ?? '-').toUpperCase()}, ${asks} ${asks === 1 ? 'ask' : 'asks'}`,
    completeness(resolution, style),
    `${origin?.server}`,
    `${(origin?.elapsed ?? 0).toFixed(1)} ms`,
  ];
  const header = ['HOST', 'PORT', 'WEIGHT', 'PRIORITY', 'NODE OR TARGET'];
  return `${table(header, rows, style)}\n\n${facts.join(style.dim(' · '))}`;
}

function completeness({ complete, omission = 1 }: Resolution, { good, doubtful }: Style): string {
  if (complete) return good('proven complete');
  const percent = Number((100 * omission).toPrecision(2));
  return doubtful(`not proven: up to ${percent} % chance that a given instance is missing`);
}
