import { describe, expect, it } from 'vitest';
import { a, instances, listed, nodata, scriptedDns, txt, upTo } from './scripted-dns.ts';

const many = upTo(40);
/** By UDP 19 of 40, without a sign; by TCP all, proven. */
const cutByUdp = ({ transport }: { transport: string }) =>
  transport === 'udp' ? listed(many.slice(0, 19), { text: false }) : listed(many);
/** Replies that prove nothing, but for their limits. */
const bare = (numbers: readonly number[]) => listed(numbers, { text: false });

describe('the way a list is asked for', () => {
  it('is one datagram where that proves itself', async () => {
    const dns = scriptedDns(() => listed(upTo(3)));
    expect((await dns.resolve()).complete).toBe(true);
    expect(dns.asks()).toEqual(['SRV udp 1232']);
  });

  it('advertises 65 000 bytes to an agent on this machine, 1 232 to others, what is set to both', async () => {
    for (const [servers, edns, sent] of [
      ['127.0.0.1:8600', undefined, 65_000],
      ['[::1]:8600', undefined, 65_000],
      ['10.0.0.1:8600', undefined, 1_232],
      ['10.0.0.1:8600', 4_096, 4_096],
    ] as const) {
      const dns = scriptedDns(() => listed(upTo(3)), { servers: [servers], edns });
      await dns.resolve();
      expect(dns.asks()).toEqual([`SRV udp ${sent}`]);
    }
  });

  it('is one more datagram under another limit where a small list is in doubt (rule 3)', async () => {
    const dns = scriptedDns(() => bare(upTo(3)));
    const { complete, omission } = await dns.resolve();
    expect([complete, omission]).toEqual([true, undefined]);
    expect(dns.asks()).toEqual(['SRV udp 1232', 'SRV udp 1000']);
  });

  it('is TCP where more does not fit, and is TCP at once the next time (T1)', async () => {
    const dns = scriptedDns(cutByUdp);
    expect(await dns.pairs()).toEqual(instances(many));
    expect(dns.asks()).toEqual(['SRV udp 1232', 'SRV tcp']);
    expect(await dns.pairs()).toEqual(instances(many));
    expect(dns.asks()).toEqual(['SRV tcp']);
  });

  it('is remembered for each name, by all services over one client, for ten minutes', async () => {
    const dns = scriptedDns(cutByUdp);
    await dns.resolve();
    dns.asks();
    await dns.source.resolver(undefined, 4).resolve({ service: 'web' }, { background: true });
    expect(dns.asks()).toEqual(['SRV tcp']);
    await dns.resolve('other');
    expect(dns.asks()).toEqual(['SRV udp 1232', 'SRV tcp']);
    await dns.clock.advance(601_000);
    await dns.resolve();
    expect(dns.asks()).toEqual(['SRV udp 1232', 'SRV tcp']);
  });

  it('goes back to UDP at once where the remembered TCP is closed by now', async () => {
    const dns = scriptedDns(cutByUdp, { retries: 2 });
    await dns.resolve();
    dns.network.onStream = undefined;
    // TCP connections of before are gone, too.
    await dns.clock.advance(10_000);
    dns.asks();
    const { addresses, complete } = await dns.resolve();
    expect([addresses.length, complete]).toEqual([19, false]);
    expect(dns.asks().filter((ask) => ask.includes('tcp'))).toEqual([]);
  });

  it('waits for a filtered TCP one timeout only, and settles what there is by UDP', async () => {
    const dns = scriptedDns(({ transport }) => (transport === 'tcp' ? undefined : bare(upTo(12))), {
      retries: 2,
    });
    const started = dns.clock.now();
    const { addresses, complete, omission = 1 } = await dns.resolve();
    expect([addresses.length, complete]).toEqual([12, false]);
    expect(omission).toBeLessThan(1);
    expect(dns.clock.now() - started).toBeLessThanOrEqual(2_050);
  });

  it('is given up after a few asks that agree, with the chance that is left', async () => {
    const dns = scriptedDns(() => bare(upTo(12)), { transport: 'tcp' });
    const { complete, omission, origin } = await dns.resolve();
    expect([complete, origin?.asks]).toEqual([false, 6]);
    expect(omission).toBeCloseTo(13 ** -6, 10);
  });

  it('for addresses is by TCP after two datagrams, and never proven', async () => {
    const dns = scriptedDns(({ type }) => (type === 'A' ? { answers: [a('web', '10.0.0.1')] } : nodata), {
      records: 'A',
      port: 80,
    });
    const { complete } = await dns.resolve();
    expect(complete).toBe(false);
    expect(dns.asks().filter((ask) => ask.startsWith('A '))).toEqual([
      'A udp 1232',
      'A udp 1000',
      'A tcp',
      'A tcp',
      'A tcp',
    ]);
    expect(dns.heard.filter(({ type }) => type === 'AAAA')).toHaveLength(1);
  });

  it('for addresses of two families is as doubtful as the more doubtful of them', async () => {
    let turn = 0;
    const some = () => [0, 1].map((i) => a('web', `2001:db8::${((turn++ + 3 * i) % 9) + 1}`));
    const dns = scriptedDns(
      ({ type }) => ({ answers: type === 'AAAA' ? some() : upTo(30).map((n) => a('web', `10.0.0.${n}`)) }),
      { records: 'A', port: 80 },
    );
    const { omission } = await dns.resolve();
    // 31⁻³ is what the 30 IPv4 ones would leave.
    expect(omission).toBeGreaterThan(1e-3);
  });
});

describe('a reply that says it was cut (TC)', () => {
  it('by TCP too is no reason to ask for ever, nor to throw away what it shows (F4.8, F12.4)', async () => {
    const dns = scriptedDns(() => ({ ...listed(upTo(30), { text: false }), truncated: true }));
    const { addresses, complete, omission = 1, origin } = await dns.resolve();
    expect([addresses.length, complete, origin?.transport]).toEqual([30, false, 'tcp']);
    expect(origin?.asks).toBeLessThanOrEqual(6);
    expect(omission).toBeLessThan(1e-5);
  });

  it('is not proven whole by the metadata in it', async () => {
    const dns = scriptedDns(() => ({ ...listed(upTo(30)), truncated: true }), { transport: 'tcp' });
    expect((await dns.resolve()).complete).toBe(false);
  });
});

describe('a reply that is larger than was asked for', () => {
  it('is taken: 1.8 adds 4 bytes, and one with a single answer is never cut (F4.4, F4.6)', async () => {
    const text = upTo(30).map((i) => txt('n1.node.dc1.consul', `k${i}=${'v'.repeat(100)}`));
    const dns = scriptedDns(() => {
      const { answers = [], additionals = [] } = listed([1]);
      return { answers, additionals: [...additionals, ...text] };
    });
    const { addresses, complete } = await dns.resolve();
    expect([addresses.length, complete]).toEqual([1, true]);
  });
});

describe('a reply that was cut to nothing', () => {
  it('with TC is an error and no emptiness, where TCP is closed (T3)', async () => {
    const dns = scriptedDns(() => ({ truncated: true }), { tcp: false });
    const { code, message } = await dns.refusal();
    expect(code).toBe('ERR_DNS_RESPONSE');
    expect(message).toContain('TCP');
  });

  it('with the additional records left is one too', async () => {
    const dns = scriptedDns(() => ({ additionals: [a('0a000001.addr.dc1.consul', '10.0.0.1')] }), {
      tcp: false,
    });
    expect((await dns.refusal()).code).toBe('ERR_DNS_RESPONSE');
  });

  it('is made good by TCP', async () => {
    const dns = scriptedDns(({ transport }) => (transport === 'udp' ? { truncated: true } : listed(upTo(3))));
    expect(await dns.pairs()).toEqual(instances(upTo(3)));
  });

  it('is not what an empty answer without anything beside it is', async () => {
    const dns = scriptedDns(() => nodata);
    expect((await dns.refusal()).code).toBe('ERR_SERVICE_NOT_FOUND');
    expect(dns.asks().filter((ask) => ask.startsWith('SRV'))).toHaveLength(1);
  });
});
