import { type Scenario, withTypes } from './scenario.ts';

/** Another datacenter, WAN-joined: its names, its targets, and what is left of it once it cannot be reached (F7). */
export const datacenters: Scenario = {
  name: 'datacenters',
  options: { node: 'a1' },
  steps: [
    {
      put(consul) {
        consul.addNode({ name: 'b1', address: '10.50.0.1', datacenter: 'dc2', meta: {} });
        consul.register({ name: 'web', node: 'b1', datacenter: 'dc2', address: '10.51.0.1', port: 80 });
        consul.register({ name: 'bare', node: 'b1', datacenter: 'dc2', port: 81 });
        consul.register({ name: 'here', address: '10.1.0.1', port: 82 });
        consul.register({ name: 'sick', address: '10.1.0.2', port: 83, status: 'critical' });
        consul.register({
          name: 'sick',
          node: 'b1',
          datacenter: 'dc2',
          address: '10.51.0.2',
          port: 83,
          status: 'warning',
        });
        consul.addQuery({ name: 'webf', service: 'web', failover: ['dc9', 'dc2'], ttl: 3_000 });
        consul.addQuery({ name: 'sickf', service: 'sick', failover: ['dc2'] });
        consul.addQuery({ name: 'passing', service: 'sick', failover: ['dc2'], onlyPassing: true });
        consul.addQuery({ name: 'none', service: 'nosuch', failover: ['dc2'] });
        consul.addQuery({ name: 'away', service: 'web', datacenter: 'dc2' });
      },
      asks: [
        ...withTypes('web.service.dc2.consul', 'SRV', 'A'),
        { name: 'web.service.DC2.consul' },
        { name: '_web._tcp.dc2.consul' },
        { name: 'bare.service.dc2.consul' },
        { name: 'web.service.consul' },
        { name: 'here.service.dc2.consul' },
        { name: 'nosuch.service.dc2.consul' },
        { name: 'web.service.dc9.consul' },
        ...withTypes('b1.node.dc2.consul', 'A', 'TXT'),
        { name: 'b1.node.consul', type: 'A' },
        { name: 'b1.node.dc9.consul', type: 'A' },
        ...withTypes('webf.query.consul', 'SRV', 'A'),
        { name: 'webf.query.dc2.consul' },
        { name: 'webf.query.dc9.consul' },
        { name: 'sickf.query.consul' },
        { name: 'passing.query.consul' },
        { name: 'none.query.consul' },
        { name: 'away.query.consul' },
        { name: 'away.query.dc2.consul' },
        { name: '1.0.51.10.in-addr.arpa', type: 'PTR' },
      ],
    },
    {
      put: (consul) => consul.dns.unreachable('dc2', true),
      asks: [
        ...withTypes('web.service.dc2.consul', 'SRV', 'A'),
        { name: 'web.service.dc2.consul', edns: 1232 },
        { name: 'b1.node.dc2.consul', type: 'A' },
        { name: 'away.query.dc2.consul' },
        { name: 'web.service.dc9.consul' },
        { name: 'here.service.consul' },
        { name: 'webf.query.consul' },
      ],
    },
  ],
};

/** With translate_wan_addrs, instances of other datacenters are at their WAN addresses and ports (F7.5). */
export const wan: Scenario = {
  name: 'WAN addresses',
  options: { node: 'a1', translateWan: true },
  steps: [
    {
      put(consul) {
        const wanOf = (address: string) => ({ wan: { address, port: 8181 } });
        consul.addNode({
          name: 'b1',
          address: '10.50.0.1',
          datacenter: 'dc2',
          meta: {},
          taggedAddresses: { wan: '203.0.113.1' },
        });
        consul.register({
          name: 'web',
          node: 'b1',
          datacenter: 'dc2',
          address: '10.51.0.1',
          port: 80,
          taggedAddresses: wanOf('203.0.113.11'),
        });
        consul.register({
          name: 'full',
          node: 'b1',
          datacenter: 'dc2',
          address: '10.51.0.3',
          port: 83,
          taggedAddresses: {
            wan: { address: '203.0.113.13', port: 8383 },
            wan_ipv4: { address: '203.0.113.14', port: 8484 },
          },
        });
        consul.register({ name: 'bare', node: 'b1', datacenter: 'dc2', port: 81 });
        consul.register({
          name: 'here',
          address: '10.1.0.1',
          port: 82,
          taggedAddresses: wanOf('203.0.113.12'),
        });
      },
      asks: [
        ...withTypes('web.service.dc2.consul', 'SRV', 'A'),
        ...withTypes('full.service.dc2.consul', 'SRV', 'A', 'AAAA'),
        ...withTypes('bare.service.dc2.consul', 'SRV', 'A'),
        ...withTypes('here.service.consul', 'SRV', 'A'),
        ...withTypes('b1.node.dc2.consul', 'A'),
      ],
    },
  ],
};

/** Services imported from a peer: no datacenter in their targets, the peer in the names of their nodes (F1.13). */
export const peers: Scenario = {
  name: 'peers',
  versions: ['1.19.0', '1.22.7'],
  steps: [
    {
      put(consul) {
        consul.addNode({
          name: 'far',
          address: '10.60.0.1',
          peer: 'east',
          datacenter: 'dcp',
          meta: { rack: 'r9' },
        });
        consul.addNode({ name: 'near', address: '10.60.0.2', meta: {} });
        consul.register({
          name: 'web',
          node: 'far',
          peer: 'east',
          address: '10.61.0.1',
          port: 80,
          tags: ['v1'],
        });
        consul.register({ name: 'bare', node: 'far', peer: 'east', port: 81 });
        consul.register({ name: 'equal', node: 'far', peer: 'east', address: '10.60.0.1', port: 82 });
        consul.register({ name: 'web', node: 'near', address: '10.61.0.2', port: 83 });
      },
      asks: [
        ...withTypes('web.service.east.peer.consul', 'SRV', 'A', 'AAAA'),
        { name: 'v1.web.service.east.peer.consul' },
        { name: '_web._v1.service.east.peer.consul' },
        { name: '_web._tcp.east.peer.consul' },
        { name: 'bare.service.east.peer.consul' },
        { name: 'equal.service.east.peer.consul' },
        { name: 'web.service.consul' },
        { name: 'bare.service.consul' },
        { name: 'web.service.west.peer.consul' },
        { name: 'web.service.east.peer.dc1.dc.consul' },
        { name: 'web.service.east.consul' },
        ...withTypes('far.node.east.peer.consul', 'A', 'TXT', 'ANY'),
        { name: 'far.node.consul', type: 'A' },
        { name: '1.0.60.10.in-addr.arpa', type: 'PTR' },
        { name: '1.0.61.10.in-addr.arpa', type: 'PTR' },
      ],
    },
  ],
};
