import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DiscoveryOptions } from '../../src/index.ts';
import { discover, enter, errorOf, pairs, replyOf, seen } from './asking.ts';
import { type Agent, describeWithConsul, startAgent } from './consul-agent.ts';

/** Consul takes values up to 512 bytes, and cannot pack one of more than 255 (with its key) into a reply. */
const tooLong = { 'purpose-of-this-node': 'x'.repeat(300) };
/** Silence is waited for four times. */
const impatient = { timeout: 300 };
const all = Array.from({ length: 12 }, (_, i) => `10.1.0.${i + 1}:${8_001 + i}`);

describeWithConsul('node metadata of more than 255 bytes, on real Consul', () => {
  let agent: Agent;
  beforeAll(async () => {
    agent = await startAgent();
    for (let i = 1; i <= 12; i++) {
      await enter(agent, {
        node: `n${i}`,
        at: `10.0.0.${i}`,
        nodeMeta: i === 7 ? tooLong : { rack: 'r1', zone: 'z1' },
        service: 'many',
        address: `10.1.0.${i}`,
        port: 8_000 + i,
      });
    }
    await enter(agent, {
      node: 'n7',
      at: '10.0.0.7',
      nodeMeta: tooLong,
      service: 'one',
      address: '10.2.0.1',
      port: 80,
    });
  });
  afterAll(() => agent?.stop());

  const timed = async <T>(work: Promise<T>) => {
    const started = performance.now();
    const result = await work;
    return { result, ms: Math.round(performance.now() - started) };
  };
  const isSilent = async (name: string, how: { edns?: number; transport?: 'tcp' }) =>
    await replyOf(agent, `${name}.service.consul`, 'SRV', how).then(
      () => false,
      ({ code }) => code === 'ERR_DNS_TIMEOUT',
    );

  it('silences Consul for whole replies, by UDP and TCP', async () => {
    const [byUdp, byTcp, bySmall, one, oneSmall] = await Promise.all([
      isSilent('many', { edns: 65_000 }),
      isSilent('many', { transport: 'tcp' }),
      isSilent('many', { edns: 600 }),
      isSilent('one', { edns: 65_000 }),
      isSilent('one', { edns: 600 }),
    ]);
    seen(agent, 'silent on SRV', {
      twelve: { byUdp, byTcp, 'by UDP 600': bySmall },
      one: { byUdp: one, 'by UDP 600': oneSmall },
    });
    expect([byUdp, byTcp, bySmall, one, oneSmall]).toEqual([true, true, false, true, true]);
  });

  const ways: [string, DiscoveryOptions][] = [
    ['by default', {}],
    ['with EDNS 1232, as to a server elsewhere', { edns: 1_232, ...impatient }],
  ];
  for (const [how, options] of ways) {
    it(`of one node in twelve, ${how}: all twelve are found with their ports, and a warning says why`, async () => {
      const { discovery, warnings } = discover(agent, options);
      const first = await timed(discovery.resolve('many'));
      const next = await timed(discovery.resolve('many', { fresh: true }));
      const codes = warnings.map(({ code, service }) => `${code} ${service}`);
      seen(agent, `twelve instances ${how}`, `found after ${first.ms} ms, then ${next.ms} ms; ${codes}`);
      for (const { result } of [first, next]) expect(pairs(result)).toEqual(all.toSorted());
      expect(codes).toEqual(['METADATA_TOO_LONG many.service.consul']);
      expect(next.ms).toBeLessThan(500);
    });
  }

  it('of the only instance: an error that says what to do', async () => {
    const { discovery } = discover(agent, impatient);
    const { result, ms } = await timed(errorOf(discovery.resolve('one')));
    seen(agent, 'one instance, port unknown', `${result.code} after ${ms} ms: ${result.message}`);
    expect(result.code).toBe('ERR_DNS_TIMEOUT');
    for (const words of ['metadata', '255 bytes', '`port`']) expect(result.message).toContain(words);
  });

  it('of the only instance, with `port` given: found by its address, also at the next refreshes', async () => {
    const { discovery, warnings } = discover(agent, { port: 80, ...impatient });
    const one = discovery.service('one');
    const first = await timed(one.ready());
    let slowest = 0;
    for (let refresh = 0; refresh < 5; refresh++)
      slowest = Math.max(slowest, (await timed(one.refresh())).ms);
    const codes = warnings.map(({ code }) => code);
    seen(
      agent,
      'one instance, port given',
      `${one.pick().address} after ${first.ms} ms, then at most ${slowest} ms; ${codes}`,
    );
    expect([one.pick().address, one.snapshot.stale, codes]).toEqual([
      '10.2.0.1:80',
      false,
      ['METADATA_TOO_LONG'],
    ]);
    expect(slowest).toBeLessThan(500);
  });
});
