import { describe, expect, it } from 'vitest';
import { encodeMessage, type Message, sizeOf } from '../../src/testing/wire.ts';
import { readCaptures, toMessage, type Version } from './captures.ts';

describe.each(['1.8.7', '1.19.0', '1.22.7'] satisfies Version[])('the bytes of Consul %s', (version) => {
  // Options inside an OPT record (client subnet) are the one thing the double does not send.
  const captures = readCaptures(version).filter(
    ({ name, response }) => response.length > 12 && !name.startsWith('ECS'),
  );

  it.each(captures)('are written again from their records alone: $name', ({ response }) => {
    const message = toMessage(response);
    expect(encodeMessage(message).toString('hex')).toBe(response.toString('hex'));
    expect(sizeOf(message, true)).toBe(response.length);
  });
});

describe('an encoded message', () => {
  const srv = (target: string) =>
    ({ name: 'web.service.consul', ttl: 0, type: 'SRV', priority: 1, weight: 1, port: 80, target }) as const;
  const message: Message = {
    id: 1,
    flags: 0x8500,
    question: { name: 'web.service.consul', type: 33, class: 1 },
    answers: [srv('0a000001.addr.dc1.consul')],
    authorities: [],
    additionals: [{ name: '0a000001.addr.dc1.consul', ttl: 0, type: 'A', address: '10.0.0.1' }],
  };

  it('points into SRV targets but never shortens them (F4.12)', () => {
    const bytes = encodeMessage(message);
    const target = bytes.indexOf(Buffer.from('\x080a000001\x04addr\x03dc1\x06consul\x00', 'latin1'));
    expect(target).toBeGreaterThan(0);
    expect(bytes.length).toBe(12 + 24 + (2 + 10 + 6 + 26) + (2 + 10 + 4));
    expect(bytes.indexOf(Buffer.from([0xc0 | (target >> 8), target & 0xff]))).toBeGreaterThan(target);
  });

  it('does not point to anything behind the first 16 KiB (F4.12)', () => {
    const answers = Array.from({ length: 500 }, (_, index) => srv(`${1e7 + index}.addr.dc1.consul`));
    const owner = (name: string) => ({ name, ttl: 0, type: 'A', address: '10.0.0.1' }) as const;
    const size = (additional: string) =>
      sizeOf({ ...message, answers, additionals: [owner(additional)] }, true);
    expect(size(answers[499]!.target) - size(answers[0]!.target)).toBe('10000499'.length + 1);
  });

  it('is as long without compression as all its names together', () => {
    expect(sizeOf(message, false)).toBe(12 + 24 + (20 + 10 + 6 + 26) + (26 + 10 + 4));
  });

  it('minds the letter case of names, as Consul does when it looks for something to point to', () => {
    const owner = (name: string) => ({ name, ttl: 0, type: 'A', address: '10.0.0.1' }) as const;
    const size = (name: string) => sizeOf({ ...message, answers: [owner(name)], additionals: [] }, true);
    expect(size('web.service.CONSUL') - size('web.service.consul')).toBe(18);
  });

  it('keeps a dot inside a label inside it', () => {
    const question = { name: 'a\\.b.service.consul', type: 33, class: 1 };
    const bytes = encodeMessage({ ...message, question, answers: [], additionals: [] });
    expect(bytes.subarray(12, 16)).toEqual(Buffer.from('\x03a.b', 'latin1'));
  });

  it('cannot be made with a text over 255 bytes, though it has a size (F12.5)', () => {
    const text = { name: 'n1.node.dc1.consul', ttl: 0, type: 'TXT', text: 'x'.repeat(256) } as const;
    expect(sizeOf({ ...message, additionals: [text] }, true)).toBeGreaterThan(256);
    expect(() => encodeMessage({ ...message, additionals: [text] })).toThrow(RangeError);
  });
});
