import { isIP } from 'node:net';
import type { Random } from '../random.ts';
import type { Catalogue, CatalogueNode, Instance } from './catalogue.ts';
import { instanceAddresses, type Scene, srvRecords } from './instances.ts';
import { readServiceName } from './names.ts';
import type { Query } from './query.ts';
import { addressRecords, asksAddresses, metadata, nodeName, shuffle, wants } from './records.ts';
import type { Settings } from './settings.ts';
import { type DnsRecord, firstLabelEnd, TYPES } from './wire.ts';

export const RCODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

/** Everything of a reply that does not depend on how much fits. */
export interface Answer {
  rcode: (typeof RCODES)[keyof typeof RCODES];
  /** AA: the name is inside the domain. */
  authoritative: boolean;
  answers: DnsRecord[];
  authorities: DnsRecord[];
  additionals: DnsRecord[];
  /** Whether the reply goes through the trimmer at all. */
  trimmed: boolean;
}

export interface World {
  settings: Settings;
  catalogue: Catalogue;
  random: Random;
}

/** Names of services inside the domain that lead to further such names are followed this far (F2.8). */
const LEVELS = 3;
/** Records taken over from another name when the question has no OPT (F2.9). */
const FOREIGN_RECORDS = 5;

export function answer(world: World, query: Query, levels = LEVELS): Answer {
  const { settings } = world;
  const newest = settings.version === '1.22.7';
  const relative = relativeName(query.name, settings.domain);
  if (relative === undefined) return empty(RCODES.REFUSED, { authoritative: false });
  if (query.type === TYPES.AXFR) return empty(RCODES.NOTIMP);
  // From 1.11 on, names we make follow the spelling of the question (F12.9).
  const domain = newest ? query.name.slice(query.name.length - settings.domain.length) : settings.domain;
  // For any name at all, existing or not (F2.15).
  if (query.type === TYPES.SOA || query.type === TYPES.NS) return zone(world, query.type, domain);

  const asked = readServiceName(relative, { newest, srv: query.type === TYPES.SRV });
  const scene: Scene = {
    ...world,
    query,
    domain,
    ttl: wholeSeconds(settings.serviceTtl),
    resolve: (host) => resolveInside(world, query, host, levels),
  };
  switch (asked.kind) {
    case 'service': {
      const { service, tag, datacenter = settings.datacenter, port } = asked;
      // No service of the double has named ports, and only SRV minds the label (F1.8).
      if (port !== undefined && query.type === TYPES.SRV) return missing(world);
      return services(world, scene, world.catalogue.usable(service, tag, datacenter));
    }
    case 'query': {
      const definition = world.catalogue.query(asked.name);
      const local =
        (asked.datacenter ?? settings.datacenter).toLowerCase() === settings.datacenter.toLowerCase();
      if (definition === undefined || !local) return missing(world);
      const ttl = definition.ttl === undefined ? scene.ttl : wholeSeconds(definition.ttl);
      const instances = world.catalogue.usable(definition.service, definition.tag ?? '', settings.datacenter);
      return services(world, { ...scene, ttl }, instances);
    }
    case 'node': {
      // Not even looked up.
      if (!asksAddresses(query.type)) return empty(RCODES.NOERROR);
      const node = world.catalogue.node(asked.name, asked.datacenter ?? settings.datacenter);
      return node === undefined ? missing(world) : nodeAnswer(scene, node);
    }
    case 'addr':
      return addressAnswer(world, scene, asked.hex);
    case 'virtual':
      return empty(RCODES.NOERROR);
    case 'nothing':
      return missing(world);
  }
}

/** A reply without records, unless `changes` bring some. */
export function empty(rcode: Answer['rcode'], changes?: Partial<Answer>): Answer {
  const nothing = { answers: [], authorities: [], additionals: [], trimmed: false };
  return { rcode, authoritative: true, ...nothing, ...changes };
}

/** Unknown, forbidden or without a usable instance: all the same to a client (F5.20). */
function missing(world: World): Answer {
  return empty(RCODES.NXDOMAIN, { authorities: [soa(world)] });
}

/** What stands left of the domain; undefined outside of it. By labels: a dot inside one is no border. */
function relativeName(name: string, domain: string): string | undefined {
  for (let rest = name; rest !== ''; rest = rest.slice(firstLabelEnd(rest) + 1)) {
    if (rest.toLowerCase() === domain) return name.slice(0, Math.max(0, name.length - rest.length - 1));
  }
  return undefined;
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function soa({ settings: { domain } }: World): DnsRecord {
  return {
    name: domain,
    ttl: 0,
    type: 'SOA',
    mname: `ns.${domain}`,
    rname: `hostmaster.${domain}`,
    serial: Math.floor(Date.now() / 1000),
    timers: [3600, 600, 86400, 0],
  };
}

function zone(world: World, type: number, spelt: string): Answer {
  const { domain } = world.settings;
  const { ownNode } = world.catalogue;
  const target = nodeName(ownNode, domain);
  const servers: DnsRecord[] = [{ name: spelt, ttl: 0, type: 'NS', target }];
  const additionals = addressRecords(target, ownNode.address, 0);
  if (type === TYPES.NS) return empty(RCODES.NOERROR, { answers: servers, additionals });
  return empty(RCODES.NOERROR, { answers: [soa(world)], authorities: servers, additionals });
}

function services(world: World, scene: Scene, instances: Instance[]): Answer {
  if (instances.length === 0) return missing(world);
  // The order is drawn anew for every question, before anything is cut (F2.3).
  shuffle(instances, world.random);
  const found =
    scene.query.type === TYPES.SRV ? srvRecords(scene, instances) : instanceAddresses(scene, instances);
  const authorities = found.answers.length === 0 ? [soa(world)] : [];
  return empty(RCODES.NOERROR, { ...found, authorities, trimmed: true });
}

/** There are no recursors: a host name means something only where it is a name of this Consul. */
function resolveInside(world: World, query: Query, host: string, levels: number): DnsRecord[] {
  const { settings } = world;
  if (levels < 1 || relativeName(host, settings.domain) === undefined) return [];
  const inner = answer(world, { ...query, name: host, type: TYPES.ANY, edns: undefined }, levels - 1);
  // 1.8.7 trims the inner reply of a service as if it were to be sent over plain UDP.
  const trimmed = settings.version === '1.8.7' && inner.trimmed;
  const found = trimmed ? inner.answers.slice(0, settings.udpAnswerLimit) : inner.answers;
  return query.edns === undefined ? found.slice(0, FOREIGN_RECORDS) : found;
}

function nodeAnswer(scene: Scene, node: CatalogueNode): Answer {
  const { query, settings } = scene;
  const trimmed = settings.version === '1.22.7';
  let answers: DnsRecord[] = [];
  // A TXT question means the metadata alone here, unlike for a service.
  if (query.type !== TYPES.TXT) {
    if (isIP(node.address) === 0) {
      const alias: DnsRecord = { name: query.name, ttl: 0, type: 'CNAME', target: node.address };
      answers = [alias, ...scene.resolve(node.address).map((record) => ({ ...record, ttl: 0 }))];
    } else if (wants(query.type, node.address)) {
      answers = addressRecords(query.name, node.address, 0);
    }
  }
  const texts = metadata(query.name, node, 0, scene.random);
  if (query.type === TYPES.ANY || query.type === TYPES.TXT) {
    return empty(RCODES.NOERROR, { answers: [...answers, ...texts], trimmed });
  }
  return empty(RCODES.NOERROR, { answers, additionals: settings.metaTxt ? texts : [], trimmed });
}

/** Computed from the name, never looked up; the versions differ in what they do with other questions (F1.14). */
function addressAnswer(world: World, scene: Scene, hex: string): Answer {
  const { query, domain, settings } = scene;
  const newest = settings.version === '1.22.7';
  if (!/^([0-9a-f]{2})+$/.test(hex)) return missing(world);
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length !== 4 && bytes.length !== 16) return newest ? missing(world) : empty(RCODES.NOERROR);
  const address = bytes.length === 4 ? bytes.join('.') : (hex.match(/.{4}/g) ?? []).join(':');
  const relative = relativeName(query.name, settings.domain) ?? '';
  const records = addressRecords(`${relative.toLowerCase()}.${domain}`, address, 0);
  return newest && (query.type === TYPES.TXT || !wants(query.type, address))
    ? empty(RCODES.NOERROR, { additionals: records })
    : empty(RCODES.NOERROR, { answers: records });
}
