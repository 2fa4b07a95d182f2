import { afterEach, describe, expect, it } from 'vitest';
import { type ConsulDnsOptions, consulDns } from '../../src/consul-dns.ts';
import { parseServiceName } from '../../src/dns/name.ts';
import type { DiscoveryWarning } from '../../src/index.ts';
import { type ConsulDoubleOptions, createConsulDouble } from '../../src/testing/consul-double.ts';
import type { ConsulVersion } from '../../src/testing/versions.ts';
import { endpointsOf } from './scripted-dns.ts';

const open: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function world(of: ConsulDoubleOptions, how: ConsulDnsOptions = {}) {
  const double = await createConsulDouble({ seed: 1, ...of });
  const warnings: DiscoveryWarning[] = [];
  const onWarning = (warning: DiscoveryWarning) => void warnings.push(warning);
  const resolver = consulDns({ servers: [double.dnsAddress], onWarning, ...how });
  open.push(
    () => resolver.close?.(),
    () => double.close(),
  );
  const resolve = (name: string) => resolver.resolve(parseServiceName(name, how.domain));
  const pairs = async (name: string) => endpointsOf(await resolve(name));
  const codes = () => warnings.map(({ code }) => code);
  return { double, resolve, pairs, codes };
}

/** Each as registered at 10.x.0.i:8000 + i. */
const registered = (network: number, count: number) =>
  Array.from({ length: count }, (_, i) => `10.${network}.0.${i + 1}:${8_001 + i}`).sort();

for (const version of ['1.8.7', '1.19.0', '1.22.7'] as const satisfies readonly ConsulVersion[]) {
  describe(`Consul ${version}`, () => {
    it('shows every form of an address as what it is (F2.8)', async () => {
      const { double, pairs, resolve } = await world({
        version,
        recursor: {
          'db.example.com': [{ type: 'CNAME', data: 'x.example.com' }],
          'x.example.com': [{ type: 'A', data: '192.0.2.7' }],
        },
      });
      double.addNode({ name: 'n4', address: '10.0.0.4' });
      double.addNode({ name: 'n6', address: '2001:db8::6' });
      double.register({ name: 'v4', address: '10.1.0.1', port: 80 });
      double.register({ name: 'v6', address: '2001:db8::1', port: 80 });
      double.register({ name: 'bare', node: 'n4', port: 80 });
      double.register({ name: 'bare6', node: 'n6', port: 80 });
      double.register({ name: 'same', node: 'n4', address: '10.0.0.4', port: 80 });
      double.register({ name: 'external', address: 'db.example.com', port: 80 });
      double.register({ name: 'other', address: 'many.service.consul', port: 80 });
      for (let i = 1; i <= 5; i++) double.register({ name: 'many', address: `10.2.0.${i}`, port: 8_000 + i });
      expect(await pairs('v4')).toEqual(['10.1.0.1:80']);
      expect(await pairs('v6')).toEqual(['2001:db8::1:80']);
      expect(await pairs('bare')).toEqual(['10.0.0.4:80']);
      expect(await pairs('bare6')).toEqual(['2001:db8::6:80']);
      expect(await pairs('same')).toEqual(['10.0.0.4:80']);
      expect((await resolve('external')).addresses).toMatchObject([
        { host: '192.0.2.7', serverName: 'db.example.com' },
      ]);
      expect(await pairs('many')).toEqual(registered(2, 5));
      // Up to 1.19 Consul shows three of them, drawn anew for each reply.
      for (let round = 0; round < 5; round++) {
        expect(await pairs('other')).toEqual([1, 2, 3, 4, 5].map((i) => `10.2.0.${i}:80`));
      }
    });

    it('is asked for hosts: nodes, addresses', async () => {
      const { double, pairs } = await world({ version });
      double.addNode({ name: 'n4', address: '10.0.0.4' });
      expect(await pairs('n4.node.consul')).toEqual(['10.0.0.4:0']);
      expect(await pairs('0a000001.addr.consul')).toEqual(['10.0.0.1:0']);
      expect(await pairs('20010db8000000000000000000000005.addr.consul')).toEqual(['2001:db8::5:0']);
    });

    it('keeps a list right whether the service address is the node’s or not, at every size from 1 to 40', async () => {
      const { double, resolve } = await world({ version }, { edns: 1_232 });
      for (let i = 1; i <= 40; i++) {
        const address = `10.3.0.${i}`;
        double.addNode({ name: `n${i}`, address });
        double.register({ name: 'web', node: `n${i}`, port: 8_000 + i, ...(i % 3 > 0 && { address }) });
        const found = await resolve('web');
        expect([i, endpointsOf(found), found.complete]).toEqual([i, registered(3, i), true]);
      }
    });

    it('in an alternative domain is understood (F1.16)', async () => {
      const { double, resolve } = await world({ version, altDomain: 'alt.local' }, { domain: 'alt.local' });
      double.addNode({ name: 'n4', address: '10.0.0.4' });
      double.register({ name: 'web', node: 'n4', port: 80 });
      double.register({ name: 'web', address: '10.1.0.1', port: 81 });
      const { addresses } = await resolve('web');
      expect([...addresses].sort((a, b) => a.port - b.port)).toMatchObject([
        { host: '10.0.0.4', port: 80, node: 'n4', datacenter: 'dc1' },
        { host: '10.1.0.1', port: 81, datacenter: 'dc1' },
      ]);
      for (const address of addresses) expect(address).not.toHaveProperty('serverName');
    });

    it('says that there is nothing in one way only, whatever the reason; what is unreachable is a failure', async () => {
      const { double, resolve } = await world({ version }, { retries: 0 });
      double.register({ name: 'web', address: '10.1.0.1', port: 80 });
      double.register({ name: 'sick', port: 80, status: 'critical' });
      const code = (name: string) =>
        resolve(name).then(
          () => 'found',
          (error) => error.code,
        );
      expect(await code('sick')).toBe('ERR_SERVICE_NOT_FOUND');
      expect(await code('web.service.dc9.consul')).toBe('ERR_SERVICE_NOT_FOUND');
      double.dns.acl('deny');
      expect(await code('web')).toBe('ERR_SERVICE_NOT_FOUND');
      double.dns.acl('unknown-token');
      expect(await code('web')).toBe('ERR_DNS_RESPONSE');
      double.dns.acl('allow');
      double.dns.unreachable('dc1', true);
      expect(await code('web')).toBe('ERR_DNS_RESPONSE');
      double.dns.unreachable('dc1', false);
      expect(await code('web')).toBe('found');
    });

    it('keeps instances that warn, with the weight that is set for that, 0 too (F2.5)', async () => {
      const { double, resolve } = await world({ version });
      const weights = { passing: 10, warning: 0 };
      const instance = double.register({ name: 'web', address: '10.1.0.1', port: 80, weights });
      double.register({ name: 'web', address: '10.1.0.2', port: 80, weights });
      const shown = async () => {
        const { addresses } = await resolve('web');
        return addresses.map(({ host, weight }) => `${host} ${weight}`).sort();
      };
      expect(await shown()).toEqual(['10.1.0.1 10', '10.1.0.2 10']);
      instance.setStatus('warning');
      expect(await shown()).toEqual(['10.1.0.1 0', '10.1.0.2 10']);
      instance.setStatus('critical');
      expect(await shown()).toEqual(['10.1.0.2 10']);
    });

    it('says in which datacenter an address is: asked for by name, or by the failover of a prepared query (F7.1, F7.3)', async () => {
      const { double, resolve } = await world({ version });
      double.addNode({ name: 'far', address: '10.9.0.1', datacenter: 'dc2' });
      const own = double.register({ name: 'web', address: '10.1.0.1', port: 80 });
      double.register({ name: 'web', node: 'far', address: '10.9.0.2', port: 81, datacenter: 'dc2' });
      double.addQuery({ name: 'anywhere', service: 'web', failover: ['dc2'] });
      const shown = async (name: string) =>
        (await resolve(name)).addresses.map(({ host, datacenter }) => `${host} ${datacenter}`);
      expect(await shown('web')).toEqual(['10.1.0.1 dc1']);
      expect(await shown('web.service.dc2.consul')).toEqual(['10.9.0.2 dc2']);
      expect(await shown('anywhere.query.consul')).toEqual(['10.1.0.1 dc1']);
      own.deregister();
      expect(await shown('anywhere.query.consul')).toEqual(['10.9.0.2 dc2']);
    });

    it('gives instances of other datacenters the address that is meant for outside (F7.5)', async () => {
      const { double, pairs } = await world({ version, translateWan: true });
      const outside = { address: '203.0.113.7', port: 8181 };
      double.addNode({ name: 'far', address: '10.9.0.1', datacenter: 'dc2' });
      double.register({
        name: 'web',
        node: 'far',
        address: '10.9.0.2',
        port: 81,
        datacenter: 'dc2',
        taggedAddresses: { wan: outside, wan_ipv4: outside },
      });
      expect(await pairs('web.service.dc2.consul')).toEqual(['203.0.113.7:8181']);
    });

    it('with enable_truncate brings all instances as well (F4.1, F12.4)', async () => {
      const { double, resolve } = await world({ version, enableTruncate: true }, { edns: 1_232 });
      for (let i = 1; i <= 60; i++) double.register({ name: 'web', address: `10.1.0.${i}`, port: 8_000 + i });
      const found = await resolve('web');
      expect([endpointsOf(found), found.complete]).toEqual([registered(1, 60), true]);
    });

    it('ranks a prepared query with `Near` by its order, where it has one', async () => {
      const { double, resolve } = await world({ version });
      const near = ['c', 'a', 'd', 'b'];
      for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) {
        double.addNode({ name, address: `10.0.0.${i + 1}` });
        double.register({ name: 'web', node: name, port: 80 });
      }
      double.addQuery({ name: 'nearest', service: 'web', near });
      for (let round = 0; round < 5; round++) {
        const { addresses } = await resolve('nearest.query.consul;ordered');
        expect(addresses.map(({ rank }) => rank)).toEqual([0, 1, 2, 3]);
        // 1.19.0 shuffles what it has sorted.
        if (version !== '1.19.0') expect(addresses.map(({ node }) => node)).toEqual(near);
      }
    });
  });
}

describe('Consul 1.19.0', () => {
  it('is named in a warning, once, where its targets are ambiguous', async () => {
    const { double, pairs, codes } = await world({ version: '1.19.0' });
    for (let i = 1; i <= 3; i++) {
      double.addNode({ name: `n${i}`, address: `10.3.0.${i}` });
      double.register({ name: 'web', node: `n${i}`, address: `10.3.0.${i}`, port: 8_000 + i });
    }
    for (let round = 0; round < 3; round++) expect(await pairs('web')).toEqual(registered(3, 3));
    expect(codes()).toEqual(['AMBIGUOUS_TARGETS']);
  });
});

describe('Consul 1.22', () => {
  const version = '1.22.7';

  it('shows a named port, also while an instance lacks it', async () => {
    const { double, pairs, codes } = await world({ version });
    for (let i = 1; i <= 2; i++) {
      const ports = [
        { name: 'http', port: 80, default: true },
        { name: 'admin', port: 8_000 + i },
      ];
      double.register({ name: 'web', address: `10.1.0.${i}`, ports });
    }
    expect(await pairs('web.service.admin.port.consul')).toEqual(registered(1, 2));
    expect(codes()).toEqual([]);
    double.register({ name: 'web', address: '10.1.0.9', port: 80 });
    for (let round = 0; round < 10; round++) {
      expect(await pairs('web.service.admin.port.consul')).toEqual(registered(1, 2));
    }
    expect(codes()).toEqual(['PORT_MISSING']);
  });

  it('shows the virtual address of a mesh service, and peers', async () => {
    const { double, pairs } = await world({ version });
    double.setVirtualAddress('web', '240.0.0.1');
    double.addNode({ name: 'far', address: '10.9.0.9', peer: 'west' });
    double.register({ name: 'web', node: 'far', address: '10.9.0.1', port: 80, peer: 'west' });
    expect(await pairs('web.virtual.consul')).toEqual(['240.0.0.1:0']);
    expect(await pairs('web.service.west.peer.consul')).toEqual(['10.9.0.1:80']);
  });

  it('with a metadata value that is too long brings all instances all the same, with a warning (F12.5)', async () => {
    const { double, pairs, codes } = await world({ version }, { timeout: 300, retries: 0 });
    double.addNode({ name: 'n', address: '10.0.0.1', meta: { note: 'v'.repeat(300) } });
    for (let i = 1; i <= 12; i++)
      double.register({ name: 'web', node: 'n', address: `10.1.0.${i}`, port: 8_000 + i });
    for (let round = 0; round < 5; round++) expect(await pairs('web')).toEqual(registered(1, 12));
    expect(codes()).toEqual(['METADATA_TOO_LONG']);
  });
});
