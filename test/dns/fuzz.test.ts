/** Properties, and the fuzzer's corpus and rules at the size of a unit test; `npm run fuzz` goes on from here. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Corpus } from '../../fuzz/corpus.ts';
import { forge } from '../../fuzz/forge.ts';
import { violation } from '../../fuzz/invariants.ts';
import { mutate } from '../../fuzz/mutate.ts';
import { knowsAll, questionEnd } from '../../fuzz/secrets.ts';
import { encodeQuery } from '../../src/dns/message.ts';
import { decodeReply } from '../../src/dns/reply.ts';
import { createRandom } from '../../src/random.ts';
import { MemoryNetwork, memoryClient, seededFill } from './memory-network.ts';
import { answerTo } from './messages.ts';

const corpus = new Corpus();
const seed = fc.integer();

describe('the decoder', () => {
  it('keeps its rules on everything the fuzzer found worth keeping', () => {
    const grown = JSON.parse(readFileSync('fuzz/corpus.json', 'utf8')) as string[];
    expect(grown.length).toBeGreaterThan(50);
    for (const hex of grown) {
      const message = Buffer.from(hex, 'hex');
      const reply = decodeReply(message);
      expect(reply && violation(reply, message), hex).toBe(undefined);
    }
  });

  it('keeps them on any mutation of a reply of Consul', () => {
    let read = 0;
    fc.assert(
      fc.property(seed, (from) => {
        const random = createRandom(from);
        const message = mutate(corpus.draw(random), random, 4, corpus);
        const reply = decodeReply(message);
        if (reply === undefined) return;
        read++;
        expect(violation(reply, message)).toBe(undefined);
      }),
      { numRuns: 3_000 },
    );
    expect(read).toBeGreaterThan(200);
  });

  it('keeps them on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 300 }), (bytes) => {
        const message = Buffer.from(bytes);
        const reply = decodeReply(message);
        expect(reply && violation(reply, message)).toBe(undefined);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** A burst by somebody who lacks a secret, in the middle of it the honest answer or none. */
const burst = fc.record({
  seed,
  before: fc.nat(255),
  answered: fc.boolean(),
  transport: fc.constantFrom('auto' as const, 'udp' as const),
  type: fc.constantFrom('SRV' as const, 'A' as const, 'AAAA' as const, 'NS' as const),
  name: fc.constantFrom('web.service.consul', 'a.b', 'v1.2.3.web.service.dc1.consul', 'consul'),
});

describe('the whole client', () => {
  it('believes the honest answer or none, whatever comes before it', async () => {
    await fc.assert(
      fc.asyncProperty(burst, async ({ seed: from, before, answered, transport, type, name }) => {
        const random = createRandom(from);
        const network = new MemoryNetwork();
        const { dns, clock } = memoryClient(network, { randomFill: seededFill(from) });
        let hostile = 0;
        network.onDatagram = (question, socket) => {
          for (let i = 0; i < before; i++) if (socket.receive(forge(question, corpus, random))) hostile++;
          if (answered) socket.receive(answerTo(question, 54_321));
        };
        let settled: unknown;
        void dns.query(name, type, { transport }).then(
          ({ reply }) => {
            settled = reply.answers.map((record) => (record.type === 'SRV' ? record.port : 0));
          },
          (error) => {
            settled = error.code;
          },
        );
        for (let waited = 0; settled === undefined && waited < 5; waited++)
          await clock.advance(waited === 0 ? 0 : 1_000);
        expect(settled).toEqual(answered ? [54_321] : 'ERR_DNS_TIMEOUT');
        expect(dns.counters).toMatchObject({ foreign: hostile, malformed: 0 });
        dns.close();
        expect([clock.pending, network.open]).toEqual([0, 0]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a forgery of the fuzzer', () => {
  it('always lacks a secret, and in many ways just one', () => {
    const random = createRandom(1);
    const { bytes } = encodeQuery('web.service.consul', 'SRV', 0xbeef, 1_232, Buffer.alloc(32, 0xa5));
    const end = questionEnd(bytes);
    let onlyTheSpelling = 0;
    let onlyTheId = 0;
    for (let i = 0; i < 2_000; i++) {
      const message = forge(bytes, corpus, random);
      expect(knowsAll(message, bytes)).toBe(false);
      const text = (from: Buffer) => from.toString('latin1', 12, end);
      const idRight = message.length > 12 && message.readUInt16BE(0) === 0xbeef;
      if (
        idRight &&
        text(message) !== text(bytes) &&
        text(message).toLowerCase() === text(bytes).toLowerCase()
      )
        onlyTheSpelling++;
      if (message.length > end && !idRight && text(message) === text(bytes)) onlyTheId++;
    }
    expect(onlyTheSpelling).toBeGreaterThan(100);
    expect(onlyTheId).toBeGreaterThan(100);
  });
});
