import type { RecursorZone } from '../../../src/testing/recursor.ts';
import { type Scenario, withTypes } from './scenario.ts';

const zone: RecursorZone = {
  'direct.example.com': [{ type: 'A', data: '192.0.2.7', ttl: 77 }],
  'both.example.com': [
    { type: 'A', data: '192.0.2.8', ttl: 77 },
    { type: 'AAAA', data: '2001:db8::8', ttl: 77 },
  ],
  'c1.example.com': [{ type: 'CNAME', data: 'c2.example.com', ttl: 5 }],
  'c2.example.com': [{ type: 'CNAME', data: 'direct.example.com', ttl: 6 }],
  'l1.example.com': [{ type: 'CNAME', data: 'l2.example.com' }],
  'l2.example.com': [{ type: 'CNAME', data: 'l3.example.com' }],
  'l3.example.com': [{ type: 'CNAME', data: 'l1.example.com' }],
  'dangling.example.com': [{ type: 'CNAME', data: 'nowhere.example.com' }],
  'many.example.com': [1, 2, 3, 4, 5, 6, 7, 8].map((index) => ({
    type: 'A',
    data: `192.0.2.${10 + index}`,
    ttl: 9,
  })),
  'servfail.example.com': 'SERVFAIL',
  'refused.example.com': 'REFUSED',
};
const services = Object.keys(zone).map((host) => host.split('.')[0]!);

/** External host names with recursors: CNAME and A beside the SRV, chains, loops, and failures (F2.9, F2.10, F5.13). */
export const recursors: Scenario = {
  name: 'recursors',
  options: { recursor: zone, serviceTtl: 4_000, nodeMeta: {} },
  steps: [
    {
      put(consul) {
        consul.addNode({ name: 'n', address: '10.0.0.1', meta: {} });
        consul.addNode({ name: 'outside', address: 'c1.example.com', meta: {} });
        for (const name of services)
          consul.register({ name, node: 'n', address: `${name}.example.com`, port: 443 });
        consul.register({ name: 'unknown', node: 'n', address: 'unknown.example.com', port: 443 });
        consul.register({ name: 'noded', node: 'outside', port: 443 });
      },
      asks: [
        ...[...services, 'unknown', 'noded'].flatMap((name) =>
          withTypes(`${name}.service.consul`, 'SRV', 'A', 'AAAA'),
        ),
        { name: 'many.service.consul', edns: 4096 },
        { name: 'many.service.consul', type: 'A', edns: 4096 },
        { name: 'many.service.consul', type: 'A', transport: 'tcp' },
        { name: 'outside.node.consul', type: 'A' },
        { name: 'unknown.service.consul', type: 'A', edns: 1232 },
        { name: 'nosuch.service.consul', type: 'A' },
        ...withTypes('direct.example.com', 'A', 'AAAA'),
        { name: 'c1.example.com', type: 'A' },
        { name: 'servfail.example.com', type: 'A', edns: 1232 },
        { name: 'refused.example.com', type: 'A' },
        { name: 'nowhere.example.com', type: 'A' },
      ],
    },
  ],
};
