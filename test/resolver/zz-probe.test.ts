import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { Disappearances } from '../../src/disappearances.ts';
import { mergeOrder } from '../../src/resolver/merge-order.ts';
import { a, cname, endpointsOf, hex, instances, listed, nodata, nxdomain, scriptedDns, srv, txt, upTo } from './scripted-dns.ts';

const name = 'web.service.admin.port.consul';
describe('probe', () => {
  it('D1 port: NXDOMAIN replies under two limits prove nothing', async () => {
    let n = 0;
    const shows = [[1], [2], [3], [1, 2], [], [3, 1]];
    const dns = scriptedDns(() => ({ ...listed(shows[n++ % shows.length]!), rcode: 'NXDOMAIN' as const }));
    const found = await dns.resolve(name);
    expect([endpointsOf(found), found.complete]).toEqual([instances([1, 2, 3]), false]);
  });
  it('D2 unusable then silence is not "not found"', async () => {
    const own = 'web.service.dc1.consul';
    let n = 0;
    const dns = scriptedDns(
      () => (n++ === 0 ? { answers: [srv(own, 1), srv(own, 2), srv(own, 3)], additionals: [a(own, '10.0.0.1')] } : undefined),
      { transport: 'udp' },
    );
    expect((await dns.refusal()).code).toBe('ERR_DNS_RESPONSE');
  });
  it('D3 A as way out holds for the next refresh', async () => {
    const dns = scriptedDns(({ type }) => (type === 'A' ? { answers: [a('web.service.consul', '10.0.0.1')] } : type === 'AAAA' ? nodata : undefined), { port: 80 });
    expect(await dns.pairs()).toEqual(['10.0.0.1:80']);
    expect(dns.warnings.map(({ code }) => code)).toEqual(['METADATA_TOO_LONG']);
    await dns.clock.advance(5_000);
    expect(await dns.pairs()).toEqual(['10.0.0.1:80']);
  });
  it('D4 UDP filtered, TCP says NXDOMAIN', async () => {
    const dns = scriptedDns(({ transport }) => (transport === 'tcp' ? nxdomain : undefined));
    expect((await dns.refusal()).code).toBe('ERR_SERVICE_NOT_FOUND');
  });
  it('D5 TCP closed and one UDP lost: no METADATA warning', async () => {
    let n = 0;
    const dns = scriptedDns(() => (n++ === 0 ? undefined : listed(upTo(3))), { tcp: false });
    expect(await dns.pairs()).toEqual(instances(upTo(3)));
    expect(dns.warnings).toEqual([]);
  });
  it('D6 truncated empty with TCP closed', async () => {
    const dns = scriptedDns(() => ({ truncated: true }), { tcp: false });
    expect((await dns.refusal()).code).toBe('ERR_DNS_RESPONSE');
  });
  it('D7 service names under a shared name without address', async () => {
    const dns = scriptedDns(({ type, name }) =>
      type === 'SRV' ? { answers: [srv(hex(1), 8001), srv('db.service.consul', 81), srv('db.service.consul', 82)], additionals: [a(hex(1), '10.1.0.1'), txt('n'), txt('n'), txt('n'), txt('n')] } : nxdomain);
    expect(await dns.pairs()).toEqual(instances([1]));
    expect(dns.warnings).toEqual([]);
  });
  it('D8 merge order', () => {
    const of = (s: string) => new Map([...s].map((k) => [k, k]));
    expect([...mergeOrder([of('ad'), of('acd'), of('abc')]).keys()].join('')).toBe('abcd');
  });
  it('D9 disappearances twice', () => {
    const clock = createFakeClock();
    const d = new Disappearances(clock);
    const all = [...'abcdefghij'];
    for (const k of all) d.listed(k);
    for (const k of all) d.vanished(k);
    for (const k of all) d.vanished(k);
    expect(d.general).toBe(true);
    for (const k of 'abc') d.listed(k);
    for (const k of 'abc') d.vanished(k);
    for (const k of 'de') d.listed(k);
    // eight of ten are empty
    expect(d.general).toBe(true);
  });
  it('D10 AAAA NXDOMAIN', async () => {
    const dns = scriptedDns(({ type }) => (type === 'A' ? { answers: [a('x', '10.0.0.1')] } : nxdomain), { records: 'A', port: 80 });
    expect(await dns.pairs()).toEqual(['10.0.0.1:80']);
  });
  it('D11 port names distrust OPT', async () => {
    let n = 0;
    const dns = scriptedDns(({ name }) => {
      if (name.includes('big')) return { ...listed(upTo(19), { text: false }), opt: false };
      if (name.includes('port')) return { ...listed([n++ % 2 + 1], { text: false }), rcode: 'NXDOMAIN' as const };
      return listed([1, 2], { text: false });
    });
    await dns.resolve('big');
    dns.asks();
    await dns.resolve('web');
    expect(dns.asks()).toHaveLength(1);
    await dns.resolve(name);
    dns.asks();
    await dns.resolve('web');
    expect(dns.asks()).toHaveLength(1);
  });
  it('D12 hint is bounded by abort', async () => {
    const dns = scriptedDns(({ type }) => (type === 'NS' ? undefined : nxdomain), { servers: ['192.0.2.1:1', '192.0.2.2:1', '192.0.2.3:1'] });
    const started = dns.clock.now();
    await dns.refusal();
    expect(dns.clock.now() - started).toBeLessThanOrEqual(1_050);
  });
  it('D13 node with service in its name, trimmed', async () => {
    const t = 'a.service.node.dc1.consul';
    const dns = scriptedDns(() => ({ answers: [srv(t, 1), srv(t, 2), srv(hex(1), 8001)], additionals: [a(t, '10.0.0.1'), a(hex(1), '10.1.0.1')] }));
    expect(await dns.pairs()).toEqual(['10.0.0.1:1', '10.0.0.1:2', '10.1.0.1:8001']);
    expect(dns.warnings).toEqual([]);
  });
  it('D14 small preference lost by one lost packet', async () => {
    let lose = false;
    const dns = scriptedDns(({ type, transport, edns = 0 }) => {
      if (type === 'NS') return nodata;
      if (type !== 'SRV') return { answers: [a('web.service.consul', '10.1.0.1')] };
      if (lose) { lose = false; return undefined; }
      return transport === 'udp' && edns <= 1000 ? listed(upTo(9), { text: false }) : undefined;
    });
    expect(await dns.pairs()).toEqual(instances(upTo(9)));
    await dns.clock.advance(5_000);
    lose = true;
    expect(await dns.pairs()).toEqual(instances(upTo(9)));
    await dns.clock.advance(5_000);
    expect(await dns.pairs()).toEqual(instances(upTo(9)));
  });
  it('D15 union of own-name singles', async () => {
    const own = 'web.service.dc1.consul';
    let n = 0;
    const dns = scriptedDns(() => { const i = n++ % 2 + 1; return { answers: [srv(own, 8000 + i)], additionals: [a(own, `10.1.0.${i}`)] }; }, { transport: 'tcp' });
    expect(await dns.pairs()).toEqual(instances([1, 2]));
  });
});
