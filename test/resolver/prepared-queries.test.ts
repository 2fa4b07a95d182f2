import { describe, expect, it } from 'vitest';
import { parseServiceName } from '../../src/dns/name.ts';
import type { ResolveOptions } from '../../src/resolver/resolver.ts';
import { a, hex, inTime, listed, nodata, type ScriptedDns, scriptedDns, srv } from './scripted-dns.ts';

const ordered = 'nearest.query.consul;ordered';
const ranks = async (dns: ScriptedDns, name = ordered, options?: ResolveOptions) =>
  (await dns.resolve(name, options)).addresses.map(({ host, rank }) => [Number(host.split('.')[3]), rank]);

describe('a prepared query whose order is kept', () => {
  it('ranks its addresses by the order of the answer', async () => {
    const dns = scriptedDns(() => listed([7, 3, 9, 1]));
    expect(await ranks(dns)).toEqual([
      [7, 0],
      [3, 1],
      [9, 2],
      [1, 3],
    ]);
    expect(dns.heard[0]?.name).toBe('nearest.query.consul');
  });

  it('ranks nothing where the order is not asked for', async () => {
    const dns = scriptedDns(() => listed([7, 3]));
    for (const name of ['nearest.query.consul', 'web']) {
      expect(await ranks(dns, name)).toEqual([
        [7, undefined],
        [3, undefined],
      ]);
    }
  });

  it('ranks what several replies show, each a part of one order', async () => {
    const parts = [
      [7, 9, 1],
      [3, 9, 1],
      [7, 3, 1],
      [7, 3, 9],
    ];
    let turn = 0;
    const dns = scriptedDns(() => listed(parts[turn++ % parts.length]!, { text: false }), {
      transport: 'tcp',
    });
    expect(await ranks(dns)).toEqual([
      [7, 0],
      [3, 1],
      [9, 2],
      [1, 3],
    ]);
  });

  it('gives one that is listed twice its first place', async () => {
    const dns = scriptedDns(() => {
      const { answers = [], additionals = [] } = listed([7, 3]);
      return { answers: [...answers, srv(hex(7), 8_007, { weight: 9 })], additionals };
    });
    const { addresses } = await dns.resolve(ordered);
    expect(addresses).toMatchObject([
      { host: '10.1.0.7', rank: 0, weight: 9 },
      { host: '10.1.0.3', rank: 1 },
    ]);
  });

  it('counts places among what can be used: without those that have no port', async () => {
    const dns = scriptedDns(() => {
      const { answers = [], additionals = [] } = listed([7, 3]);
      return { answers: [srv(hex(5), 0), ...answers], additionals };
    });
    expect(await ranks(dns)).toEqual([
      [7, 0],
      [3, 1],
    ]);
  });

  it('is ranked by A records too', async () => {
    const hosts = ['10.0.0.7', '10.0.0.3'];
    const dns = scriptedDns(
      ({ type }) => (type === 'A' ? { answers: hosts.map((host) => a('x', host)) } : nodata),
      { records: 'A', port: 80 },
    );
    expect(await ranks(dns)).toEqual([
      [7, 0],
      [3, 1],
    ]);
  });

  it('not found says that queries are defined per datacenter (F1.9)', async () => {
    const dns = scriptedDns(({ type }) => (type === 'SRV' ? { rcode: 'NXDOMAIN' } : nodata));
    expect((await dns.refusal(ordered)).message).toContain(
      'no prepared query of this name in this datacenter',
    );
  });

  it('may be given in parts', async () => {
    const dns = scriptedDns(() => listed([2, 1]));
    const name = parseServiceName({ query: 'nearest', ordered: true });
    const { addresses } = await inTime(dns.clock, dns.resolver.resolve(name, { background: true }));
    expect(addresses.map(({ rank }) => rank)).toEqual([0, 1]);
  });
});
