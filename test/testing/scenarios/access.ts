import { type Scenario, withTypes } from './scenario.ts';

const asks = [
  ...withTypes('web.service.consul', 'SRV', 'A', 'NS', 'SOA'),
  { name: 'web.service.consul', edns: 1232 },
  ...withTypes('own.node.consul', 'A', 'SRV', 'TXT'),
  ...withTypes('consul', 'NS', 'SOA', 'A'),
  { name: 'web.service.dc9.consul' },
  { name: 'nosuch.query.consul' },
  { name: 'known.query.consul' },
  { name: 'web.connect.consul' },
  { name: 'web.virtual.consul', type: 'A' as const },
  { name: '0a010001.addr.consul', type: 'A' as const },
  { name: '1.0.0.127.in-addr.arpa', type: 'PTR' as const },
  { name: '1.0.0.127.in-addr.arpa', type: 'PTR' as const, edns: 1232 },
  { name: 'foo.consul', type: 'A' as const },
  { name: 'example.com', type: 'A' as const },
];

/** A token that may see nothing: NXDOMAIN, like a typo (F5.4, F5.20). */
export const denied: Scenario = {
  name: 'ACL denies',
  options: { node: 'own' },
  steps: [{ put: (consul) => consul.dns.acl('deny'), asks }],
};

/** A token the cluster does not know, for instance because it expired: SERVFAIL (F5.5, F12.14). */
export const unknownToken: Scenario = {
  name: 'unknown token',
  options: { node: 'own' },
  steps: [
    {
      put(consul) {
        consul.addQuery({ name: 'known', service: 'web' });
        consul.dns.acl('unknown-token');
      },
      asks,
    },
  ],
};
