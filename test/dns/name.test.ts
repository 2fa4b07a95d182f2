import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  askableHost,
  canonicalName,
  dnsName,
  isHostName,
  isMesh,
  kindOf,
  parseServiceName,
  type ServiceName,
} from '../../src/dns/name.ts';
import { whyNotFound } from '../../src/dns/name-hints.ts';
import { consulReads, type Reading } from './consul-reads.ts';

const parsed = (text: string | ServiceName) => parseServiceName(text);
const asked = (text: string | ServiceName) => dnsName(parseServiceName(text));
const refusal = (input: unknown): { code?: string; message: string } => {
  try {
    parseServiceName(input as string);
  } catch (error) {
    return error as Error;
  }
  throw new Error('was accepted');
};

describe('names people write', () => {
  it.each([
    ['web', { service: 'web' }, 'web.service.consul'],
    ['web.service.consul', { service: 'web' }, 'web.service.consul'],
    ['web.service.consul.', { service: 'web' }, 'web.service.consul'],
    ['v1.web.service.consul', { service: 'web', tag: 'v1' }, 'v1.web.service.consul'],
    [
      'v1.web.service.dc2.consul',
      { service: 'web', tag: 'v1', datacenter: 'dc2' },
      'v1.web.service.dc2.consul',
    ],
    ['web.service.dc2.dc.consul', { service: 'web', datacenter: 'dc2' }, 'web.service.dc2.consul'],
    ['v1.2.3.web.service.consul', { service: 'web', tag: 'v1.2.3' }, 'v1.2.3.web.service.consul'],
    ['_web._tcp.service.consul', { service: 'web' }, 'web.service.consul'],
    ['_web._tcp.consul', { service: 'web' }, 'web.service.consul'],
    ['_web._tcp.dc2.consul', { service: 'web', datacenter: 'dc2' }, 'web.service.dc2.consul'],
    ['_web._TCP.service.consul', { service: 'web' }, 'web.service.consul'],
    ['_web._v1.service.consul', { service: 'web', tag: 'v1' }, 'v1.web.service.consul'],
    ['_web._udp.service.consul', { service: 'web', tag: 'udp' }, 'udp.web.service.consul'],
    ['nearest.query.consul', { query: 'nearest' }, 'nearest.query.consul'],
    ['my.near.query.dc2.consul', { query: 'my.near', datacenter: 'dc2' }, 'my.near.query.dc2.consul'],
    ['_nearest._tcp.query.consul', { query: 'nearest' }, 'nearest.query.consul'],
    ['WEB.Service.Consul', { service: 'WEB' }, 'WEB.service.consul'],
    ['web.service.dc.consul', { service: 'web', datacenter: 'dc' }, 'web.service.dc.consul'],
    ['web.service.p1.peer.consul', { service: 'web', peer: 'p1' }, 'web.service.p1.peer.consul'],
    [
      'v1.web.service.p1.peer.consul',
      { service: 'web', tag: 'v1', peer: 'p1' },
      'v1.web.service.p1.peer.consul',
    ],
    ['_web._tcp.p1.peer.consul', { service: 'web', peer: 'p1' }, 'web.service.p1.peer.consul'],
    ['web.service.admin.port.consul', { service: 'web', port: 'admin' }, 'web.service.admin.port.consul'],
    ['_mp._tcp.service.admin.port.consul', { service: 'mp', port: 'admin' }, 'mp.service.admin.port.consul'],
    ['_mp._tcp.admin.port.consul', { service: 'mp', port: 'admin' }, 'mp.service.admin.port.consul'],
    [
      'mp.service.dc1.dc.admin.port.consul',
      { service: 'mp', port: 'admin', datacenter: 'dc1' },
      'mp.service.admin.port.dc1.dc.consul',
    ],
    [
      'web.service.ns1.ns.ap1.ap.dc1.dc.consul',
      { service: 'web', namespace: 'ns1', partition: 'ap1', datacenter: 'dc1' },
      'web.service.ns1.ns.ap1.ap.dc1.dc.consul',
    ],
    ['nearest.query.dc2.dc.consul', { query: 'nearest', datacenter: 'dc2' }, 'nearest.query.dc2.consul'],
    ['nearest.query.consul;ordered', { query: 'nearest', ordered: true }, 'nearest.query.consul'],
    ['_my.near._udp.query.consul', { query: 'my.near' }, 'my.near.query.consul'],
    ['web.connect.consul', { connect: 'web' }, 'web.connect.consul'],
    ['web.connect.dc2.consul', { connect: 'web', datacenter: 'dc2' }, 'web.connect.dc2.consul'],
    ['web.connect.dc2.dc.consul', { connect: 'web', datacenter: 'dc2' }, 'web.connect.dc2.consul'],
    ['web.ingress.consul.', { ingress: 'web' }, 'web.ingress.consul'],
    ['n1.node.consul', { node: 'n1' }, 'n1.node.consul'],
    ['db.rack1.node.dc2.consul', { node: 'db.rack1', datacenter: 'dc2' }, 'db.rack1.node.dc2.consul'],
    ['n1.node.p1.peer.consul', { node: 'n1', peer: 'p1' }, 'n1.node.p1.peer.consul'],
    ['query.node.consul', { node: 'query' }, 'query.node.consul'],
    ['web.virtual.consul', { virtual: 'web' }, 'web.virtual.consul'],
    ['web.virtual.p1.consul', { virtual: 'web', peer: 'p1' }, 'web.virtual.p1.peer.consul'],
    ['web.virtual.p1.peer.consul', { virtual: 'web', peer: 'p1' }, 'web.virtual.p1.peer.consul'],
    ['7F000001.addr.consul', { addr: '127.0.0.1' }, '7f000001.addr.consul'],
    ['7f000001.addr.dc1.consul', { addr: '127.0.0.1' }, '7f000001.addr.consul'],
    [
      '20010db8000000000000000000000005.addr.dc1.consul',
      { addr: '2001:db8::5' },
      '20010db8000000000000000000000005.addr.consul',
    ],
  ])('%s', (text, name, question) => {
    expect(parsed(text)).toEqual(name);
    expect(asked(text)).toBe(question);
  });

  it('says a service and a tag that both start with an underscore the only way Consul understands (F1.4)', () => {
    expect(asked({ service: '_web', tag: '_v1' })).toBe('__web.__v1.service.consul');
    expect(parsed('__web.__v1.service.consul')).toEqual({ service: '_web', tag: '_v1' });
    expect(refusal({ service: '_web', tag: `_${'x'.repeat(62)}` }).message).toContain(
      'both start with an underscore',
    );
  });

  it('uses all the room that DNS has, and no more', () => {
    const service = 'x'.repeat(63);
    const tagOf = (last: number) => `${'y'.repeat(63)}.${'y'.repeat(63)}.${'y'.repeat(last)}`;
    expect(asked({ service, tag: tagOf(46) })).toHaveLength(253);
    expect(refusal({ service, tag: tagOf(47) }).message).toContain('has 254 characters');
    expect(asked({ service, tag: '_v1' })).toBe(`_v1.${service}.service.consul`);
  });

  it('says a prepared query that looks like RFC 2782 the only way a newer Consul understands (F1.9)', () => {
    expect(asked({ query: '_a._b' })).toBe('__a._b._tcp.query.consul');
    expect(parsed('__a._b._tcp.query.consul')).toEqual({ query: '_a._b' });
    expect(refusal({ query: `_${'x'.repeat(62)}._b` }).message).toContain('start with an underscore');
  });

  it('writes addresses of any spelling in their one way', () => {
    for (const addr of ['2001:db8::5', '2001:DB8:0:0:0:0:0:5', '2001:db8:0::0.0.0.5']) {
      expect(asked({ addr })).toBe('20010db8000000000000000000000005.addr.consul');
    }
    expect(asked({ addr: '::' })).toBe(`${'0'.repeat(32)}.addr.consul`);
    expect(parsed(asked({ addr: '::ffff:10.0.0.1' }))).toEqual({ addr: '::ffff:a00:1' });
  });

  it('knows another domain', () => {
    expect(parseServiceName('v1.web.service.example.org', 'example.org')).toEqual({
      service: 'web',
      tag: 'v1',
    });
    expect(dnsName({ service: 'web' }, 'example.org')).toBe('web.service.example.org');
  });

  it('gives one canonical name to all spellings of one thing', () => {
    const spellings = [
      'v1.web.service.consul',
      'V1.WEB.SERVICE.CONSUL.',
      '_web._v1.service.consul',
      { service: 'Web', tag: 'v1' },
    ];
    expect(new Set(spellings.map((name) => canonicalName(parsed(name)))).size).toBe(1);
  });

  it('tells a prepared query with its order from one without: one DNS name, two lists', () => {
    const [plain, ordered] = [{ query: 'Near' }, { query: 'Near', ordered: true }].map((name) =>
      parsed(name),
    );
    expect(dnsName(plain!)).toBe(dnsName(ordered!));
    expect(canonicalName(plain!)).toBe('near.query.consul');
    expect(canonicalName(ordered!)).toBe('near.query.consul;ordered');
    expect(parsed(canonicalName(ordered!))).toEqual({ query: 'near', ordered: true });
    expect(parsed({ query: 'Near', ordered: false })).toEqual(plain);
  });
});

describe('names that are refused, before anything is sent', () => {
  it.each([
    ['my.dotted', 'A dot separates a tag from a service'],
    [{ service: 'my.dotted' }, 'Mean a tag? Write { service: "dotted", tag: "my" }'],
    ['web.example.com', 'neither a bare service name nor a full name that ends in .consul'],
    ['web.consul', 'does not say what it names'],
    ['web.service.dc1.extra.consul', 'where only a place can stand'],
    ['web.service.admin.port.dc1.consul', 'where only a place can stand'],
    ['web.service.ns1.dc1.consul', 'where only a place can stand'],
    ['web.service.g1.sg.consul', 'a sameness group (.sg), which is not supported'],
    ['web.service.a.dc.b.dc.consul', 'says its datacenter twice'],
    ['web.service.p1.peer.dc1.dc.consul', 'exclude each other'],
    [{ node: 'n1', peer: 'p1', datacenter: 'dc1' }, 'exclude each other'],
    ['v1.web.connect.consul', 'Consul ignores tags in .connect names'],
    ['_web._tcp.connect.consul', 'Write _tcp.connect.consul'],
    ['v1.web.virtual.consul', 'Consul ignores tags in .virtual names'],
    ['web.connect.p1.peer.consul', 'Consul ignores the peer of such a name'],
    [{ ingress: 'web', peer: 'p1' }, 'Consul ignores the peer of such a name'],
    [{ connect: 'web', tag: 'v1' }, 'Consul ignores tags'],
    ['web.virtual.dc1.dc.consul', 'Virtual addresses hold in one datacenter'],
    [
      'web.connect.admin.port.consul',
      'Unknown key "port" in a service name; expected { connect, datacenter?',
    ],
    ['n1.node.admin.port.consul', 'Unknown key "port"'],
    ['q.query.p1.peer.consul', 'Unknown key "peer"'],
    ['web.service.consul;ordered', 'only prepared queries have an order'],
    ['web;ordered', 'a character that Consul'],
    [{ query: 'q', ordered: 1 }, 'must be true or false, not number'],
    [{ service: 'web', port: 'Admin' }, 'Consul\'s DNS asks for "admin" and never finds'],
    ['web.service.HTTP.port.consul', 'has capital letters'],
    [{ service: 'web', port: 8080 }, 'goes into the options, as { port: 8080 }'],
    ['7f0000.addr.consul', 'is no address'],
    ['zzzzzzzz.addr.consul', 'is no address'],
    ['x.7f000001.addr.consul', 'is no address'],
    [{ addr: '7f000001' }, 'must be an IPv4 or IPv6 address'],
    [{ addr: 'fe80::1%eth0' }, 'without a zone'],
    [{ node: 'a b' }, 'a character that Consul'],
    [{ virtual: 'a.b' }, 'cannot be a service name'],
    ['service.consul', 'names nothing'],
    ['', 'is empty'],
    ['a..web.service.consul', 'is empty'],
    ['has space', 'a character that Consul'],
    ['ünï', 'a character that Consul'],
    ['web\u0000', 'a character that Consul'],
    ['web\n', 'a character that Consul'],
    ['a\nweb.service.consul', 'a character that Consul'],
    ['x'.repeat(64), 'a DNS label holds 63'],
    [
      { service: 'web', tag: `${'y'.repeat(63)}.${'y'.repeat(63)}.${'y'.repeat(63)}.${'y'.repeat(63)}` },
      'DNS allows 253',
    ],
    [{ service: 'web', datacenter: 'dc1.service' }, 'a character that Consul'],
    [{ service: 'web', datacenter: 'service' }, 'would take it for a kind of lookup'],
    [{ service: 'web', peer: 'Virtual' }, 'would take it for a kind of lookup'],
    [{ service: 'web', datacenter: '_dc' }, 'for the beginning of an RFC 2782 name'],
    [{ service: 'web', port: '_x' }, 'for the beginning of an RFC 2782 name'],
    [{ service: 'web', color: 'red' }, 'Unknown key "color"'],
    [{ query: 'q', tag: 'v1' }, 'A prepared query chooses its own tags'],
    [{ service: 'web', query: 'q' }, 'this one says service and query'],
    [{}, 'this one says none'],
    [{ service: 7 }, 'must be a string, not number'],
    [null, 'not by null'],
    [7, 'not by number'],
  ])('%j', (input, words) => {
    const { code, message } = refusal(input);
    expect(code).toBe('ERR_INVALID_NAME');
    expect(message).toContain(words);
  });
});

describe('kinds of names', () => {
  it.each([
    ['web', 'service', false, false],
    ['q.query.consul', 'query', false, false],
    ['web.connect.consul', 'connect', false, true],
    ['web.ingress.consul', 'ingress', false, false],
    ['n1.node.consul', 'node', true, false],
    ['web.virtual.consul', 'virtual', true, false],
    ['7f000001.addr.consul', 'addr', true, false],
  ])('%s is of kind %s; has no SRV records: %s; is the mesh: %s', (text, kind, host, mesh) => {
    const name = parsed(text);
    expect([kindOf(name), isHostName(name), isMesh(name)]).toEqual([kind, host, mesh]);
  });

  it('have reasons of their own for not being found', () => {
    const hints = (text: string) => whyNotFound(parsed(text)).join('; ');
    expect(hints('web')).toBe('');
    expect(hints('v1.web.service.consul')).toBe('');
    expect(hints('_web._udp.service.consul')).toContain('takes a protocol other than _tcp for a tag');
    expect(hints('web.service.admin.port.consul')).toContain('an instance without a port named "admin"');
    expect(hints('web.service.p1.peer.consul')).toContain('no peering named "p1"');
    expect(hints('web.service.a.ns.consul')).toContain('not Enterprise');
    expect(hints('web.connect.consul')).toContain('no sidecar proxy');
    expect(hints('web.ingress.consul')).toContain('no ingress gateway');
    expect(hints('web.virtual.p1.consul')).toMatch(/not in the mesh.*no peering/);
    expect(hints('q.query.consul')).toContain('no prepared query of this name in this datacenter');
    expect(hints('n1.node.consul')).toBe('');
  });
});

describe('for all inputs', () => {
  const words = ['service', 'connect', 'ingress', 'node', 'query', 'addr', 'virtual'];
  const label = fc.oneof(
    { weight: 4, arbitrary: fc.stringMatching(/^[a-z0-9_/=-]{1,12}$/) },
    { weight: 1, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{55,64}$/) },
    fc.constantFrom(...words, 'dc', 'peer', 'port', 'ns', 'ap', 'sg', '_tcp', '_udp', 'tcp', '7f000001'),
    fc.stringMatching(/^_{1,2}[a-z]{1,3}$/),
  );
  const dotted = fc.oneof(
    label,
    fc.array(label, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')),
  );
  const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
  const place = { datacenter: optional(label), peer: optional(label) };
  const enterprise = { namespace: optional(label), partition: optional(label) };
  const typed: Record<string, fc.Arbitrary<object>> = {
    service: fc.record({
      service: label,
      tag: optional(dotted),
      port: optional(label),
      ...place,
      ...enterprise,
    }),
    query: fc.record({ query: dotted, datacenter: optional(label), ordered: optional(fc.boolean()) }),
    connect: fc.record({ connect: label, datacenter: optional(label), ...enterprise }),
    ingress: fc.record({ ingress: label, datacenter: optional(label), ...enterprise }),
    node: fc.record({ node: dotted, partition: optional(label), ...place }),
    virtual: fc.record({ virtual: label, peer: optional(label), ...enterprise }),
    addr: fc.record({ addr: fc.oneof(fc.ipV4(), fc.ipV6()) }),
  };
  const accepted = (given: string | object): ServiceName | undefined => {
    try {
      return parsed(given as ServiceName);
    } catch (error) {
      expect((error as { code: string }).code).toBe('ERR_INVALID_NAME');
      return undefined;
    }
  };
  /** In the words of the model, in which everything is lower case. */
  const meant = (name: ServiceName): Reading => {
    const { [kindOf(name)]: subject, ordered: _, ...said } = name as unknown as Record<string, string>;
    const reading = { kind: kindOf(name), ...said, subject: 'addr' in name ? hexOf(name.addr) : subject };
    return JSON.parse(JSON.stringify(reading).toLowerCase());
  };
  const hexOf = (ip: string) => dnsName({ addr: ip }).split('.')[0];
  const types = (name: ServiceName) => (isHostName(name) ? (['A'] as const) : (['SRV', 'A'] as const));

  it.each(Object.keys(typed))(
    'a typed name with { %s } means to Consul what it says, and can be read back',
    (kind) => {
      let taken = 0;
      fc.assert(
        fc.property(typed[kind]!, (given) => {
          const name = accepted(given);
          fc.pre(name !== undefined);
          taken++;
          const question = dnsName(name);
          expect(question.length).toBeLessThanOrEqual(253);
          expect(question).toMatch(/^([A-Za-z0-9_/=-]{1,63}\.){2,}consul$/);
          for (const type of types(name)) {
            expect(consulReads(question, 'consul', { version: '1.22.7', type })).toEqual(meant(name));
            // An old Consul may not know the name; it must not take it for another, save for names only RFC 2782 can say.
            const old = consulReads(question, 'consul', { version: '1.8.7', type });
            if (old !== undefined && !question.startsWith('_')) expect(old).toEqual(meant(name));
          }
          const { ordered, ...rest } = name as { ordered?: boolean };
          expect(parsed(question)).toEqual(rest);
          expect(meant(parsed(canonicalName(name)))).toEqual(meant(name));
          expect((parsed(canonicalName(name)) as { ordered?: boolean }).ordered).toBe(ordered);
        }),
        { numRuns: 2_000, maxSkipsPerRun: 1_000 },
      );
      expect(taken).toBeGreaterThanOrEqual(2_000);
    },
  );

  it('two typed names have one canonical name exactly when they mean the same', () => {
    const any = fc.oneof(...Object.values(typed));
    const small = fc.record({
      service: fc.constantFrom('a', 'A', '_a'),
      tag: optional(fc.constantFrom('b', '_b', '_B', 'tcp', '_tcp', 'a.b')),
      datacenter: optional(fc.constantFrom('c', 'dc')),
    });
    const same = (one: ServiceName, other: ServiceName) =>
      isDeepStrictEqual(
        [meant(one), (one as { ordered?: boolean }).ordered],
        [meant(other), (other as { ordered?: boolean }).ordered],
      );
    fc.assert(
      fc.property(fc.oneof(fc.tuple(any, any), fc.tuple(small, small)), ([one, other]) => {
        const [a, b] = [accepted(one), accepted(other)];
        fc.pre(a !== undefined && b !== undefined);
        expect(canonicalName(a) === canonicalName(b)).toBe(same(a, b));
      }),
      { numRuns: 4_000, maxSkipsPerRun: 1_000 },
    );
  });

  it('a text is refused, or asks for what Consul itself would read in it', () => {
    const text = fc
      .tuple(
        fc.array(label, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...words, '_tcp'),
        fc.array(label, { maxLength: 4 }),
      )
      .map(([left, kind, right]) => [...left, kind, ...right, 'consul'].join('.'));
    const pairs = fc
      .tuple(label, fc.constantFrom(...words), label, fc.constantFrom('dc', 'peer', 'port', 'ns', 'ap', 'sg'))
      .map((labels) => [...labels, 'consul'].join('.'));
    let taken = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          pairs,
          fc.string(),
          fc.stringMatching(/^[a-z0-9_.;]{1,40}(\.service)?(\.consul)?\.?$/),
        ),
        (given) => {
          const name = accepted(given);
          if (name === undefined) return;
          taken++;
          const question = dnsName(name);
          expect(question).toMatch(/^([A-Za-z0-9_/=-]{1,63}\.){2,}consul$/);
          for (const type of types(name)) {
            expect(consulReads(question, 'consul', { version: '1.22.7', type })).toEqual(meant(name));
          }
          // Where Consul would find nothing at all (a bare name, `.dc` behind a query), we may be kinder.
          const asWritten = consulReads(given.replace(/;ordered$/, ''), 'consul', {
            version: '1.22.7',
            type: 'SRV',
          });
          if (asWritten !== undefined) expect(meant(name)).toEqual(asWritten);
          expect(canonicalName(parsed(canonicalName(name)))).toBe(canonicalName(name));
        },
      ),
      { numRuns: 16_000 },
    );
    expect(taken).toBeGreaterThan(2_000);
  });

  it('no dot, space, control character or other letter gets through, wherever it stands', () => {
    const keys = [
      'service',
      'tag',
      'datacenter',
      'peer',
      'port',
      'namespace',
      'partition',
      'query',
      'connect',
      'node',
      'virtual',
    ];
    const bad = fc
      .string({ minLength: 1, unit: 'binary' })
      .filter((text) => !/^[A-Za-z0-9_/=.-]+$/.test(text));
    fc.assert(
      fc.property(fc.constantFrom(...keys), bad, (key, text) => {
        const bare = ['query', 'connect', 'node', 'virtual'].includes(key) ? {} : { service: 'web' };
        expect(accepted({ ...bare, [key]: text })).toBe(undefined);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('names that servers send', () => {
  it('are asked for only when they are host names', () => {
    expect(askableHost('Node_Upper.node.dc1.CONSUL.')).toBe('node_upper.node.dc1.consul');
    for (const bad of [
      '',
      '.',
      'a..b',
      'has space.com',
      `${'x'.repeat(64)}.com`,
      'x'.repeat(300),
      'a\u0000b',
    ]) {
      expect(askableHost(bad), bad).toBe(undefined);
    }
  });
});
