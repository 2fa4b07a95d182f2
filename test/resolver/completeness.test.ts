import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DnsAnswer } from '../../src/dns/client.ts';
import type { DnsReply } from '../../src/dns/reply.ts';
import { parseServerAddress } from '../../src/dns/server-address.ts';
import { createRandom } from '../../src/random.ts';
import { Evidence, provesItself } from '../../src/resolver/completeness.ts';
import { OptRule } from '../../src/resolver/opt-rule.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';

const server = parseServerAddress('127.0.0.1:8600');
const nothingKnown = () => new OptRule(createFakeClock());

/** An SRV reply of instances `ids`, each with its own target and address. */
function answer(
  ids: readonly number[],
  rest: Partial<DnsReply & DnsAnswer> & { text?: number } = {},
): DnsAnswer {
  const {
    text = 0,
    limit = 1_232,
    transport = 'udp',
    hasOpt = true,
    size = 40 + 60 * ids.length,
    truncated = false,
  } = rest;
  const reply: DnsReply = {
    rcode: 'NOERROR',
    truncated,
    answers: ids.map((id) => ({
      type: 'SRV',
      name: 'web.service.consul',
      ttl: 0,
      priority: 1,
      weight: 1,
      port: id,
      target: `t${id}`,
    })),
    answerCount: ids.length,
    additionals: [],
    additionalCount: ids.length + text,
    textCount: text,
    hasOpt,
    size,
  };
  return { reply, server, transport, limit };
}

const idsOf = (ids: readonly number[]) => new Set(ids.map(String));
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('a reply proves itself complete', () => {
  it('by node metadata: more additional records than targets, TXT among them (F13.2)', () => {
    expect(provesItself(answer([1, 2, 3], { text: 3 }), nothingKnown())).toBe(true);
    expect(provesItself(answer([1, 2, 3]), nothingKnown())).toBe(false);
  });

  it('not by a TXT that stands in place of an address after a trim (F12.3)', () => {
    const trimmed = answer([1, 2, 3]);
    expect(provesItself({ ...trimmed, reply: { ...trimmed.reply, textCount: 1 } }, nothingKnown())).toBe(
      false,
    );
  });

  it('not by the address of an alias, which a trim keeps beside it', () => {
    // Two targets; one is an alias, kept with the address it leads to; the other has a TXT in place of its address.
    const { reply, ...rest } = answer([1, 2]);
    const additionals = [
      { type: 'CNAME', name: 't1', ttl: 0, target: 'far.example' },
      { type: 'A', name: 'far.example', ttl: 0, host: '192.0.2.1' },
    ] as const;
    const trimmed = { ...rest, reply: { ...reply, additionals, additionalCount: 3, textCount: 1 } };
    expect(provesItself(trimmed, nothingKnown())).toBe(false);
    const whole = { ...rest, reply: { ...reply, additionals, additionalCount: 5, textCount: 2 } };
    expect(provesItself(whole, nothingKnown())).toBe(true);
  });

  describe('by its OPT', () => {
    const trimmed = answer(upTo(19), { hasOpt: false });

    it('from a server that was seen to leave it out of trimmed replies (F12.6, F13.3)', () => {
      const rule = nothingKnown();
      expect(provesItself(answer([1, 2]), rule)).toBe(false);
      rule.learn(trimmed);
      expect(provesItself(answer([1, 2]), rule)).toBe(true);
      expect(provesItself(answer([1, 2], { hasOpt: false }), rule)).toBe(false);
    });

    it('never over TCP, and not below 513 bytes, where all versions leave it in', () => {
      const rule = nothingKnown();
      rule.learn(trimmed);
      expect(provesItself(answer([1, 2], { transport: 'tcp', limit: 65_523 }), rule)).toBe(false);
      expect(provesItself(answer([1, 2], { limit: 512 }), rule)).toBe(false);
    });

    it('of this server only', () => {
      const rule = nothingKnown();
      rule.learn({ ...trimmed, server: parseServerAddress('127.0.0.2:8600') });
      expect(provesItself(answer([1, 2]), rule)).toBe(false);
    });

    it('until the server is seen to keep it in a reply that lacked one: then it says nothing', () => {
      const rule = nothingKnown();
      rule.learn(trimmed);
      rule.distrust(answer([1, 2]));
      rule.learn(trimmed);
      expect(provesItself(answer([1, 2]), rule)).toBe(false);
    });

    it('for an hour: another version may answer at that address one day', async () => {
      const clock = createFakeClock();
      const rule = new OptRule(clock);
      rule.learn(trimmed);
      await clock.advance(3_599_000);
      expect(provesItself(answer([1, 2]), rule)).toBe(true);
      await clock.advance(2_000);
      expect(provesItself(answer([1, 2]), rule)).toBe(false);
    });
  });

  it('never at the cap of 1 024 SRV, with TC, or empty (F4.7)', () => {
    expect(provesItself(answer(upTo(1_024), { text: 5_000, limit: 65_523 }), nothingKnown())).toBe(false);
    expect(provesItself(answer([1, 2], { text: 4, truncated: true }), nothingKnown())).toBe(false);
    expect(provesItself(answer([], { text: 4 }), nothingKnown())).toBe(false);
  });
});

describe('two replies under different limits', () => {
  const together = (first: DnsAnswer, second: DnsAnswer) => {
    const evidence = new Evidence(6, true);
    for (const one of [first, second]) {
      evidence.add(
        one,
        new Set(one.reply.answers.map((record) => (record.type === 'SRV' ? String(record.port) : ''))),
        false,
      );
    }
    return evidence;
  };

  it('prove the list when both had room for more', () => {
    expect(together(answer([1, 2, 3]), answer([1, 2, 3], { transport: 'tcp', limit: 65_523 })).complete).toBe(
      true,
    );
  });

  it('do not when one of them was full', () => {
    const full = answer(upTo(19), { size: 1_200 });
    expect(together(full, answer(upTo(610), { transport: 'tcp', limit: 65_523 })).complete).toBe(false);
  });

  it('do not when the limits are nearly the same: the hole could swallow one in both', () => {
    expect(together(answer([1, 2, 3]), answer([1, 2, 3], { limit: 1_300 })).complete).toBe(false);
  });
});

describe('independent asks without proof', () => {
  /** Consul in the hole: every reply lacks one random instance of n. */
  const ask = (n: number, random: ReturnType<typeof createRandom>) => {
    const gone = random.below(n);
    return upTo(n).filter((id) => id !== gone);
  };

  it('end when the chance that any instance is missing is below 10⁻⁵', () => {
    const evidence = new Evidence(6, true);
    const random = createRandom(3);
    const all = new Set<string>();
    while (!evidence.enough) {
      const ids = ask(610, random);
      for (const id of ids) all.add(String(id));
      evidence.add(answer(ids, { transport: 'tcp', limit: 65_523, size: 38_000 }), idsOf(ids), false);
    }
    expect([evidence.asks, all.size, evidence.complete]).toEqual([3, 610, false]);
    expect(evidence.omission * 611).toBeLessThan(1e-5);
  });

  it('find every instance of a service in the hole, in 3 000 services of any size', () => {
    const random = createRandom(4);
    for (let round = 0; round < 3_000; round++) {
      const n = 12 + random.below(600);
      const evidence = new Evidence(6, true);
      const seen = new Set<string>();
      while (!evidence.enough) {
        const ids = ask(n, random);
        for (const id of ids) seen.add(String(id));
        evidence.add(answer(ids, { transport: 'tcp', limit: 65_523, size: 38_000 }), idsOf(ids), false);
      }
      expect(seen.size).toBe(n);
    }
  });

  it('state a chance that holds, when each reply is a random part of the whole (beyond the caps, F4.8)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_100, max: 3_000 }),
        fc.integer({ min: 1, max: 1e9 }),
        (population, seed) => {
          const random = createRandom(seed);
          const evidence = new Evidence(6, true);
          const seen = new Set<string>();
          while (!evidence.enough) {
            const ids = new Set<number>();
            while (ids.size < 997) ids.add(random.below(population));
            for (const id of ids) seen.add(String(id));
            evidence.add(
              answer([...ids], { transport: 'tcp', limit: 65_523, size: 65_490 }),
              idsOf([...ids]),
              false,
            );
          }
          expect(evidence.asks).toBeGreaterThanOrEqual(5);
          const missing = (population - seen.size) / population;
          // By ask, so that the estimate of the population is compared and not its power.
          const truth = 1 - 997 / population;
          const stated = evidence.omission ** (1 / evidence.asks);
          expect(stated).toBeGreaterThan(truth * 0.95);
          expect(stated).toBeLessThan(truth * 1.3);
          expect(missing).toBeLessThan(0.01);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each([
    [4, 6],
    [3, 5],
    [2, 9],
  ])(
    'do not understate the chance where each reply is a small part: %i of %i (a_record_limit)',
    (shown, population) => {
      // What membership.ts rests on: over many runs, the mean of 1/omission of those that miss a given one is at most 1.
      const random = createRandom(8);
      const rounds = 3_000;
      let risk = 0;
      for (let round = 0; round < rounds; round++) {
        const evidence = new Evidence(3, false);
        let seen = false;
        while (!evidence.enough) {
          const ids = upTo(population);
          while (ids.length > shown) ids.splice(random.below(ids.length), 1);
          seen ||= ids.includes(0);
          evidence.add(answer(ids, { limit: 65_000, size: 120 }), idsOf(ids), false);
        }
        if (!seen) risk += 1 / evidence.omission;
      }
      expect(risk / rounds).toBeLessThan(1);
    },
  );

  it('know nothing of a single reply that was full', () => {
    const evidence = new Evidence(6, true);
    const ids = upTo(997);
    evidence.add(answer(ids, { transport: 'tcp', limit: 65_523, size: 65_496 }), idsOf(ids), false);
    expect([evidence.omission, evidence.enough]).toEqual([1, false]);
  });
});
