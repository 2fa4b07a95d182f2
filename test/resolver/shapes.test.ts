import { describe, expect, it } from 'vitest';
import {
  a,
  cname,
  endpointsOf,
  hex,
  nodata,
  nxdomain,
  type Said,
  type ScriptedDnsOptions,
  scriptedDns,
  srv,
  txt,
} from './scripted-dns.ts';

/** One SRV reply that proves itself; other questions are answered by `others`, NXDOMAIN by default. */
function reply(said: Said, others: Record<string, Said> = {}, options: ScriptedDnsOptions = {}) {
  const beside = [...(said.additionals ?? [])];
  // More TXT than there are targets: nothing was cut.
  for (let i = 0; i <= 2 * (said.answers?.length ?? 0); i++) beside.push(txt('n.node.dc1.consul', `k${i}=v`));
  return scriptedDns(
    ({ name, type }) =>
      type === 'SRV'
        ? { ...said, additionals: beside }
        : (others[`${type} ${name}`] ?? others[name] ?? nxdomain),
    options,
  );
}
const far = 'db.example.com';
const db = 'db.service.consul';
const dbAt = (...numbers: number[]) => numbers.map((number) => a(db, `10.0.0.${number}`));
const bySystem = (...hosts: string[]) => ({ lookup: async () => hosts });

describe('targets of SRV (F2.8)', () => {
  it('in hex are the address, IPv4 and IPv6, whatever stands beside them or does not', async () => {
    const six = '20010db8000000000000000000000005.addr.dc1.consul';
    const dns = reply({ answers: [srv(hex(1), 80), srv(six, 81)], additionals: [a(hex(1), '10.1.0.1')] });
    expect(await dns.pairs()).toEqual(['10.1.0.1:80', '2001:db8::5:81']);
    expect(dns.heard).toHaveLength(1);
  });

  it('by node name bring the node; names with dots and the forms of a place are read from their end', async () => {
    const nodes: readonly [string, object][] = [
      ['n1.node.dc1.consul', { node: 'n1', datacenter: 'dc1' }],
      ['rack.3.node.dc2.consul', { node: 'rack.3', datacenter: 'dc2' }],
      ['x.node.node.dc1.consul', { node: 'x.node', datacenter: 'dc1' }],
      ['n4.node.dc1.dc.consul', { node: 'n4', datacenter: 'dc1' }],
      ['n5.node.west.peer.consul', { node: 'n5' }],
    ];
    const dns = reply({
      answers: nodes.map(([target], i) => srv(target, 8_000 + i)),
      additionals: nodes.map(([target], i) => a(target, `10.0.0.${i}`)),
    });
    const { addresses } = await dns.resolve();
    expect(
      addresses.map(({ node, datacenter }) => ({ ...(node && { node }), ...(datacenter && { datacenter }) })),
    ).toEqual(nodes.map(([, place]) => place));
  });

  it('by host name keep it for TLS and the Host header; the chain that recursors bring is followed', async () => {
    const dns = reply({
      answers: [srv(far, 443)],
      additionals: [
        cname(far, 'lb.example.com'),
        cname('lb.example.com', 'x.cdn.example'),
        a('x.cdn.example', '192.0.2.7'),
      ],
    });
    const { addresses } = await dns.resolve();
    expect(addresses).toEqual([
      { host: '192.0.2.7', port: 443, priority: 1, weight: 1, target: far, serverName: far },
    ]);
    expect(dns.heard).toHaveLength(1);
  });

  it('by host name without recursors are asked for, and then by the system’s resolver', async () => {
    const dns = reply(
      { answers: [srv(far, 443)] },
      { [far]: { rcode: 'REFUSED' } },
      bySystem('192.0.2.7', '2001:DB8::7'),
    );
    expect(await dns.pairs()).toEqual(['192.0.2.7:443', '2001:db8::7:443']);
  });

  it('whose chain is a loop have no address, and do not hurt the others', async () => {
    const loop = [
      cname('l1.example', 'l2.example'),
      cname('l2.example', 'l3.example'),
      cname('l3.example', 'l1.example'),
    ];
    const dns = reply(
      { answers: [srv('l1.example', 1), srv(hex(1), 80)], additionals: loop },
      { 'l1.example': { answers: loop } },
    );
    const found = await dns.resolve();
    expect([endpointsOf(found), found.complete]).toEqual([['10.1.0.1:80'], true]);
    expect(dns.source.counters.withoutAddress).toBe(1);
  });

  it('that are the name of another service are at each of its addresses, which share the weight', async () => {
    const dns = reply(
      { answers: [srv(db, 80, { weight: 9 })], additionals: dbAt(1, 2, 3) },
      { [`A ${db}`]: { answers: dbAt(1, 2, 3) } },
    );
    const { addresses } = await dns.resolve();
    expect(addresses.map(({ host, weight, serverName }) => [host, weight, serverName])).toEqual([
      ['10.0.0.1', 3, undefined],
      ['10.0.0.2', 3, undefined],
      ['10.0.0.3', 3, undefined],
    ]);
  });

  it('that are the name of another service are asked for: the additional section has three of many up to 1.19', async () => {
    const dns = reply(
      { answers: [srv(db, 80)], additionals: dbAt(4, 2, 5) },
      { [`A ${db}`]: { answers: dbAt(1, 2, 3, 4, 5) }, [db]: nodata },
    );
    expect(await dns.pairs()).toEqual([1, 2, 3, 4, 5].map((i) => `10.0.0.${i}:80`));
  });

  it('that are the name of a service with very many addresses are asked for by TCP', async () => {
    const all = Array.from({ length: 90 }, (_, i) => i + 1);
    const dns = scriptedDns(({ type, transport }) => {
      if (type === 'SRV') return { answers: [srv(db, 80)], additionals: [...dbAt(1), txt(db), txt(db)] };
      return type === 'A' ? { answers: dbAt(...(transport === 'udp' ? all.slice(0, 73) : all)) } : nodata;
    });
    expect(await dns.pairs()).toHaveLength(90);
  });

  it('that are the name of another service keep what came along while that cannot be asked for', async () => {
    const dns = reply(
      { answers: [srv(db, 80)], additionals: dbAt(4, 2, 5) },
      { [db]: { rcode: 'SERVFAIL' } },
    );
    const { addresses, complete, unresolved } = await dns.resolve();
    expect([addresses.length, complete, unresolved]).toEqual([3, false, { targets: [db] }]);
  });

  it('by host name with several addresses are the same ones, whether the reply is whole or trimmed to one record each', async () => {
    const three = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((host) => a(far, host));
    const whole = [...three, txt('n1.node.dc1.consul')];
    for (const additionals of [whole, [three[1]!], [cname(far, 'lb.example.com')]]) {
      const dns = scriptedDns(({ name, type }) => {
        if (type === 'SRV') return { answers: [srv(far, 443)], additionals };
        if (name !== far) return nodata;
        // Of IPv6 Consul's recursors are not asked where there is IPv4.
        return { answers: type === 'A' ? three : [a(far, '2001:db8::7')] };
      });
      const found = await dns.resolve();
      expect([endpointsOf(found), found.complete]).toEqual([[1, 2, 3].map((i) => `192.0.2.${i}:443`), true]);
    }
  });

  it('shared by several SRV are several instances; their addresses may be repeated or come once (F2.4)', async () => {
    const target = 'n1.node.dc1.consul';
    for (const times of [1, 3]) {
      const dns = reply({
        answers: [srv(target, 1), srv(target, 2), srv(target, 3)],
        additionals: Array.from({ length: times }, () => a(target, '10.0.0.1')),
      });
      expect(await dns.pairs()).toEqual(['10.0.0.1:1', '10.0.0.1:2', '10.0.0.1:3']);
    }
  });

  it('with a TXT in place of the address are asked for (F12.3)', async () => {
    const target = 'n1.node.dc1.consul';
    const dns = reply(
      { answers: [srv(target, 80), srv(hex(1), 81)], additionals: [txt(target), a(hex(1), '10.1.0.1')] },
      { [`A ${target}`]: { answers: [a(target, '10.0.0.1')] }, [target]: nodata },
    );
    const found = await dns.resolve();
    expect([endpointsOf(found), found.complete]).toEqual([['10.0.0.1:80', '10.1.0.1:81'], true]);
  });

  it('are compared in any case, and however the domain is spelt (T5, F12.9)', async () => {
    const dns = reply({
      answers: [
        srv('Node_Upper.node.dc1.cOnSuL', 80),
        srv('NODE_UPPER.node.DC1.consul', 80),
        srv('0A010001.Addr.dc1.CONSUL', 81),
      ],
      additionals: [a('node_upper.NODE.dc1.Consul', '10.0.0.1')],
    });
    const { addresses } = await dns.resolve();
    expect(addresses.map(({ host, port, target }) => [host, port, target])).toEqual([
      ['10.0.0.1', 80, 'node_upper.node.dc1.consul'],
      ['10.1.0.1', 81, '0a010001.addr.dc1.consul'],
    ]);
  });

  it('that no question can ask for have no address', async () => {
    const dns = reply({ answers: [srv('', 80), srv('exa mple.com', 80), srv(hex(1), 80)] });
    expect(await dns.pairs()).toEqual(['10.1.0.1:80']);
    expect(dns.heard).toHaveLength(1);
  });
});

describe('an alternative domain, whose targets Consul up to 1.10 names in the primary one (F1.16)', () => {
  const options = { domain: 'alt.local' };

  it.each(['consul', 'example.internal'])(
    'is seen by an address that a hex target spells: primary domain %s',
    async (primary) => {
      const dns = reply(
        {
          answers: [srv(`n1.node.dc1.${primary}`, 80), srv(hex(1, `dc1.${primary}`), 81)],
          additionals: [a(`n1.node.dc1.${primary}`, '10.0.0.1'), a(hex(1, `dc1.${primary}`), '10.1.0.1')],
        },
        {},
        options,
      );
      const { addresses } = await dns.resolve();
      expect(addresses).toMatchObject([
        { host: '10.0.0.1', port: 80, node: 'n1', datacenter: 'dc1' },
        { host: '10.1.0.1', port: 81, datacenter: 'dc1' },
      ]);
      for (const address of addresses) expect(address).not.toHaveProperty('serverName');
    },
  );

  it('is kept in targets by later versions', async () => {
    const dns = reply({ answers: [srv(hex(1, 'dc1.alt.local'), 80)] }, {}, options);
    expect(await dns.pairs()).toEqual(['10.1.0.1:80']);
  });

  it('is not believed of digits that spell another address', async () => {
    const target = hex(1, 'dc1.evil.example');
    const dns = reply({ answers: [srv(target, 80)], additionals: [a(target, '192.0.2.66')] }, {}, options);
    const { addresses } = await dns.resolve();
    expect(addresses).toMatchObject([{ host: '192.0.2.66', serverName: target }]);
  });
});

describe('what SRV say', () => {
  it('weight 0 is kept, also where it is shared; priorities are kept', async () => {
    const dns = reply(
      { answers: [srv(hex(1), 80, { weight: 0 }), srv(db, 81, { weight: 0, priority: 7 })] },
      { [`A ${db}`]: { answers: dbAt(1, 2) } },
    );
    const { addresses } = await dns.resolve();
    expect(addresses.map(({ weight, priority }) => [weight, priority])).toEqual([
      [0, 1],
      [0, 7],
      [0, 7],
    ]);
  });

  it('a share of a weight is at least 1', async () => {
    const dns = reply({ answers: [srv(db, 80, { weight: 1 })] }, { [`A ${db}`]: { answers: dbAt(1, 2, 3) } });
    expect((await dns.resolve()).addresses.map(({ weight }) => weight)).toEqual([1, 1, 1]);
  });

  it('port 0 is no endpoint, and counted (F2.7)', async () => {
    const dns = reply({ answers: [srv(hex(1), 0), srv(hex(2), 80), srv(hex(3), 0)] });
    expect(await dns.pairs()).toEqual(['10.1.0.2:80']);
    expect(dns.source.counters.withoutPort).toBe(2);
  });

  it('twice is one instance, with the larger weight (F2.2)', async () => {
    const dns = reply({
      answers: [
        srv(hex(1), 80, { weight: 2 }),
        srv(hex(1), 80, { weight: 5 }),
        srv(hex(1), 80, { weight: 3 }),
      ],
    });
    expect((await dns.resolve()).addresses.map(({ weight }) => weight)).toEqual([5]);
  });

  it('for an address under two names is one instance too', async () => {
    const dns = reply({
      answers: [srv('n1.node.dc1.consul', 80), srv(hex(1), 80, { weight: 4 })],
      additionals: [a('n1.node.dc1.consul', '10.1.0.1')],
    });
    expect((await dns.resolve()).addresses).toMatchObject([{ host: '10.1.0.1', port: 80, weight: 4 }]);
  });

  it('the shortest TTL of the records that are used is that of the list', async () => {
    const dns = reply({
      answers: [srv(hex(1), 80, { ttl: 30 }), srv('n1.node.dc1.consul', 80, { ttl: 20 })],
      additionals: [a('n1.node.dc1.consul', '10.0.0.1', 9), a('other.node.dc1.consul', '10.0.0.9', 1)],
    });
    expect((await dns.resolve()).ttl).toBe(9_000);
  });
});

describe('additional records', () => {
  it('for names that are nobody’s target are not used: forged ones bring nothing in (T4)', async () => {
    const dns = reply({
      answers: [srv(hex(1), 80), srv('n1.node.dc1.consul', 81)],
      additionals: [
        a('n1.node.dc1.consul', '10.0.0.1'),
        a('n2.node.dc1.consul', '192.0.2.66'),
        a('web.service.consul', '192.0.2.66'),
        cname('n3.node.dc1.consul', 'n1.node.dc1.consul'),
        a(hex(9), '192.0.2.66'),
      ],
    });
    expect(await dns.pairs()).toEqual(['10.0.0.1:81', '10.1.0.1:80']);
  });

  it('cannot change what a hex target spells', async () => {
    const dns = reply({ answers: [srv(hex(1), 80)], additionals: [a(hex(1), '192.0.2.66')] });
    expect(await dns.pairs()).toEqual(['10.1.0.1:80']);
  });

  it('may be more than there are targets, of any type, in any order (T4)', async () => {
    const dns = reply({
      answers: [srv('n1.node.dc1.consul', 80)],
      additionals: [
        txt('n1.node.dc1.consul'),
        a('n9.node.dc1.consul', '10.0.0.9'),
        txt('n9.node.dc1.consul'),
        a('n1.node.dc1.consul', '10.0.0.1'),
        a('n1.node.dc1.consul', '10.0.0.1'),
      ],
    });
    expect(await dns.pairs()).toEqual(['10.0.0.1:80']);
  });

  it('of the other family than the wanted one leave a Consul name without address, and a host name to be asked for', async () => {
    const dns = reply(
      {
        answers: [srv('n1.node.dc1.consul', 80), srv(far, 81)],
        additionals: [a('n1.node.dc1.consul', '10.0.0.1'), a(far, '192.0.2.7')],
      },
      { [`AAAA ${far}`]: { answers: [a(far, '2001:db8::7')] } },
      { family: 6 },
    );
    expect(await dns.pairs()).toEqual(['2001:db8::7:81']);
  });
});

describe('what is worth saying of an answer', () => {
  it('that names are proxies of the mesh, which expect mutual TLS; of gateways it is not (F1.12)', async () => {
    const dns = reply({ answers: [srv(hex(1), 21_000)] });
    expect(await dns.pairs('web.ingress.consul')).toEqual(['10.1.0.1:21000']);
    expect(dns.warnings).toEqual([]);
    expect(await dns.pairs('web.connect.consul')).toEqual(['10.1.0.1:21000']);
    expect(dns.warnings).toMatchObject([{ code: 'CONNECT_EXPECTS_MTLS', service: 'web.connect.consul' }]);
  });

  it('that instances of both families show their IPv6 only, where IPv4 is wanted (F2.11)', async () => {
    const six = '20010db8000000000000000000000005.addr.dc1.consul';
    const dns = reply({ answers: [srv(six, 80)] }, {}, { family: 4 });
    const { code, message } = await dns.refusal();
    expect(code).toBe('ERR_SERVICE_NOT_FOUND');
    expect(message).toContain("for their IPv4 use records: 'A'");
  });
});

describe('addresses that do not come along', () => {
  const targets = (count: number) => Array.from({ length: count }, (_, i) => `n${i}.node.dc1.consul`);
  const withoutAddresses = (count: number) => ({
    answers: targets(count).map((target, i) => srv(target, 1 + i)),
  });

  it('are asked for at the same time, not one after the other (T19)', async () => {
    const dns = reply(withoutAddresses(100), {});
    // No answer to any of them: one timeout for each 64 names.
    dns.say(({ type }) => (type === 'SRV' ? withoutAddressesProven(100) : undefined));
    const started = dns.clock.now();
    await dns.refusal();
    expect(dns.clock.now() - started).toBeLessThanOrEqual(4_100);
  });

  it('of some names fail those only: they are named, and the others are there', async () => {
    const dns = reply(withoutAddresses(2), {
      'A n0.node.dc1.consul': { answers: [a('n0.node.dc1.consul', '10.0.0.1')] },
      'n0.node.dc1.consul': nodata,
      'n1.node.dc1.consul': { rcode: 'SERVFAIL' },
    });
    const { addresses, complete, unresolved } = await dns.resolve();
    expect([addresses.length, complete, unresolved]).toEqual([1, false, { targets: ['n1.node.dc1.consul'] }]);
  });

  it('of all names, while nobody can be asked, are a failure and not an emptiness', async () => {
    const dns = reply(
      withoutAddresses(2),
      Object.fromEntries(targets(2).map((name) => [name, { rcode: 'SERVFAIL' as const }])),
    );
    expect((await dns.refusal()).code).toBe('ERR_DNS_RESPONSE');
  });

  it('of all names, while Consul says there are none, are "not found" with the names', async () => {
    const dns = reply(withoutAddresses(2));
    const { code, message } = await dns.refusal();
    expect(code).toBe('ERR_SERVICE_NOT_FOUND');
    expect(message).toContain('n0.node.dc1.consul:1, n1.node.dc1.consul:2');
    expect(dns.source.counters.withoutAddress).toBe(2);
  });

  function withoutAddressesProven(count: number): Said {
    return { ...withoutAddresses(count), additionals: [...targets(count + 1)].map((name) => txt(name)) };
  }
});

describe('lists by addresses (records: A)', () => {
  const byA = { records: 'A', port: 80 } as const;
  const web = 'web.service.consul';

  it('follow the bare CNAME of an instance under a host name (F2.10, F5.23)', async () => {
    const dns = scriptedDns(
      ({ name }) => (name === web ? { answers: [cname(web, far)] } : { rcode: 'REFUSED' }),
      { ...byA, ...bySystem('192.0.2.7') },
    );
    expect((await dns.resolve()).addresses).toEqual([
      { host: '192.0.2.7', port: 80, priority: 1, weight: 1, target: far, serverName: far },
    ]);
  });

  it('take the chain that recursors bring, also the A records that come for AAAA', async () => {
    const chain = [cname(web, far), cname(far, 'lb.example.com'), a('lb.example.com', '192.0.2.7')];
    const dns = scriptedDns(() => ({ answers: chain }), byA);
    expect((await dns.resolve()).addresses).toMatchObject([{ host: '192.0.2.7', serverName: far }]);
    expect(dns.heard.every(({ name }) => name === web)).toBe(true);
  });

  it('end a chain that is a loop', async () => {
    const loop = [
      cname(web, 'l1.example'),
      cname('l1.example', 'l2.example'),
      cname('l2.example', 'l1.example'),
    ];
    const dns = scriptedDns(() => ({ answers: loop }), byA);
    expect((await dns.refusal()).code).toBe('ERR_SERVICE_NOT_FOUND');
  });

  it('are an emptiness where neither family has any', async () => {
    expect((await scriptedDns(() => nodata, byA).refusal()).code).toBe('ERR_SERVICE_NOT_FOUND');
  });
});
