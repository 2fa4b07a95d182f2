import { describe, expect, it } from 'vitest';
import type { Heard, Said, ScriptedDnsOptions } from './scripted-dns.ts';
import { a, instances, inTime, listed, nodata, nxdomain, scriptedDns, upTo } from './scripted-dns.ts';

const nine = upTo(9);
const addresses: Said = {
  answers: [a('web.service.consul', '10.1.0.1'), a('web.service.consul', '10.1.0.2')],
};

/**
 * Consul with a node whose metadata is too long (F12.5): whole SRV replies are never sent, those trimmed to `largest` bytes are, and
 * addresses always. 0: not even small ones.
 */
const tooLongMetadata =
  (largest: number) =>
  ({ type, transport, edns = 512 }: Heard): Said | undefined => {
    if (type === 'A') return addresses;
    if (type !== 'SRV') return nodata;
    return transport === 'udp' && edns <= largest ? listed(nine, { text: false }) : undefined;
  };
const codes = ({ warnings }: { warnings: readonly { code: string }[] }) => warnings.map(({ code }) => code);

describe('SRV that is answered by silence', () => {
  it('because large datagrams are lost on the way: TCP brings the list, and is asked at once from then on', async () => {
    const dns = scriptedDns(({ transport, edns = 0 }) =>
      transport === 'udp' && edns > 1_000 ? undefined : listed(nine),
    );
    expect(await dns.pairs()).toEqual(instances(nine));
    dns.asks();
    const started = dns.clock.now();
    expect(await dns.pairs()).toEqual(instances(nine));
    expect([dns.asks(), dns.clock.now() - started]).toEqual([['SRV tcp'], 0]);
    expect(dns.warnings).toEqual([]);
  });

  it('because a metadata value is too long (F12.5): the list is gathered from small replies, with a warning', async () => {
    const dns = scriptedDns(tooLongMetadata(1_000));
    const found = await dns.resolve();
    expect(found.addresses).toHaveLength(9);
    expect(found.complete).toBe(false);
    expect(codes(dns)).toEqual(['METADATA_TOO_LONG']);
    for (const words of ['255 bytes', 'string exceeded 255 bytes in txt', 'trimmed replies']) {
      expect(dns.warnings[0]?.message).toContain(words);
    }
  });

  it('asks so from then on, without waiting for what will not come', async () => {
    const dns = scriptedDns(tooLongMetadata(1_000));
    await dns.resolve();
    dns.asks();
    const started = dns.clock.now();
    expect(await dns.pairs()).toEqual(instances(nine));
    expect(new Set(dns.asks())).toEqual(new Set(['SRV udp 1000']));
    expect(dns.clock.now() - started).toBe(0);
  });

  it('tries the usual way again after ten minutes', async () => {
    const dns = scriptedDns(tooLongMetadata(1_000));
    await dns.resolve();
    await dns.clock.advance(601_000);
    dns.say(() => listed(nine));
    dns.asks();
    const { complete } = await dns.resolve();
    expect([complete, dns.asks()]).toEqual([true, ['SRV udp 1232']]);
  });

  it.each([
    [1_000, 'SRV udp 1000'],
    [600, 'SRV udp 600'],
    [512, 'SRV udp 512'],
  ])('takes the largest size that is answered: %i', async (largest, ask) => {
    const dns = scriptedDns(tooLongMetadata(largest));
    await dns.resolve();
    dns.asks();
    await dns.resolve();
    expect(new Set(dns.asks())).toEqual(new Set([ask]));
  });

  it('takes one timeout for the usual way and one for all the others', async () => {
    const dns = scriptedDns(tooLongMetadata(512));
    const started = dns.clock.now();
    await dns.resolve();
    expect(dns.clock.now() - started).toBe(2_000);
  });

  it('goes on in the small way though a datagram of it is lost', async () => {
    for (const retries of [0, 2]) {
      let lose = false;
      const dns = scriptedDns(
        (question) => {
          const lost = lose && question.type === 'SRV';
          if (lost) lose = false;
          return lost ? undefined : tooLongMetadata(1_000)(question);
        },
        { retries },
      );
      await dns.resolve();
      for (let round = 0; round < 3; round++) {
        await dns.clock.advance(5_000);
        lose = true;
        dns.asks();
        expect(await dns.pairs()).toEqual(instances(nine));
        if (retries > 0) expect(new Set(dns.asks())).toEqual(new Set(['SRV udp 1000']));
      }
    }
  });

  it('shows only when more is asked for: a first reply by UDP proves nothing, and TCP is silent', async () => {
    const dns = scriptedDns(({ type, transport }) => {
      if (type !== 'SRV') return type === 'A' ? addresses : nodata;
      return transport === 'udp' ? listed(upTo(12), { text: false }) : undefined;
    });
    const { addresses: found, complete } = await dns.resolve();
    expect([found.length, complete]).toEqual([12, false]);
    expect(codes(dns)).toEqual(['METADATA_TOO_LONG']);
    dns.asks();
    const started = dns.clock.now();
    await dns.resolve();
    expect(dns.asks().filter((ask) => ask.includes('tcp'))).toEqual([]);
    expect(dns.clock.now() - started).toBe(0);
  });
});

describe('SRV that never comes, while addresses do', () => {
  it('is replaced by the addresses with the given port, which is said', async () => {
    const dns = scriptedDns(tooLongMetadata(0), { port: 80 });
    expect(await dns.pairs()).toEqual(['10.1.0.1:80', '10.1.0.2:80']);
    expect(codes(dns)).toEqual(['METADATA_TOO_LONG']);
    expect(dns.warnings[0]?.message).toMatch(/given port 80, without weights/);
  });

  it('is not asked for again for a minute, then is, and comes back', async () => {
    const dns = scriptedDns(tooLongMetadata(0), { port: 80 });
    await dns.resolve();
    dns.asks();
    for (let second = 5; second < 55; second += 5) {
      await dns.clock.advance(5_000);
      expect(await dns.pairs()).toEqual(['10.1.0.1:80', '10.1.0.2:80']);
    }
    expect(dns.asks().filter((ask) => ask.startsWith('SRV'))).toEqual([]);
    dns.say(() => listed(nine));
    await dns.clock.advance(11_000);
    expect(await dns.pairs()).toEqual(instances(nine));
  });

  it('is an error that says what to do, where no port is given', async () => {
    const dns = scriptedDns(tooLongMetadata(0));
    for (let round = 0; round < 2; round++) {
      const { code, message } = await dns.refusal();
      expect(code).toBe('ERR_DNS_TIMEOUT');
      for (const words of ['255 bytes', '`port`']) expect(message).toContain(words);
      await dns.clock.advance(5_000);
    }
  });
});

describe('silence of everything', () => {
  it('is a timeout; the other ways are asked once a minute only, so that a hanging Consul is not asked manifold', async () => {
    const dns = scriptedDns(() => undefined);
    const counts: number[] = [];
    for (let round = 0; round < 8; round++) {
      expect((await dns.refusal()).code).toBe('ERR_DNS_TIMEOUT');
      counts.push(dns.asks().length);
      await dns.clock.advance(9_000);
    }
    expect(counts).toEqual([6, 1, 1, 1, 1, 1, 6, 1]);
  });

  it('by UDP, where TCP says that there is nothing, is no failure', async () => {
    const dns = scriptedDns(({ transport }) => (transport === 'tcp' ? nxdomain : undefined));
    expect((await dns.refusal()).code).toBe('ERR_SERVICE_NOT_FOUND');
  });

  it('for a moment, where TCP is closed, is no sign of metadata', async () => {
    let asked = 0;
    const dns = scriptedDns(() => (asked++ === 0 ? undefined : listed(nine)), { tcp: false });
    expect(await dns.pairs()).toEqual(instances(nine));
    expect(dns.warnings).toEqual([]);
  });

  it('is listened to no longer than the caller waits', async () => {
    const dns = scriptedDns(() => undefined);
    const leaver = new AbortController();
    const reason = new Error('enough');
    const work = dns.resolver.resolve({ service: 'web' }, { signal: leaver.signal, background: true });
    work.catch(() => {});
    await dns.clock.advance(1_500);
    leaver.abort(reason);
    await expect(inTime(dns.clock, work)).rejects.toBe(reason);
  });

  it('is not what an error is: SERVFAIL and refused connections are reported at once', async () => {
    const dns = scriptedDns(() => ({ rcode: 'SERVFAIL' }));
    expect((await dns.refusal()).code).toBe('ERR_DNS_RESPONSE');
    expect(dns.asks()).toEqual(['SRV udp 1232']);
  });
});

describe('a transport that is demanded', () => {
  const asksOf = async (options: ScriptedDnsOptions, script = tooLongMetadata(600)) => {
    const dns = scriptedDns(script, options);
    await dns.resolve().catch(() => {});
    return { asks: new Set(dns.asks().map((ask) => ask.split(' ')[1])), dns };
  };

  it('is the only one, also against silence', async () => {
    expect([...(await asksOf({ transport: 'udp' })).asks]).toEqual(['udp']);
    expect([...(await asksOf({ transport: 'tcp' })).asks]).toEqual(['tcp']);
  });

  it('by UDP alone still finds the small replies; what TCP would say is not known, so nothing is said', async () => {
    const dns = scriptedDns(tooLongMetadata(600), { transport: 'udp' });
    expect(await dns.pairs()).toEqual(instances(nine));
    expect(dns.warnings).toEqual([]);
  });

  it('by UDP alone, where the second datagram is lost, is not left for TCP', async () => {
    let asked = 0;
    const { asks } = await asksOf({ transport: 'udp' }, () =>
      asked++ === 0 ? listed(upTo(12), { text: false }) : undefined,
    );
    expect([...asks]).toEqual(['udp']);
  });

  it('by TCP alone takes the addresses as the way out', async () => {
    const dns = scriptedDns(tooLongMetadata(600), { transport: 'tcp', port: 80 });
    expect(await dns.pairs()).toEqual(['10.1.0.1:80', '10.1.0.2:80']);
  });
});
