import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hexFromIp } from '../../src/dns/addr-name.ts';
import { ipText } from '../../src/ip.ts';
import { ConsulDomains } from '../../src/resolver/consul-domains.ts';
import { ipFromHexTarget } from '../../src/resolver/hex-target.ts';

describe('the domains of Consul', () => {
  it('are the one that is asked, by whole labels', () => {
    const domains = new ConsulDomains('alt.local');
    expect(domains.of('n1.node.dc1.alt.local')).toBe('.alt.local');
    for (const name of ['alt.local', 'n1.node.dc1.notalt.local', 'alt.local.example.com', 'db.example.com']) {
      expect([name, domains.of(name)]).toEqual([name, undefined]);
    }
  });

  it('and one more where an answer shows it: digits, and the very address that they spell', () => {
    const domains = new ConsulDomains('alt.local');
    const name = 'n1.node.dc1.corp.example';
    domains.learn('0a000001.addr.dc1.corp.example', '10.0.0.2');
    domains.learn('n1.node.dc1.corp.example', '10.0.0.1');
    domains.learn('0a000001.addr', '10.0.0.1');
    domains.learn('0a000001.addr.dc1', '10.0.0.1');
    expect(domains.of(name)).toBe(undefined);
    domains.learn('0a000001.addr.dc1.corp.example', '10.0.0.1');
    expect([domains.of(name), domains.covers(name)]).toEqual(['.corp.example', true]);
    expect(domains.of('n1.node.dc1.alt.local')).toBe('.alt.local');
  });

  it('by IPv6 digits as well', () => {
    const domains = new ConsulDomains('alt.local');
    domains.learn('20010db8000000000000000000000005.addr.dc1.corp.example', '2001:db8::5');
    expect(domains.of('web.service.dc1.corp.example')).toBe('.corp.example');
  });

  it('are few: nobody fills the memory with them', () => {
    const domains = new ConsulDomains('consul');
    for (let i = 0; i < 1_000; i++) domains.learn(`0a000001.addr.dc1.d${i}.example`, '10.0.0.1');
    const known = Array.from({ length: 1_000 }, (_, i) => domains.of(`x.node.dc1.d${i}.example`)).filter(
      Boolean,
    );
    expect(known).toHaveLength(3);
  });
});

describe('addresses in names', () => {
  it('are read as they are written, IPv4 and IPv6', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6().map(ipText)), (ip) => {
        expect(ipFromHexTarget(`${hexFromIp(ip)}.addr.dc1.consul`)).toBe(ip);
      }),
    );
  });

  it.each([
    '0a0001.addr.dc1.consul',
    '0a000001x.addr.dc1.consul',
    'zzzzzzzz.addr.dc1.consul',
    '0a000001.node.dc1.consul',
    'x.0a000001.addr.consul',
  ])('%s is none', (name) => {
    expect(ipFromHexTarget(name)).toBe(undefined);
  });
});
