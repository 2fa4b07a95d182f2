import { describe, expect, it } from 'vitest';
import { answersQuestion, encodeQuery, replyId } from '../../src/dns/message.ts';

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
});
