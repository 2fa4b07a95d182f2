import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/random.ts';
import { Evidence } from '../../src/resolver/completeness.ts';
import { endpointsOf, instances, listed, nodata, nxdomain, scriptedDns, upTo } from './scripted-dns.ts';

const name = 'web.service.admin.port.consul';

/** `have` instances with the port and `lack` without, in random order; Consul shows what stands before the first without (F12.11). */
function rollout(have: number, lack: number, random = createRandom(3)) {
  return (): readonly number[] => {
    const order = upTo(have + lack)
      .map((number) => ({ number, at: random.next() }))
      .sort((one, other) => one.at - other.at)
      .map(({ number }) => number);
    return order.slice(
      0,
      order.findIndex((number) => number > have),
    );
  };
}

function consul(show: () => readonly number[]) {
  return scriptedDns(({ type }) => (type === 'SRV' ? { ...listed(show()), rcode: 'NXDOMAIN' } : nodata));
}

describe('a named port that some instances lack', () => {
  it.each([
    [2, 1],
    [5, 1],
    [1, 1],
  ])('is gathered from what comes with the NXDOMAIN: %i have it, %i not', async (have, lack) => {
    const dns = consul(rollout(have, lack));
    for (let round = 0; round < 20; round++) expect(await dns.pairs(name)).toEqual(instances(upTo(have)));
  });

  it('is a list in doubt, whatever the limits of the replies: each was cut by something else than its size', async () => {
    const dns = consul(rollout(2, 1));
    for (let round = 0; round < 20; round++) {
      const { complete, omission = 1 } = await dns.resolve(name);
      expect(complete).toBe(false);
      expect(omission).toBeGreaterThan(1e-8);
      expect(omission).toBeLessThan(0.5);
    }
  });

  it.each([
    [2, 1],
    [1, 2],
    [3, 3],
    [10, 1],
    [20, 5],
  ])('does not understate the doubt: %i have it, %i not', (have, lack) => {
    // What membership.ts rests on: see completeness.test.ts.
    for (const continued of [false, true]) {
      const show = rollout(have, lack, createRandom(5));
      const rounds = 2_000;
      let risk = 0;
      for (let round = 0; round < rounds; round++) {
        const evidence = new Evidence(12, true, continued);
        const seen = new Set<number>();
        while (!evidence.enough) {
          const ids = show();
          for (const id of ids) seen.add(id);
          const reply = { rcode: 'NXDOMAIN', truncated: false, size: 100 + 60 * ids.length };
          evidence.add(
            { reply, transport: 'tcp', limit: 65_523 } as never,
            new Set(ids.map((id) => `t${id}`)),
            false,
          );
        }
        if (seen.size > 0 && !seen.has(1)) risk += 1 / evidence.omission;
      }
      expect(risk / rounds).toBeLessThan(1);
    }
  });

  it('is named in a warning', async () => {
    const dns = consul(rollout(2, 1));
    await dns.resolve(name);
    const [warning] = dns.warnings;
    expect(warning?.code).toBe('PORT_MISSING');
    for (const words of ['"admin"', 'give all instances that port', name])
      expect(warning?.message).toContain(words);
  });

  it('costs the server nothing of what its other replies prove (rule 2)', async () => {
    const show = rollout(2, 1);
    const dns = scriptedDns(({ name: asked }) => {
      if (asked.startsWith('large')) return { ...listed(upTo(19), { text: false }), opt: false };
      if (asked.includes('.port.')) return { ...listed(show(), { text: false }), rcode: 'NXDOMAIN' };
      return listed([1, 2], { text: false });
    });
    await dns.resolve('large');
    for (let round = 0; round < 5; round++) await dns.resolve(name);
    dns.asks();
    const { complete } = await dns.resolve('web');
    expect([complete, dns.asks()]).toEqual([true, ['SRV udp 1232']]);
  });
});

describe('a named port', () => {
  it('that all have is a list like any other', async () => {
    const dns = scriptedDns(() => listed(upTo(3)));
    const found = await dns.resolve(name);
    expect([endpointsOf(found), found.complete, dns.warnings]).toEqual([instances(upTo(3)), true, []]);
    expect(dns.asks()).toHaveLength(1);
  });

  it('that none has is not found, with what that can mean, after as many asks as doubt needs', async () => {
    const dns = scriptedDns(({ type }) => (type === 'SRV' ? nxdomain : nodata));
    const { code, message } = await dns.refusal(name);
    expect(code).toBe('ERR_SERVICE_NOT_FOUND');
    for (const words of ['port named "admin"', 'before 1.22']) expect(message).toContain(words);
    expect(dns.heard.filter(({ type }) => type === 'SRV')).toHaveLength(14);
  });

  it('once all have it again is proven at once', async () => {
    const show = rollout(2, 1);
    let over = false;
    const dns = scriptedDns(() => (over ? listed(upTo(3)) : { ...listed(show()), rcode: 'NXDOMAIN' }));
    await dns.resolve(name);
    over = true;
    const found = await dns.resolve(name);
    expect([endpointsOf(found), found.complete]).toEqual([instances(upTo(3)), true]);
  });

  it('is the only kind of name where an NXDOMAIN may bring a list', async () => {
    const dns = scriptedDns(({ type }) =>
      type === 'SRV' ? { ...listed(upTo(3)), rcode: 'NXDOMAIN' } : nodata,
    );
    expect((await dns.refusal('web')).code).toBe('ERR_SERVICE_NOT_FOUND');
  });
});
