import { readFileSync } from 'node:fs';
import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DnsRecord, decodeReply } from '../../src/dns/reply.ts';
import { ipText } from '../../src/ip.ts';

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
        additionals: ofUse(additionals),
        additionalCount: additionals.filter(({ type }) => type !== 'OPT').length,
        textCount: additionals.filter(({ type }) => type === 'TXT').length,
        hasOpt: additionals.some(({ type }) => type === 'OPT'),
        size: bytes.length,
      });
    }
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
