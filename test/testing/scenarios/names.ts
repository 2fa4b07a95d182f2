import { type Scenario, withTypes } from './scenario.ts';

const types = ['A', 'AAAA', 'SRV', 'TXT', 'ANY', 'MX', 'PTR', 'CNAME', 'NS', 'SOA'] as const;

/** Every type of question about every kind of name (F2.15), and all spellings of what is computed from a name (F1.14). */
export const names: Scenario = {
  name: 'names and types',
  options: { node: 'Own', nodeMeta: { rack: 'r1' }, nodeTtl: 5_000, serviceTtl: 7_000, soaMinTtl: 9_000 },
  steps: [
    {
      put(consul) {
        consul.addNode({
          name: 'Upper.Node',
          address: '10.0.0.4',
          meta: { 'a=b': 'c`d', ' e ': 'f', 'rfc1035-x': 'hello' },
        });
        consul.register({ name: 'Web', node: 'Upper.Node', port: 80, tags: ['MiXed'] });
        consul.register({ name: 'ip', node: 'Upper.Node', address: '10.1.0.1', port: 80 });
        consul.addQuery({ name: 'Q.Dotted', service: 'Web' });
      },
      asks: [
        ...withTypes('ip.service.consul', ...types),
        ...withTypes('upper.node.node.consul', ...types),
        ...withTypes('0a010001.addr.consul', ...types),
        ...withTypes('nosuch.service.consul', ...types),
        ...withTypes('consul', ...types),
        ...withTypes('20010db8000000000000000000000005.addr.consul', 'A', 'AAAA', 'ANY'),
        ...['7f0000', '7f0000011', '7f00000', '7f000001zz', 'zzzzzzzz', '7f00000102', '7F000001', '7f'].map(
          (hex) => ({
            name: `${hex}.addr.consul`,
            type: 'A' as const,
          }),
        ),
        { name: '7f000001.addr.a.b.c.d.consul', type: 'A' },
        { name: '7f000001.ADDR.DC1.Consul', type: 'A' },
        { name: 'x.7f000001.addr.consul', type: 'A' },
        { name: 'addr.consul', type: 'A' },
        { name: 'web.service.consul', replies: 6 },
        { name: 'wEb.SERVICE.dC1.cOnSuL', replies: 6 },
        { name: 'mixed.web.service.consul', replies: 6 },
        { name: 'uPPer.node.node.CONSUL', type: 'A', replies: 6 },
        { name: 'q.dotted.query.consul', type: 'A' },
        { name: '_q.dotted._udp.query.consul', type: 'A' },
        { name: 'NoSuch.Service.Consul', type: 'A' },
        { name: 'CONSUL', type: 'NS' },
        { name: 'CONSUL', type: 'SOA' },
        { name: 'example.com', type: 'SOA' },
        { name: '4.0.0.10.in-addr.arpa', type: 'PTR' },
        { name: '1.0.1.10.IN-ADDR.ARPA', type: 'PTR' },
        { name: '9.9.9.9.in-addr.arpa', type: 'PTR' },
        { name: '9.9.9.9.in-addr.arpa', type: 'PTR', edns: 1232 },
        { name: 'x.in-addr.arpa', type: 'PTR' },
        { name: 'ip.service.dc1.dc.consul' },
        { name: 'ip.service.default.ns.consul' },
        { name: 'ip.service.default.ap.consul' },
        { name: 'ip.service.g.sg.consul' },
        { name: 'ip.service.x.y.z.consul' },
        { name: 'ip.service.http.port.consul' },
        { name: 'http.port.ip.service.consul' },
        { name: 'service.consul' },
        { name: 'node.consul', type: 'A' },
        { name: 'query.consul', type: 'A' },
        { name: 'failover', type: 'A' },
      ],
    },
  ],
};

/** A second domain: of old only questions could be in it, later the names in the replies are, too (F1.16, F12.10). */
export const altDomain: Scenario = {
  name: 'alt_domain',
  options: { node: 'own', altDomain: 'alt.local', nodeMeta: {}, soaMinTtl: 30_000 },
  steps: [
    {
      put(consul) {
        consul.addNode({ name: 'Up', address: '10.0.0.1', meta: {} });
        consul.register({ name: 'web', node: 'Up', address: '10.1.0.1', port: 80 });
        consul.register({ name: 'bare', node: 'Up', port: 81 });
        consul.register({ name: 'alias', node: 'Up', address: 'web.service.alt.local', port: 82 });
      },
      asks: [
        ...withTypes('web.service.alt.local', 'SRV', 'A', 'AAAA', 'SOA', 'NS'),
        { name: 'bare.service.alt.local' },
        { name: 'alias.service.consul' },
        { name: 'alias.service.alt.local', type: 'A' },
        { name: 'WeB.sErViCe.AlT.LoCaL' },
        { name: 'nosuch.service.alt.local' },
        { name: 'NoSuch.service.ALT.local' },
        { name: '0a010001.addr.alt.local', type: 'A' },
        { name: '0A010001.addr.dc1.Alt.Local', type: 'A' },
        ...withTypes('alt.local', 'NS', 'SOA', 'A'),
        { name: 'local', type: 'A' },
        { name: 'x.notalt.local', type: 'A' },
        { name: '1.0.1.10.in-addr.arpa', type: 'PTR' },
      ],
    },
  ],
};
