import { decode, encode, type Packet } from 'dns-packet';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type ConsulDnsOptions, consulDns } from '../../src/consul-dns.ts';
import { parseServiceName } from '../../src/dns/name.ts';
import { parseServerAddress } from '../../src/dns/server-address.ts';
import { cached } from '../../src/resolver/cached.ts';
import { ConsulSource } from '../../src/resolver/consul-source.ts';
import type { Resolver } from '../../src/resolver/resolver.ts';
import { type ConsulDoubleOptions, createConsulDouble } from '../../src/testing/consul-double.ts';
import { resolverContract } from '../../src/testing/resolver-contract.ts';
import { askUdp } from '../testing/ask.ts';

const open: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function world(of: ConsulDoubleOptions = {}, how: ConsulDnsOptions = {}) {
  const double = await createConsulDouble({ seed: 1, ...of });
  const resolver = consulDns({ servers: [double.dnsAddress], retries: 0, ...how });
  open.push(
    () => resolver.close?.(),
    () => double.close(),
  );
  const resolve = (name = 'web', using: Resolver = resolver) => using.resolve(parseServiceName(name));
  const pairs = async (name?: string) =>
    (await resolve(name)).addresses.map(({ host, port }) => `${host}:${port}`).sort();
  const register = (count: number, rest: object = {}) => {
    for (let i = 1; i <= count; i++)
      double.register({ name: 'web', address: `10.1.${i >> 8}.${i & 255}`, port: 8_000 + i, ...rest });
  };
  return { double, resolver, resolve, pairs, register };
}

/** A double and a resolver whose way to the system's resolver is scripted: no test asks the real one. */
async function withLookup(
  lookup: () => Promise<string[]>,
  how: { records?: 'SRV' | 'A'; family?: 4 | 6 } = {},
) {
  const double = await createConsulDouble();
  const source = new ConsulSource({
    servers: [parseServerAddress(double.dnsAddress)],
    timeout: 1_000,
    retries: 0,
    edns: undefined,
    clock: systemClock,
    domain: 'consul',
    records: how.records ?? 'SRV',
    transport: 'auto',
    warn: () => {},
    lookup,
  });
  open.push(
    () => source.close(),
    () => double.close(),
  );
  const resolver = source.resolver(5432, how.family ?? 'any');
  return { double, resolver };
}

const unknownHost = async () => {
  throw Object.assign(new Error('nobody knows it'), { code: 'ENOTFOUND' });
};

for (const version of ['1.8.7', '1.22.7'] as const) {
  for (const [transport, edns] of [
    ['auto', undefined],
    ['auto', 1232],
    ['tcp', undefined],
  ] as const) {
    resolverContract(
      `consulDns by ${transport}${edns === undefined ? '' : ` with EDNS ${edns}`}, on the double of ${version},`,
      async () => {
        const double = await createConsulDouble({ version });
        const resolver = consulDns({
          servers: [double.dnsAddress],
          transport,
          ...(edns !== undefined && { edns }),
        });
        return {
          resolver,
          async register({ weight = 1, ...instance }) {
            const registered = double.register({
              ...instance,
              weights: { passing: weight, warning: weight },
            });
            return async () => registered.deregister();
          },
          async close() {
            await resolver.close?.();
            await double.close();
          },
        };
      },
      { describe, it, expect },
    );
  }
}

describe('consulDns', () => {
  it('asks one question where the addresses come along', async () => {
    const { double, resolve, register } = await world();
    register(8);
    const { addresses, complete, origin } = await resolve();
    expect([addresses.length, complete, origin?.asks, origin?.transport]).toEqual([8, true, 1, 'udp']);
    expect(double.queries.map(({ type }) => type)).toEqual(['SRV']);
  });

  it('says which node, datacenter and target an address belongs to', async () => {
    const { double, resolve } = await world();
    double.addNode({ name: 'n.1', address: '10.0.0.9' });
    double.register({ name: 'web', node: 'n.1', port: 80 });
    double.register({ name: 'web', address: '10.1.0.1', port: 81 });
    const { addresses } = await resolve();
    expect(addresses).toContainEqual(
      expect.objectContaining({
        host: '10.0.0.9',
        port: 80,
        node: 'n.1',
        datacenter: 'dc1',
        target: 'n.1.node.dc1.consul',
      }),
    );
    expect(addresses).toContainEqual(
      expect.objectContaining({ host: '10.1.0.1', datacenter: 'dc1', target: '0a010001.addr.dc1.consul' }),
    );
  });

  it('decodes hex targets: no address record is needed for them (T38)', async () => {
    const { pairs, register } = await world();
    register(2, { address: '2001:db8::a:1' });
    expect(await pairs()).toEqual(['2001:db8::a:1:8001', '2001:db8::a:1:8002']);
  });

  it('asks for the address of a target that came without one (F12.3, F3.3)', async () => {
    const { double, resolve } = await world({}, { edns: 600 });
    for (let node = 1; node <= 3; node++) {
      double.addNode({ name: `node${node}`, address: `10.0.0.${node}`, meta: { rack: 'r1', zone: 'z' } });
      double.register({ name: 'web', node: `node${node}`, port: 80 });
      double.register({ name: 'web', node: `node${node}`, address: `10.5.0.${node}`, port: 81 });
    }
    for (let round = 0; round < 30; round++) {
      const { addresses } = await resolve();
      expect(addresses.map(({ host, port }) => `${host}:${port}`).sort()).toEqual([
        '10.0.0.1:80',
        '10.0.0.2:80',
        '10.0.0.3:80',
        '10.5.0.1:81',
        '10.5.0.2:81',
        '10.5.0.3:81',
      ]);
    }
  });

  it('takes each instance once, however often Consul lists it (F2.2)', async () => {
    const { double, pairs } = await world();
    double.addNode({ name: 'other', address: '10.0.0.2' });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    double.register({ name: 'web', address: '10.1.0.1', port: 80, node: 'other' });
    expect(await pairs()).toEqual(['10.1.0.1:80']);
  });

  it('takes an address once where a node and a service are registered with the same', async () => {
    const { double, resolve } = await world();
    double.addNode({ name: 'n2', address: '10.0.0.1' });
    double.register({ name: 'web', node: 'n2', port: 80, weights: { passing: 2, warning: 1 } });
    double.register({ name: 'web', address: '10.0.0.1', port: 80, weights: { passing: 5, warning: 1 } });
    expect((await resolve()).addresses).toMatchObject([{ host: '10.0.0.1', port: 80, weight: 5 }]);
  });

  it('leaves out instances without a port and counts them', async () => {
    const { double, pairs } = await world();
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    double.register({ name: 'web', address: '10.1.0.2' });
    expect(await pairs()).toEqual(['10.1.0.1:80']);
  });

  it('gives the TTL of the set in ms, the smallest of its records', async () => {
    const { resolve, register } = await world({ serviceTtl: 7_000 });
    register(2);
    expect((await resolve()).ttl).toBe(7_000);
  });

  it('keeps to a family', async () => {
    const { double, resolver } = await world();
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    double.register({ name: 'web', address: '2001:db8::1', port: 80 });
    for (const [family, host] of [
      [4, '10.1.0.1'],
      [6, '2001:db8::1'],
    ] as const) {
      const only = consulDns({ servers: [double.dnsAddress], family });
      open.push(() => only.close?.());
      expect((await only.resolve({ service: 'web' })).addresses.map((address) => address.host)).toEqual([
        host,
      ]);
    }
    expect((await resolver.resolve({ service: 'web' })).addresses).toHaveLength(2);
  });

  it('with records A brings the addresses of both families, with the given port', async () => {
    const { double, resolve } = await world({}, { records: 'A', port: 9_000 });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    double.register({ name: 'web', address: '10.1.0.2', port: 81 });
    double.register({ name: 'web', address: '2001:db8::1', port: 82 });
    const { addresses } = await resolve();
    expect(addresses.map(({ host, port }) => `${host} ${port}`).sort()).toEqual([
      '10.1.0.1 9000',
      '10.1.0.2 9000',
      '2001:db8::1 9000',
    ]);
    expect(new Set(double.queries.map(({ type }) => type))).toEqual(new Set(['A', 'AAAA']));
  });

  it('with records A does not believe one reply that may have been cut (F4.10)', async () => {
    const { resolve, register } = await world({ aRecordLimit: 4 }, { records: 'A', port: 1 });
    register(12);
    const { addresses, complete, omission } = await resolve();
    expect(addresses.length).toBeGreaterThan(8);
    expect(complete).toBe(false);
    expect(omission).toBeGreaterThan(0);
  });
});

describe('what cannot be resolved', () => {
  it('does not keep others from leaving: a host name nobody knows is an instance without address', async () => {
    const { double, resolver } = await withLookup(unknownHost);
    double.register({ name: 'web', address: 'bad.host.example', port: 80 });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    const { addresses, complete, unresolved } = await resolver.resolve({ service: 'web' });
    expect([addresses.length, complete, unresolved]).toEqual([1, true, undefined]);
  });

  it('for the moment is named, so that what is known of it stays', async () => {
    const { double, resolve } = await world({ nodeMeta: {} });
    double.addNode({ name: 'n2', address: '10.0.0.2', meta: {} });
    double.register({ name: 'web', node: 'n2', port: 80 });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    // The address of n2 comes neither along nor when asked for.
    double.dns.intercept(({ name, type, request }) => {
      if (/^n2/i.test(name)) return servfail(request);
      return type === 'SRV' ? withoutAdditionals(request) : undefined;
    });
    const { addresses, complete, unresolved, omission } = await resolve();
    expect(addresses.map(({ host }) => host)).toEqual(['10.1.0.1']);
    expect([complete, unresolved]).toEqual([false, { targets: ['n2.node.dc1.consul'] }]);
    expect(omission).toBeLessThan(1);
  });

  it('in one family does not fail the other (T35), and what is known of it stays', async () => {
    const { double, resolve } = await world({}, { records: 'A', port: 80 });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    double.dns.intercept(({ type, request }) => (type === 'AAAA' ? servfail(request) : undefined));
    const { addresses, complete, unresolved } = await resolve();
    expect([addresses.length, complete, unresolved]).toEqual([1, false, { family: 6 }]);
  });
});

function servfail(request: Buffer): Buffer {
  return Buffer.from(encode({ ...decode(request), type: 'response', flags: 2, additionals: [] } as Packet));
}

/** SRV of n2 and of a hex target, and nothing else. */
function withoutAdditionals(request: Buffer): Buffer {
  const { id, questions } = decode(request);
  const name = questions![0]!.name;
  const srv = (target: string) =>
    ({ type: 'SRV', name, ttl: 0, data: { priority: 1, weight: 1, port: 80, target } }) as const;
  const answers = [srv('n2.node.dc1.consul'), srv('0a010001.addr.dc1.consul')];
  return encode({ type: 'response', id, flags: 0x400, questions, answers } as Packet);
}

describe('names', () => {
  it.each([
    { service: 'evil.web' },
    { service: 'web', datacenter: 'dc1.node' },
    {},
    { service: 'x'.repeat(70) },
    'wéb',
    null,
  ])('%j never become a question, whoever asks', async (name) => {
    const { double, resolver } = await world();
    for (const one of [resolver, cached(resolver)]) {
      await expect(one.resolve(name as never)).rejects.toMatchObject({ code: 'ERR_INVALID_NAME' });
    }
    expect(double.queries).toEqual([]);
  });

  it('may be text', async () => {
    const { resolver, register } = await world();
    register(1);
    for (const one of [resolver, cached(resolver)]) {
      expect((await one.resolve('web.service.consul' as never)).addresses).toHaveLength(1);
    }
  });
});

describe('the hole: at certain sizes Consul leaves out one random healthy instance (F12.2, F13.1)', () => {
  for (const version of ['1.8.7', '1.22.7'] as const) {
    it(`${version}: nobody is missing at any size from 1 to 70, whichever way is asked, where a believing client misses some`, async () => {
      const { double, resolve } = await world({ version, node: 'n1' });
      const byTcp = consulDns({ servers: [double.dnsAddress], transport: 'tcp' });
      const believing = async () =>
        (await askUdp(double, { name: 'web.service.consul', edns: 1232 })).answers.length;
      open.push(() => byTcp.close?.());
      let asksMoreThanOnce = 0;
      let wentToTcpAtOnce = 0;
      let missedByBelieving = 0;
      for (let n = 1; n <= 70; n++) {
        double.register({ name: 'web', address: `10.1.0.${n}`, port: 8_000 + n });
        const byDefault = consulDns({ servers: [double.dnsAddress], edns: 1232 });
        open.push(() => byDefault.close?.());
        for (let round = 0; round < 3; round++) {
          const found = await resolve('web', byDefault);
          expect([n, found.addresses.length, found.complete]).toEqual([n, n, true]);
          expect((await resolve('web', byTcp)).addresses.length).toBe(n);
          const { asks = 0, transport } = found.origin ?? {};
          if (asks > 1) asksMoreThanOnce++;
          if (asks === 1 && transport === 'tcp') wentToTcpAtOnce++;
          if ((await believing()) < n) missedByBelieving++;
        }
      }
      // What gave most the first time is asked first from then on.
      expect(asksMoreThanOnce).toBeGreaterThan(50);
      expect(wentToTcpAtOnce).toBeGreaterThan(100);
      expect(missedByBelieving).toBeGreaterThan(0);
    });
  }

  it('is met over TCP too, where only asking again helps (610 instances on 1.8.7)', async () => {
    const { double, resolve, register } = await world({ version: '1.8.7', node: 'n1' }, { transport: 'tcp' });
    register(599);
    const unproven: number[] = [];
    for (let n = 600; n <= 620; n++) {
      double.register({ name: 'web', address: `10.1.${n >> 8}.${n & 255}`, port: 8_000 + n });
      const { addresses, complete, omission = 0, origin } = await resolve();
      expect(addresses.length).toBe(n);
      if (complete) continue;
      unproven.push(n);
      expect(origin?.asks).toBe(3);
      expect(omission * n).toBeLessThan(1e-5);
    }
    expect(unproven).toContain(610);
  });
});

describe('instances under host names', () => {
  const both = async () => ['192.0.2.1', '2001:DB8::1'];
  const hiccup = async () => {
    throw Object.assign(new Error('try again'), { code: 'EAI_AGAIN' });
  };

  for (const records of ['SRV', 'A'] as const) {
    it(`go to the system's resolver, keep their name, and keep to the family (${records})`, async () => {
      const found = async (family?: 4 | 6) => {
        const { double, resolver } = await withLookup(both, { records, ...(family && { family }) });
        double.register({ name: 'web', address: 'db.example.com', port: 5432 });
        return (await resolver.resolve({ service: 'web' })).addresses;
      };
      expect((await found()).map(({ host, port, serverName }) => [host, port, serverName])).toEqual([
        ['192.0.2.1', 5432, 'db.example.com'],
        ['2001:db8::1', 5432, 'db.example.com'],
      ]);
      expect((await found(6)).map(({ host }) => host)).toEqual(['2001:db8::1']);
    });

    it(`are a failure, not an emptiness, while the system's resolver fails (${records})`, async () => {
      const { double, resolver } = await withLookup(hiccup, { records });
      double.register({ name: 'web', address: 'db.example.com', port: 5432 });
      await expect(resolver.resolve({ service: 'web' })).rejects.toMatchObject({ code: 'ERR_DNS_RESPONSE' });
    });
  }

  it('by the dozen bring no warning of too many listeners', async () => {
    const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { double, resolver } = await withLookup(unknownHost);
    for (let i = 0; i < 15; i++) double.register({ name: 'web', address: `h${i}.example`, port: 80 });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    const { addresses } = await cached(resolver).resolve(
      { service: 'web' },
      { signal: new AbortController().signal },
    );
    expect(addresses).toHaveLength(1);
    expect(emitted).not.toHaveBeenCalled();
    emitted.mockRestore();
  });

  it('only look like hex targets, unless they are Consul’s', async () => {
    const { double, resolver } = await withLookup(unknownHost);
    double.register({ name: 'web', address: 'deadbeef.addr.example', port: 80 });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    expect((await resolver.resolve({ service: 'web' })).addresses.map(({ host }) => host)).toEqual([
      '10.1.0.1',
    ]);
  });
});

describe('where nodes have no metadata and TCP is closed', () => {
  it('one more datagram proves a small list', async () => {
    const { double, resolve } = await world({ nodeMeta: {}, version: '1.8.7' });
    await double.dns.tcp(false);
    for (let i = 1; i <= 4; i++) double.register({ name: 'web', address: `10.1.0.${i}`, port: 80 });
    const { addresses, complete, origin } = await resolve();
    expect([addresses.length, complete, origin?.asks, double.queries.length]).toEqual([4, true, 2, 2]);
  });
});

describe('what nothing could be found for', () => {
  const errorOf = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error) => error,
    );

  it('is ERR_SERVICE_NOT_FOUND with the things NXDOMAIN can mean', async () => {
    const { double, resolve } = await world();
    const error = await errorOf(resolve('nope'));
    expect(error.code).toBe('ERR_SERVICE_NOT_FOUND');
    for (const words of [
      'nope.service.consul',
      double.dnsAddress,
      'NXDOMAIN',
      'no healthy instance',
      'ACL',
      'datacenter',
    ]) {
      expect(error.message).toContain(words);
    }
  });

  it('is the same for a service whose instances are all critical (F5.2)', async () => {
    const { double, resolve } = await world();
    double.register({ name: 'web', port: 80, status: 'critical' });
    expect((await errorOf(resolve())).code).toBe('ERR_SERVICE_NOT_FOUND');
  });

  it('names instances that have no port or no address', async () => {
    const { double, resolve } = await world();
    double.register({ name: 'web', address: '10.1.0.1' });
    expect((await errorOf(resolve())).message).toContain('none with a port and a usable address');
  });

  it('says when it was the family that left none', async () => {
    const { double } = await world();
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    const only = consulDns({ servers: [double.dnsAddress], family: 6 });
    open.push(() => only.close?.());
    expect((await errorOf(only.resolve({ service: 'web' }))).message).toContain('family: 6');
  });

  it('is a DnsError when nobody answers', async () => {
    const { double, resolve } = await world();
    await double.stop();
    expect((await errorOf(resolve())).code).toBe('ERR_UNREACHABLE');
  });
});
