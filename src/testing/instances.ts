import { isIP } from 'node:net';
import type { Random } from '../random.ts';
import type { Instance } from './catalogue.ts';
import { portNamed } from './ports.ts';
import type { Query } from './query.ts';
import { addressRecords, hexName, metadata, nodeName, wants } from './records.ts';
import type { Settings } from './settings.ts';
import { type Whereabouts, whereabouts } from './tagged-addresses.ts';
import { type DnsRecord, TYPES } from './wire.ts';

/** The records of service instances, in the order the instances are given in. */
export interface Found {
  answers: DnsRecord[];
  additionals: DnsRecord[];
  /** An instance has no port of the name asked for: the whole answer is NXDOMAIN, with what came before it (F1.8). */
  noSuchPort?: boolean;
}

/** What all records of one reply have in common. */
export interface Scene {
  settings: Settings;
  random: Random;
  query: Query;
  /** As the names made for this reply end. */
  domain: string;
  /** Where the instances were looked for; '' for a peer. */
  datacenter: string;
  /** Name of the port asked for. */
  port?: string | undefined;
  /** In seconds. */
  ttl: number;
  /** Whether SRV records bring the nodes' metadata. */
  metaTxt: boolean;
  /** What Consul knows or can find out of a host name; mostly nothing. */
  resolve(host: string): DnsRecord[];
}

/** Records taken over from another name when the question has no OPT (F2.9). */
const FOREIGN_RECORDS = 5;

/** One record per node, service address and port; each with its addresses and its node's metadata (F2.1, F12.1). */
export function srvRecords(scene: Scene, instances: Instance[]): Found {
  const { query, ttl, settings, random } = scene;
  const answers: DnsRecord[] = [];
  const additionals: DnsRecord[] = [];
  const seen = new Set<string>();
  for (const instance of instances) {
    const { node } = instance;
    const named = portNamed(instance, scene.port);
    if (named === undefined) return { answers, additionals, noSuchPort: true };
    const at = whereabouts(settings, instance, named, scene.datacenter, query.type);
    const key = `${node.name} ${at.service} ${at.port}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const { target, records } = locate(scene, instance, at);
    const weight = instance.weights[instance.status === 'warning' ? 'warning' : 'passing'];
    // A port is whatever was registered, modulo 2¹⁶ (F2.7).
    answers.push({ name: query.name, ttl, type: 'SRV', priority: 1, weight, port: at.port & 0xffff, target });
    additionals.push(...records);
    if (scene.metaTxt) additionals.push(...metadata(metadataOwner(scene, instance), node, ttl, random));
  }
  return { answers, additionals };
}

/** An SRV target and the records of that name: the forms of F2.8. */
function locate(scene: Scene, instance: Instance, at: Whereabouts): { target: string; records: DnsRecord[] } {
  const { domain, ttl, query, settings } = scene;
  const { node } = instance;
  const toAddress = (target: string, address: string) => ({
    target,
    records: addressRecords(target, address, ttl),
  });
  const place = node.peer === undefined ? `${node.datacenter}.${domain}` : domain;
  if (isIP(at.service) !== 0) {
    const ambiguous = settings.dialect.v2dns && at.service === node.address;
    return toAddress(
      ambiguous ? `${instance.name}.service.${node.datacenter}.${domain}` : hexName(at.service, place),
      at.service,
    );
  }
  if (at.service !== '' && !(isIP(at.node) !== 0 && isQuestion(at.service, query)))
    return toHost(scene, at.service);
  if (isIP(at.node) === 0) return toHost(scene, at.node);
  // An address meant for other datacenters is not what the node's name stands for.
  const own = at.node === node.address || at.service !== '';
  return toAddress(own ? nodeName(node, domain) : hexName(at.node, place), at.node);
}

function toHost(scene: Scene, host: string): { target: string; records: DnsRecord[] } {
  return { target: withoutDot(host), records: resolved(scene, host) };
}

function resolved({ resolve, ttl, query, settings }: Scene, host: string): DnsRecord[] {
  const found = resolve(withoutDot(host)).flatMap((record) =>
    // The metadata of a node that is meant only by its name stays out, but for the one version.
    record.type === 'TXT' && !settings.dialect.v2dns ? [] : [{ ...record, ttl }],
  );
  return query.edns === undefined ? found.slice(0, FOREIGN_RECORDS) : found;
}

/** Each address once; a host name only where no instance has an address, and then only one (F2.10). */
export function instanceAddresses(scene: Scene, instances: Instance[]): Found {
  const { query, ttl, settings } = scene;
  const answers: DnsRecord[] = [];
  const additionals: DnsRecord[] = [];
  let alias: DnsRecord[] = [];
  const seen = new Set<string>();
  for (const instance of instances) {
    const at = whereabouts(settings, instance, 0, scene.datacenter, query.type);
    const host =
      at.service === '' || (isIP(at.node) !== 0 && isQuestion(at.service, query)) ? at.node : at.service;
    if (isIP(host) === 0) {
      // Whatever the type: an alias goes for all of them.
      if (alias.length === 0 && host !== '') {
        alias = [
          { name: query.name, ttl, type: 'CNAME', target: withoutDot(host) },
          ...resolved(scene, host),
        ];
      }
      continue;
    }
    if (!wants(query.type, host)) continue;
    const records = addressRecords(query.name, host, ttl);
    if (settings.dialect.v2dns && query.type === TYPES.TXT) {
      additionals.push(...records);
      continue;
    }
    if (seen.has(host)) continue;
    seen.add(host);
    answers.push(...records);
    if (settings.aRecordLimit > 0 && answers.length >= settings.aRecordLimit) break;
  }
  return { answers: answers.length > 0 ? answers : alias, additionals };
}

/** The TXT records stand under the node's name; on the one version with a host name as target, under the question's. */
function metadataOwner({ settings, query, domain }: Scene, { address, node }: Instance): string {
  const host = settings.dialect.v2dns && isIP(address) === 0 && withoutDot(address).includes('.');
  return host ? query.name : nodeName(node, domain);
}

/** A service whose address is the very name asked for is at its node; letter by letter, as Consul compares them. */
function isQuestion(address: string, { name }: Query): boolean {
  return withoutDot(address) === name;
}

function withoutDot(host: string): string {
  return host.replace(/\.$/, '');
}
