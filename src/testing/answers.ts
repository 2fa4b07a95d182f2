import { isIP, isIPv4 } from 'node:net';
import type { Random } from '../random.ts';
import type { Catalogue, CatalogueNode, Instance } from './catalogue.ts';
import { readServiceName } from './names.ts';
import type { Query } from './query.ts';
import { addressBytes, type DnsRecord, TYPES } from './wire.ts';

/** How this Consul is configured; the names are those of its dns_config. */
export interface Settings {
  version: '1.8.7' | '1.22.7';
  datacenter: string;
  domain: string;
  /** ms */
  serviceTtl: number;
  enableTruncate: boolean;
  udpAnswerLimit: number;
  /** 0: no limit */
  aRecordLimit: number;
  metaTxt: boolean;
}

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

const ANY = 255;
const AXFR = 252;
/** Names of services inside the domain that lead to further such names are followed this far (F2.8). */
const LEVELS = 3;
/** Records taken over from another name when the question has no OPT (F2.9). */
const FOREIGN_RECORDS = 5;

export function answer(world: World, query: Query, levels = LEVELS): Answer {
  const { settings } = world;
  const newest = settings.version === '1.22.7';
  const relative = relativeName(query.name, settings.domain);
  if (relative === undefined) return empty(RCODES.REFUSED, { authoritative: false });
  if (query.type === AXFR) return empty(RCODES.NOTIMP);
  // For any name at all, existing or not (F2.15).
  if (query.type === TYPES.SOA || query.type === TYPES.NS) return zone(world, query.type);

  const asked = readServiceName(relative, { newest, srv: query.type === TYPES.SRV });
  // From 1.11 on, names we make follow the spelling of the question (F12.9).
  const domain = newest ? query.name.slice(query.name.length - settings.domain.length) : settings.domain;
  const scene: Scene = { ...world, query, domain, levels, ttl: wholeSeconds(settings.serviceTtl) };
  switch (asked.kind) {
    case 'service': {
      const { service, tag, datacenter = settings.datacenter, port } = asked;
      // No service of the double has named ports, and only SRV minds the label (F1.8).
      if (port !== undefined && query.type === TYPES.SRV) return missing(world);
      return services(scene, world.catalogue.usable(service, tag, datacenter));
    }
    case 'query': {
      const definition = world.catalogue.query(asked.name);
      const local =
        (asked.datacenter ?? settings.datacenter).toLowerCase() === settings.datacenter.toLowerCase();
      if (definition === undefined || !local) return missing(world);
      const ttl = definition.ttl === undefined ? scene.ttl : wholeSeconds(definition.ttl);
      const instances = world.catalogue.usable(definition.service, definition.tag ?? '', settings.datacenter);
      return services({ ...scene, ttl }, instances);
    }
    case 'node': {
      const node = world.catalogue.node(asked.name, asked.datacenter ?? settings.datacenter);
      return node === undefined ? missing(world) : nodeAnswer(scene, node);
    }
    case 'addr':
      return addressAnswer(scene, asked.hex);
    case 'virtual':
      return empty(RCODES.NOERROR);
    case 'nothing':
      return missing(world);
  }
}

interface Scene extends World {
  query: Query;
  /** As names made for this reply end. */
  domain: string;
  levels: number;
  /** In seconds. */
  ttl: number;
}

function empty(rcode: Answer['rcode'], changes?: Partial<Answer>): Answer {
  const nothing = { answers: [], authorities: [], additionals: [], trimmed: false };
  return { rcode, authoritative: true, ...nothing, ...changes };
}

/** Unknown, forbidden or without a usable instance: all the same to a client (F5.20). */
function missing(world: World): Answer {
  return empty(RCODES.NXDOMAIN, { authorities: [soa(world)] });
}

/** What stands left of the domain; undefined outside of it. */
function relativeName(name: string, domain: string): string | undefined {
  const lower = name.toLowerCase();
  if (lower === domain) return '';
  return lower.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : undefined;
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

function zone(world: World, type: number): Answer {
  const { domain, datacenter } = world.settings;
  const { name, address } = world.catalogue.ownNode;
  const target = `${name}.node.${datacenter}.${domain}`;
  const servers: DnsRecord[] = [{ name: domain, ttl: 0, type: 'NS', target }];
  const additionals = addressRecords(target, address, 0);
  if (type === TYPES.NS) return empty(RCODES.NOERROR, { answers: servers, additionals });
  return empty(RCODES.NOERROR, { answers: [soa(world)], authorities: servers, additionals });
}

function services(scene: Scene, instances: Instance[]): Answer {
  if (instances.length === 0) return missing(scene);
  // The order is drawn anew for every question, before anything is cut (F2.3).
  shuffle(instances, scene.random);
  const found =
    scene.query.type === TYPES.SRV ? srvRecords(scene, instances) : instanceAddresses(scene, instances);
  const authorities = found.answers.length === 0 ? [soa(scene)] : [];
  return empty(RCODES.NOERROR, { ...found, authorities, trimmed: true });
}

/** One record per node, service address and port; each with its addresses and its node's metadata (F2.1, F12.1). */
function srvRecords(scene: Scene, instances: Instance[]): Pick<Answer, 'answers' | 'additionals'> {
  const { query, domain, ttl, settings } = scene;
  const answers: DnsRecord[] = [];
  const additionals: DnsRecord[] = [];
  const seen = new Set<string>();
  for (const instance of instances) {
    const { node, address, port } = instance;
    const key = `${node.name} ${address} ${port}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const [target, records] = locate(scene, instance);
    const weight = instance.weights[instance.status === 'warning' ? 'warning' : 'passing'];
    // A port is whatever was registered, modulo 2¹⁶ (F2.7).
    answers.push({ name: query.name, ttl, type: 'SRV', priority: 1, weight, port: port & 0xffff, target });
    additionals.push(...records);
    if (settings.metaTxt) additionals.push(...metadata(scene, nodeName(node, domain), node, ttl));
  }
  return { answers, additionals };
}

/** An SRV target and the records of that name: the forms of F2.8. */
function locate(scene: Scene, { node, address }: Instance): [target: string, records: DnsRecord[]] {
  const { domain, ttl, query } = scene;
  if (isIP(address) !== 0) {
    const hex = addressBytes(address).map((byte) => byte.toString(16).padStart(2, '0'));
    const target = `${hex.join('')}.addr.${node.datacenter}.${domain}`;
    return [target, addressRecords(target, address, ttl)];
  }
  // A service whose address is the very name asked for is at its node.
  const host = address === '' || sameName(address, query.name) ? node.address : address;
  if (isIP(host) === 0) return [host, resolveInside(scene, host)];
  const target = nodeName(node, domain);
  return [target, addressRecords(target, host, ttl)];
}

/** Each address once; a host name only where no instance has an address, and then only one (F2.10). */
function instanceAddresses(scene: Scene, instances: Instance[]): Pick<Answer, 'answers' | 'additionals'> {
  const { query, ttl, settings } = scene;
  const answers: DnsRecord[] = [];
  let alias: DnsRecord[] = [];
  const seen = new Set<string>();
  for (const { node, address } of instances) {
    const own = address === '' || sameName(address, query.name) ? node.address : address;
    if (isIP(own) === 0) {
      if (alias.length === 0 && asksAddresses(query.type)) alias = aliasRecords(scene, own);
      continue;
    }
    if (seen.has(own) || !wants(query.type, own)) continue;
    seen.add(own);
    answers.push(...addressRecords(query.name, own, ttl));
    if (settings.aRecordLimit > 0 && answers.length >= settings.aRecordLimit) break;
  }
  return { answers: answers.length > 0 ? answers : alias, additionals: [] };
}

function aliasRecords(scene: Scene, host: string): DnsRecord[] {
  const { query, ttl } = scene;
  return [{ name: query.name, ttl, type: 'CNAME', target: host }, ...resolveInside(scene, host)];
}

/** There are no recursors: a host name means something only where it is a name of this Consul. */
function resolveInside(scene: Scene, host: string): DnsRecord[] {
  if (scene.levels < 1 || relativeName(host, scene.settings.domain) === undefined) return [];
  const inner = answer(scene, { ...scene.query, name: host, type: ANY }, scene.levels - 1);
  const most = scene.query.edns === undefined ? FOREIGN_RECORDS : inner.answers.length;
  return inner.answers.slice(0, most).map((record) => ({ ...record, ttl: scene.ttl }));
}

function nodeAnswer(scene: Scene, node: CatalogueNode): Answer {
  const { query, settings } = scene;
  const trimmed = settings.version === '1.22.7';
  if (!asksAddresses(query.type)) return empty(RCODES.NOERROR);
  // A TXT question means the metadata alone here, unlike for a service.
  let answers: DnsRecord[] = [];
  if (isIP(node.address) === 0) answers = aliasRecords({ ...scene, ttl: 0 }, node.address);
  else if (query.type !== TYPES.TXT && wants(query.type, node.address)) {
    answers = addressRecords(query.name, node.address, 0);
  }
  const texts = metadata(scene, query.name, node, 0);
  if (query.type === ANY || query.type === TYPES.TXT) {
    return empty(RCODES.NOERROR, { answers: [...answers, ...texts], trimmed });
  }
  return empty(RCODES.NOERROR, { answers, additionals: settings.metaTxt ? texts : [], trimmed });
}

/** Computed from the name, never looked up; the versions differ in what they do with other questions (F1.14). */
function addressAnswer(scene: Scene, hex: string): Answer {
  const { query, domain, settings } = scene;
  const newest = settings.version === '1.22.7';
  if (!/^([0-9a-f]{2})+$/.test(hex)) return missing(scene);
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length !== 4 && bytes.length !== 16) return newest ? missing(scene) : empty(RCODES.NOERROR);
  const address = bytes.length === 4 ? bytes.join('.') : (hex.match(/.{4}/g) ?? []).join(':');
  const relative = relativeName(query.name, settings.domain) ?? '';
  const records = addressRecords(`${relative.toLowerCase()}.${domain}`, address, 0);
  return newest && !wants(query.type, address)
    ? empty(RCODES.NOERROR, { additionals: records })
    : empty(RCODES.NOERROR, { answers: records });
}

/** `key=value`, one record per key, in random order; a key of its own kind stands for the bare value (F2.14). */
function metadata({ random }: Scene, name: string, { meta }: CatalogueNode, ttl: number): DnsRecord[] {
  const texts = Object.entries(meta).map(([key, value]): DnsRecord => {
    const text = key.toLowerCase().startsWith('rfc1035-') ? value : `${key}=${value}`;
    return { name, ttl, type: 'TXT', text };
  });
  return shuffle(texts, random);
}

function nodeName(node: CatalogueNode, domain: string): string {
  return `${node.name}.node.${node.datacenter}.${domain}`;
}

function addressRecords(name: string, address: string, ttl: number): DnsRecord[] {
  return isIP(address) === 0 ? [] : [{ name, ttl, type: isIPv4(address) ? 'A' : 'AAAA', address }];
}

function asksAddresses(type: number): boolean {
  return type === TYPES.A || type === TYPES.AAAA || type === ANY || type === TYPES.TXT;
}

/** TXT on a service means addresses, too (F2.15). */
function wants(type: number, address: string): boolean {
  if (type === ANY || type === TYPES.TXT) return true;
  return type === (isIPv4(address) ? TYPES.A : TYPES.AAAA);
}

function sameName(one: string, other: string): boolean {
  return one.replace(/\.$/, '').toLowerCase() === other.toLowerCase();
}

function shuffle<T>(items: T[], random: Random): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [items[last], items[other]] = [items[other]!, items[last]!];
  }
  return items;
}
