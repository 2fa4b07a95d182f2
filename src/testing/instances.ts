import { isIP } from 'node:net';
import type { Random } from '../random.ts';
import type { Instance } from './catalogue.ts';
import type { Query } from './query.ts';
import { addressRecords, metadata, nodeName, wants } from './records.ts';
import type { Settings } from './settings.ts';
import { addressBytes, type DnsRecord } from './wire.ts';

/** The records of service instances, in the order the instances are given in. */
export interface Found {
  answers: DnsRecord[];
  additionals: DnsRecord[];
}

/** What all records of one reply have in common. */
export interface Scene {
  settings: Settings;
  random: Random;
  query: Query;
  /** As the names made for this reply end. */
  domain: string;
  /** In seconds. */
  ttl: number;
  /** What this Consul itself knows of a host name; mostly nothing. */
  resolve(host: string): DnsRecord[];
}

/** One record per node, service address and port; each with its addresses and its node's metadata (F2.1, F12.1). */
export function srvRecords(scene: Scene, instances: Instance[]): Found {
  const { query, domain, ttl, settings, random } = scene;
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
    if (settings.metaTxt) additionals.push(...metadata(nodeName(node, domain), node, ttl, random));
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
  if (isIP(host) === 0) return [host, resolved(scene, host)];
  const target = nodeName(node, domain);
  return [target, addressRecords(target, host, ttl)];
}

function resolved({ resolve, ttl }: Scene, host: string): DnsRecord[] {
  // The metadata of a node that is meant only by its name stays out.
  return resolve(host).flatMap((record) => (record.type === 'TXT' ? [] : [{ ...record, ttl }]));
}

/** Each address once; a host name only where no instance has an address, and then only one (F2.10). */
export function instanceAddresses(scene: Scene, instances: Instance[]): Found {
  const { query, ttl, settings } = scene;
  const answers: DnsRecord[] = [];
  let alias: DnsRecord[] = [];
  const seen = new Set<string>();
  for (const { node, address } of instances) {
    const own = address === '' || sameName(address, query.name) ? node.address : address;
    if (isIP(own) === 0) {
      // Whatever the type: an alias goes for all of them.
      if (alias.length === 0) {
        alias = [{ name: query.name, ttl, type: 'CNAME', target: own }, ...resolved(scene, own)];
      }
      continue;
    }
    if (seen.has(own) || !wants(query.type, own)) continue;
    seen.add(own);
    answers.push(...addressRecords(query.name, own, ttl));
    if (settings.aRecordLimit > 0 && answers.length >= settings.aRecordLimit) break;
  }
  return { answers: answers.length > 0 ? answers : alias, additionals: [] };
}

function sameName(one: string, other: string): boolean {
  return one.replace(/\.$/, '').toLowerCase() === other.toLowerCase();
}
