import { describe, expect, it } from 'vitest';
import { a, endpointsOf, nodata, nxdomain, scriptedDns, txt } from './scripted-dns.ts';

const node = 'db1.node.consul';

describe('hosts, which have no SRV', () => {
  it.each([
    ['db1.node.consul', 'db1.node.consul'],
    ['db1.node.dc2.consul', 'db1.node.dc2.consul'],
    ['web.virtual.consul', 'web.virtual.consul'],
    ['0a000001.addr.consul', '0a000001.addr.consul'],
  ])('%s is asked for by A and AAAA, never by SRV, and has port 0', async (name, asked) => {
    const dns = scriptedDns(({ type }) => (type === 'A' ? { answers: [a(asked, '10.0.0.1')] } : nodata));
    const found = await dns.resolve(name);
    expect([endpointsOf(found), found.complete]).toEqual([['10.0.0.1:0'], true]);
    expect(dns.heard.map(({ name, type }) => `${type} ${name}`).sort()).toEqual([
      `A ${asked}`,
      `AAAA ${asked}`,
    ]);
  });

  it('have the `port` that is set', async () => {
    const dns = scriptedDns(({ type }) => (type === 'A' ? { answers: [a(node, '10.0.0.1')] } : nodata), {
      port: 5432,
    });
    expect(await dns.pairs(node)).toEqual(['10.0.0.1:5432']);
  });

  it('have the addresses of both families, or of the one that is wanted', async () => {
    const script = ({ type }: { type: string }) => ({
      answers: [a(node, type === 'A' ? '10.0.0.1' : '2001:db8::1')],
    });
    expect(await scriptedDns(script).pairs(node)).toEqual(['10.0.0.1:0', '2001:db8::1:0']);
    for (const [family, expected, type] of [
      [4, '10.0.0.1:0', 'A'],
      [6, '2001:db8::1:0', 'AAAA'],
    ] as const) {
      const dns = scriptedDns(script, { family });
      expect(await dns.pairs(node)).toEqual([expected]);
      expect(dns.heard.map(({ type }) => type)).toEqual([type]);
    }
  });

  it('are found where the other family answers with metadata only, or with the address beside the answer', async () => {
    for (const beside of [txt(node), a('0a000001.addr.consul', '10.0.0.1')]) {
      const dns = scriptedDns(({ type }) =>
        type === 'A'
          ? { answers: [a(node, '10.0.0.1')], additionals: [txt(node)] }
          : { additionals: [beside] },
      );
      const { addresses, complete } = await dns.resolve(node);
      expect([addresses.length, complete]).toEqual([1, true]);
      expect(dns.heard).toHaveLength(2);
    }
  });

  it('are one address where the question for AAAA is answered by the A (F1.14, 1.8)', async () => {
    const dns = scriptedDns(() => ({ answers: [a('0a000001.addr.consul', '10.0.0.1')] }));
    expect(await dns.pairs('0a000001.addr.consul')).toEqual(['10.0.0.1:0']);
    const six = scriptedDns(() => ({ answers: [a('0a000001.addr.consul', '10.0.0.1')] }), { family: 6 });
    expect((await six.refusal('0a000001.addr.consul')).code).toBe('ERR_SERVICE_NOT_FOUND');
  });

  it('are not found where neither family has an answer (a .virtual that is in no mesh, F12.12), or the name is unknown', async () => {
    for (const [said, words] of [
      [nodata, 'no A and AAAA records'],
      [nxdomain, 'NXDOMAIN'],
    ] as const) {
      const dns = scriptedDns(() => said);
      const { code, message } = await dns.refusal('web.virtual.consul');
      expect(code).toBe('ERR_SERVICE_NOT_FOUND');
      expect(message).toContain(words);
      expect(message).toContain('not in the mesh');
    }
  });

  it('keep what one family shows while the other fails, and say which', async () => {
    const dns = scriptedDns(({ type }) =>
      type === 'A' ? { answers: [a(node, '10.0.0.1')] } : { rcode: 'SERVFAIL' },
    );
    const { addresses, complete, unresolved } = await dns.resolve(node);
    expect([addresses.length, complete, unresolved]).toEqual([1, false, { family: 6 }]);
  });

  it('do not mind a forwarder that says NXDOMAIN for the family there is not (T35)', async () => {
    const dns = scriptedDns(({ type }) => (type === 'A' ? { answers: [a(node, '10.0.0.1')] } : nxdomain));
    const { addresses, complete, unresolved } = await dns.resolve(node);
    expect([addresses.length, complete, unresolved]).toEqual([1, true, undefined]);
  });

  it('fail where both families fail', async () => {
    const dns = scriptedDns(() => ({ rcode: 'SERVFAIL' }));
    expect((await dns.refusal(node)).code).toBe('ERR_DNS_RESPONSE');
  });
});
