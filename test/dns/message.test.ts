import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answersQuestion, encodeQuery, replyId } from '../../src/dns/message.ts';
import { decodeReply } from '../../src/dns/reply.ts';

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
const zeros = Buffer.alloc(32);

describe('a question', () => {
  it('carries the id, one question, RD and an OPT with the size', () => {
    const { bytes, questionEnd } = encodeQuery('web.service.consul', 'SRV', 0xbeef, 1232, zeros);
    expect(bytes.readUInt16BE(0)).toBe(0xbeef);
    expect(bytes.readUInt16BE(2)).toBe(0x0100);
    expect([4, 6, 8, 10].map((at) => bytes.readUInt16BE(at))).toEqual([1, 0, 0, 1]);
    expect(bytes.subarray(12, questionEnd).toString('latin1')).toBe(
      '\x03web\x07service\x06consul\x00\x00!\x00\x01',
    );
    expect(bytes.readUInt16BE(questionEnd + 3)).toBe(1232);
  });

  it('spells its letters in the case the random bits say (0x20), and nothing else differs', () => {
    const random = Buffer.alloc(32, 0b10101010);
    const mixed = encodeQuery('we-1_b.service.consul', 'A', 1, 1232, random).bytes;
    const plain = encodeQuery('we-1_b.service.consul', 'A', 1, 1232, zeros).bytes;
    expect(mixed.subarray(13, 19).toString()).toBe('wE-1_b');
    expect(mixed.toString('latin1').toLowerCase()).toBe(plain.toString('latin1').toLowerCase());
  });
});

describe('a reply', () => {
  it('answers a question only with its bytes, letter case included', () => {
    const query = encodeQuery('web.service.consul', 'SRV', 7, 1232, Buffer.alloc(32, 0b0101));
    const reply = Buffer.from(query.bytes);
    reply[2]! |= 0x80;
    expect(replyId(reply)).toBe(7);
    expect(answersQuestion(reply, query)).toBe(true);
    const otherCase = Buffer.from(reply);
    otherCase[13]! ^= 0x20;
    expect(answersQuestion(otherCase, query)).toBe(false);
    // One label "web.service" in place of two: dns-packet shows both alike.
    const dotInLabel = Buffer.from(reply);
    dotInLabel[12] = 11;
    dotInLabel[16] = 0x2e;
    expect(answersQuestion(dotInLabel, query)).toBe(false);
    expect(answersQuestion(reply.subarray(0, 12), query)).toBe(false);
  });

  it('is no reply without the QR bit or with less than a header', () => {
    expect(replyId(encodeQuery('web.service.consul', 'SRV', 7, 1232, zeros).bytes)).toBe(undefined);
    expect(replyId(Buffer.alloc(11, 0xff))).toBe(undefined);
  });

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
});
