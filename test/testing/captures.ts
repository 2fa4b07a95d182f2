import { readFileSync } from 'node:fs';
import { type Answer, decode } from 'dns-packet';
import type { ConsulVersion as Version } from '../../src/testing/versions.ts';
import type { DnsRecord, Message } from '../../src/testing/wire.ts';

export type { ConsulVersion as Version } from '../../src/testing/versions.ts';

export interface Capture {
  name: string;
  setup: string;
  transport: string;
  request: Buffer;
  response: Buffer;
}

/** 'captures': taken by hand, one world for many; 'recorded': the scenarios, see scenarios/. */
export function readCaptures(version: Version, kind: 'captures' | 'recorded' = 'captures'): Capture[] {
  const file = new URL(`../fixtures/${kind}-${version}.json`, import.meta.url);
  const captures: {
    name: string;
    setup: string;
    transport: string;
    requestHex: string;
    responseHex: string;
  }[] = JSON.parse(readFileSync(file, 'utf8'));
  return captures.map(({ name, setup, transport, requestHex, responseHex }) => ({
    name,
    setup,
    transport,
    request: Buffer.from(requestHex, 'hex'),
    response: Buffer.from(responseHex ?? '', 'hex'),
  }));
}

/** A response as the records it holds, all knowledge of how they were written taken away. */
export function toMessage(response: Buffer): Message {
  const packet = decode(response);
  const nameEnd = response.indexOf(0, 12);
  const name = packet.questions?.[0]?.name;
  return {
    id: response.readUInt16BE(0),
    flags: response.readUInt16BE(2),
    question:
      name === undefined
        ? undefined
        : {
            name,
            type: response.readUInt16BE(nameEnd + 1),
            class: response.readUInt16BE(nameEnd + 3),
          },
    answers: (packet.answers ?? []).map(toRecord),
    authorities: (packet.authorities ?? []).map(toRecord),
    additionals: (packet.additionals ?? []).map(toRecord),
  };
}

function toRecord(record: Answer): DnsRecord {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return { name: record.name, ttl: record.ttl ?? 0, type: record.type, address: record.data };
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return { name: record.name, ttl: record.ttl ?? 0, type: record.type, target: record.data };
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = record.data;
      return { name: record.name, ttl: record.ttl ?? 0, type: 'SRV', priority, weight, port, target };
    }
    case 'TXT':
      return { name: record.name, ttl: record.ttl ?? 0, type: 'TXT', text: String(record.data) };
    case 'SOA': {
      const { mname, rname, serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0 } = record.data;
      const timers = [refresh, retry, expire, minimum] as const;
      return { name: record.name, ttl: record.ttl ?? 0, type: 'SOA', mname, rname, serial, timers };
    }
    case 'OPT':
      return { name: '', ttl: 0, type: 'OPT', udpSize: record.udpPayloadSize };
    default:
      throw new Error(`no ${record.type} in any capture`);
  }
}
