import { type Answer, empty, RCODES } from './answer.ts';
import { addressRecords, nodeName, shuffle } from './records.ts';
import { serviceTtl, wholeSeconds } from './settings.ts';
import { nodeAddress } from './tagged-addresses.ts';
import { type DnsRecord, TYPES } from './wire.ts';
import { reach, visible, type World } from './world.ts';

/** Unknown, forbidden or without a usable instance: all the same to a client (F5.20). */
export function missing(world: World, name: string): Answer {
  return empty(RCODES.NXDOMAIN, { authorities: [soa(world, name)] });
}

/** Servers that do not answer, or do not know the agent's token: without a SOA (F5.21). */
export function failed({ settings }: World): Answer {
  return empty(RCODES.SERVFAIL, { authoritative: !settings.dialect.v2dns });
}

/** `name`: the question, which decides between the two domains; letter by letter, and never for the bare domain. */
export function soa({ settings }: World, name: string): DnsRecord {
  const { domain: first, altDomain, dialect } = settings;
  const other =
    altDomain !== undefined &&
    dialect.followsQuestion &&
    (name.endsWith(`.${altDomain}`) || (dialect.v2dns && name === altDomain));
  const domain = other ? altDomain : first;
  const ttl = wholeSeconds(settings.soaMinTtl);
  return {
    name: domain,
    ttl,
    type: 'SOA',
    mname: `ns.${domain}`,
    rname: `hostmaster.${domain}`,
    serial: Math.floor(Date.now() / 1000),
    timers: [3600, 600, 86400, ttl],
  };
}

/** Never more servers than this are named. */
const SERVERS = 3;

/** SOA and NS of any name at all, existing or not (F2.15). `spelt`: the domain as names made for this reply end. */
export function zone(world: World, name: string, type: number, spelt: string): Answer {
  const { settings } = world;
  const { v2dns } = settings.dialect;
  const lookup = { kind: 'service', service: 'consul', datacenter: settings.datacenter } as const;
  const reached = reach(world, settings.datacenter);
  const servers = reached === 'ok' ? shuffle(visible(world, lookup), world.random).slice(0, SERVERS) : [];
  if (v2dns && servers.length === 0) return reached === 'ok' ? missing(world, name) : failed(world);
  const ttl = wholeSeconds(settings.nodeTtl);
  const own = v2dns ? (serviceTtl(settings, 'consul') ?? ttl) : ttl;
  const records: DnsRecord[] = [];
  const additionals: DnsRecord[] = [];
  for (const { node } of servers) {
    const target =
      v2dns && type === TYPES.SOA
        ? `${node.name}.service.${node.datacenter}.${spelt}`
        : nodeName(node, spelt);
    const lower = v2dns ? target : target.toLowerCase();
    records.push({ name: spelt, ttl: own, type: 'NS', target: lower });
    additionals.push(...addressRecords(lower, nodeAddress(settings, node, TYPES.ANY), own));
  }
  if (type === TYPES.NS) return empty(RCODES.NOERROR, { answers: records, additionals });
  return empty(RCODES.NOERROR, { answers: [soa(world, name)], authorities: records, additionals });
}
