import { readFileSync } from 'node:fs';
import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeQuery } from '../../src/dns/message.ts';
import { type DnsRecord, decodeReply } from '../../src/dns/reply.ts';
import { ipText } from '../../src/ip.ts';
import { replyTo } from './messages.ts';

interface Capture {
  readonly name: string;
  readonly transport: string;
  readonly requestHex: string;
  readonly responseHex: string;
}

const captures = ['1.8.7', '1.22.7'].flatMap((version) => {
  const file = new URL(`../fixtures/captures-${version}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as Capture[]).map((capture) => ({ ...capture, version }));
});
const capture = (version: string, name: string) => {
  const found = captures.find((one) => one.version === version && one.name === name);
  if (found === undefined) throw new Error(`no capture "${name}" of ${version}`);
  return Buffer.from(found.responseHex, 'hex');
};
describe('a reply', () => {
  it('is understood in every capture of real Consul', () => {
    expect(captures.length).toBeGreaterThan(140);
    for (const { responseHex, name, version } of captures) {
      if (responseHex === '' || responseHex === undefined) continue;
      const bytes = Buffer.from(responseHex, 'hex');
      expect(decodeReply(bytes)?.size, `${version} ${name}`).toBe(bytes.length);
    }
  });

  it('shows SRV, addresses, TXT count, OPT and rcode', () => {
    const reply = decodeReply(capture('1.22.7', 'SRV three instances, EDNS 1232'))!;
    expect(reply.rcode).toBe('NOERROR');
    expect(reply.hasOpt).toBe(true);
    expect(reply.answers).toContainEqual({
      type: 'SRV',
      name: 'web.service.consul',
      ttl: 0,
      priority: 1,
      weight: 10,
      port: 8001,
      target: '0a010001.addr.dc1.consul',
    });
    expect(reply.additionals).toContainEqual({
      type: 'A',
      name: 'n3.node.dc1.consul',
      ttl: 0,
      host: '10.0.0.3',
    });
    expect(reply.additionalCount).toBe(reply.additionals.length + reply.textCount);
  });

  it('of any bytes is a value or undefined, never an exception', () => {
    const real = captures
      .filter(({ responseHex }) => responseHex)
      .map(({ responseHex }) => Buffer.from(responseHex, 'hex'));
    fc.assert(
      fc.property(
        fc.constantFrom(...real),
        fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { maxLength: 12 }),
        fc.nat(2_000),
        (packet, edits, cut) => {
          const bytes = Buffer.from(packet.subarray(0, Math.max(0, packet.length - (cut % 40))));
          for (const [at, value] of edits) if (bytes.length > 0) bytes[at % bytes.length] = value;
          expect(() => decodeReply(bytes)).not.toThrow();
        },
      ),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeReply(Buffer.from(bytes))),
    );
  });

  it('is read as dns-packet reads it, record by record, in every capture', () => {
    for (const { responseHex, name, version } of captures) {
      if (!responseHex) continue;
      const bytes = Buffer.from(responseHex, 'hex');
      const ours = decodeReply(bytes)!;
      const theirs = dnsPacket.decode(bytes) as dnsPacket.DecodedPacket & { rcode: string };
      const additionals = theirs.additionals ?? [];
      expect(ours, `${version} ${name}`).toEqual({
        rcode: theirs.rcode,
        truncated: theirs.flag_tc,
        answers: ofUse(theirs.answers ?? []),
        answerCount: theirs.answers?.length ?? 0,
        additionals: ofUse(additionals),
        additionalCount: additionals.filter(({ type }) => type !== 'OPT').length,
        textCount: additionals.filter(({ type }) => type === 'TXT').length,
        hasOpt: additionals.some(({ type }) => type === 'OPT'),
        size: bytes.length,
      });
    }
  });

  it('takes the rest of an rcode from the OPT: BADVERS is no NOERROR', () => {
    const bytes = Buffer.from(capture('1.22.7', 'SRV three instances, EDNS 1232'));
    // The last record: root name, type 41, size, extended rcode.
    const opt = bytes.length - 11;
    expect(bytes.readUInt16BE(opt + 1)).toBe(41);
    bytes[opt + 5] = 1;
    expect(decodeReply(bytes)!.rcode).toBe('RCODE_16');
  });

  it('of 64 KiB whose names lead through thousands of pointers is refused before it costs time', () => {
    const { bytes, names } = pointerChain();
    expect(names).toBeGreaterThan(2_500);
    const times = [1, 2, 3].map(() => {
      const start = performance.now();
      expect(decodeReply(bytes)).toBe(undefined);
      return performance.now() - start;
    });
    // 180 ms where every name is followed to its end.
    expect(Math.min(...times)).toBeLessThan(50);
  });

  it('whose target is longer or shorter than its record is none', () => {
    const { bytes: question } = encodeQuery('web.service.consul', 'SRV', 7, undefined, Buffer.alloc(32));
    const srv = { priority: 1, weight: 1, port: 80, target: 'n1.node.dc1.consul' };
    const bytes = replyTo(question, {
      answers: [{ name: 'web.service.consul', ttl: 0, type: 'SRV', ...srv }],
    });
    expect(decodeReply(bytes)!.answers).toHaveLength(1);
    const length = bytes.length - 20 - 6 - 2;
    expect(bytes.readUInt16BE(length)).toBe(26);
    bytes.writeUInt16BE(25, length);
    expect(decodeReply(bytes)).toBe(undefined);
    const longer = Buffer.concat([bytes, Buffer.from([0])]);
    longer.writeUInt16BE(27, length);
    expect(decodeReply(longer)).toBe(undefined);
  });

  it('whose question is cut behind its name is none', () => {
    const { bytes, questionEnd } = encodeQuery('web.service.consul', 'SRV', 7, undefined, Buffer.alloc(32));
    const reply = Buffer.from(bytes);
    reply[2]! |= 0x80;
    expect(decodeReply(reply.subarray(0, questionEnd))?.rcode).toBe('NOERROR');
    for (let cut = 1; cut <= 4; cut++)
      expect(decodeReply(reply.subarray(0, questionEnd - cut))).toBe(undefined);
  });

  it('that is cut anywhere, or says more than it holds, is none', () => {
    const bytes = capture('1.22.7', 'SRV three instances, EDNS 1232');
    for (let length = 12; length < bytes.length; length++)
      expect(decodeReply(bytes.subarray(0, length))).toBe(undefined);
    const loop = Buffer.from(bytes);
    loop.writeUInt16BE(0xc00c, 12);
    expect(decodeReply(loop)).toBe(undefined);
  });
});

function ofUse(records: readonly dnsPacket.Answer[]): DnsRecord[] {
  return records.flatMap((record): DnsRecord[] => {
    const name = record.name.toLowerCase();
    const ttl = 'ttl' in record ? (record.ttl ?? 0) : 0;
    if (record.type === 'A' || record.type === 'AAAA')
      return [{ type: record.type, name, ttl, host: ipText(record.data) }];
    if (record.type === 'CNAME') return [{ type: 'CNAME', name, ttl, target: record.data.toLowerCase() }];
    if (record.type !== 'SRV') return [];
    const { priority = 0, weight = 0, port, target } = record.data;
    return [{ type: 'SRV', name, ttl, priority, weight, port, target: target.toLowerCase() }];
  });
}

/** A TXT of 8 000 pointers, each to the one before, and A records whose owners begin deep inside. */
function pointerChain(): { bytes: Buffer; names: number } {
  const length = 8_000;
  const text = 12 + 1 + 10;
  const record = (owner: number[], type: number, data: Buffer) => {
    const head = Buffer.alloc(10);
    head.writeUInt16BE(type, 0);
    head.writeUInt16BE(1, 2);
    head.writeUInt16BE(data.length, 8);
    return Buffer.concat([Buffer.from(owner), head, data]);
  };
  const chain = Buffer.alloc(1 + 2 * length);
  for (let i = 0; i < length; i++)
    chain.writeUInt16BE(0xc000 | (i === 0 ? text : text + 2 * i - 1), 1 + 2 * i);
  const records = [record([0], 16, chain)];
  for (let i = 1; i <= 3_000; i++) {
    const place = text + 1 + 2 * (length - i);
    records.push(record([0xc0 | (place >> 8), place & 255], 1, Buffer.from([10, 0, 0, 1])));
  }
  const header = Buffer.alloc(12);
  header.writeUInt16BE(0x8500, 2);
  header.writeUInt16BE(records.length, 6);
  return { bytes: Buffer.concat([header, ...records]), names: records.length - 1 };
}
