import { type Scenario, withTypes } from './scenario.ts';

const both = (service: string) => withTypes(`${service}.service.consul`, 'SRV', 'A', 'AAAA', 'ANY');

/** Each form an instance's address can take (F2.8), and what comes of it. */
export const targets: Scenario = {
  name: 'targets',
  steps: [
    {
      put(consul) {
        consul.addNode({ name: 'v4', address: '10.0.0.1', meta: {} });
        consul.addNode({ name: 'v6', address: '2001:db8::1', meta: {} });
        consul.addNode({ name: 'Named.Node', address: 'host.example.com', meta: {} });
        consul.addNode({ name: 'alias', address: 'plain.service.consul', meta: {} });
        consul.addNode({ name: 'at-node', address: 'v4.node.consul', meta: { rack: 'r1' } });
        consul.register({ name: 'plain', node: 'v4', address: '10.1.0.1', port: 1 });
        consul.register({ name: 'sixth', node: 'v4', address: '2001:db8::5', port: 1 });
        consul.register({ name: 'same', node: 'v4', address: '10.0.0.1', port: 1 });
        consul.register({ name: 'bare', node: 'v4', port: 1 });
        consul.register({ name: 'bare6', node: 'v6', port: 1 });
        consul.register({ name: 'external', node: 'v4', address: 'some.host.example.com', port: 443 });
        consul.register({ name: 'dotted', node: 'v4', address: 'some.host.example.com.', port: 443 });
        consul.register({ name: 'single', node: 'v4', address: 'localhost', port: 443 });
        consul.register({ name: 'noded', node: 'Named.Node', port: 80 });
        consul.register({ name: 'aliased', node: 'alias', port: 80 });
        consul.register({ name: 'onnode', node: 'at-node', port: 80 });
        consul.register({ name: 'itself', node: 'v4', address: 'itself.service.consul', port: 80 });
        consul.register({ name: 'second', node: 'v4', address: 'plain.service.consul', port: 80 });
        consul.register({ name: 'third', node: 'v4', address: 'second.service.consul', port: 80 });
        consul.register({ name: 'fourth', node: 'v4', address: 'third.service.consul', port: 80 });
        consul.register({ name: 'fifth', node: 'v4', address: 'fourth.service.consul', port: 80 });
        consul.register({ name: 'ping', node: 'v4', address: 'pong.service.consul', port: 80 });
        consul.register({ name: 'pong', node: 'v4', address: 'ping.service.consul', port: 80 });
        consul.register({ name: 'mixed', node: 'v4', address: '10.1.0.9', port: 80 });
        consul.register({ name: 'mixed', node: 'v4', address: 'some.host.example.com', port: 80 });
        consul.register({ name: 'noport', node: 'v4', address: '10.1.0.8' });
      },
      asks: [
        ...[
          'plain',
          'sixth',
          'same',
          'bare',
          'bare6',
          'external',
          'dotted',
          'single',
          'noded',
          'aliased',
          'onnode',
        ].flatMap(both),
        ...['itself', 'second', 'third', 'fourth', 'fifth', 'ping', 'noport'].flatMap(both),
        ...withTypes('mixed.service.consul', 'A', 'AAAA'),
        { name: 'mixed.service.consul', replies: 2 },
        { name: 'Itself.service.consul' },
        { name: 'fifth.service.consul', edns: 1232 },
        ...withTypes('named.node.node.consul', 'A', 'TXT', 'ANY', 'SRV'),
        ...withTypes('alias.node.consul', 'A', 'AAAA'),
        ...withTypes('at-node.node.consul', 'A', 'ANY', 'TXT'),
        ...withTypes('v6.node.consul', 'A', 'AAAA', 'ANY', 'SRV'),
      ],
    },
  ],
};

/** Several addresses behind one target: at most five without EDNS, and before that three from a lookup of its own (F2.9). */
export const manyAddresses: Scenario = {
  name: 'many addresses behind one name',
  steps: [
    {
      put(consul) {
        for (let index = 1; index <= 8; index++) {
          consul.register({ name: 'many', address: `10.1.0.${index}`, port: 1 });
          if (index <= 2) consul.register({ name: 'pair', address: `10.2.0.${index}`, port: 1 });
        }
        consul.register({ name: 'tomany', address: 'many.service.consul', port: 80 });
        consul.register({ name: 'topair', address: 'pair.service.consul', port: 80 });
      },
      asks: [
        { name: 'topair.service.consul', replies: 2 },
        { name: 'topair.service.consul', type: 'A', replies: 2 },
        { name: 'tomany.service.consul', part: true },
        { name: 'tomany.service.consul', edns: 1232, part: true },
        { name: 'tomany.service.consul', type: 'A', part: true },
        { name: 'tomany.service.consul', type: 'A', transport: 'tcp', part: true },
        { name: 'tomany.service.consul', type: 'A', edns: 1232, part: true },
      ],
    },
  ],
};

/** With a second, tagged address: A and AAAA tell them apart, SRV and ANY give the IPv6 one only (F2.11). */
export const dualStack: Scenario = {
  name: 'dual stack',
  steps: [
    {
      put(consul) {
        consul.addNode({
          name: 'both',
          address: '10.0.0.1',
          meta: {},
          taggedAddresses: { lan_ipv6: '2001:db8::11' },
        });
        consul.register({
          name: 'ds',
          address: '10.1.1.1',
          port: 80,
          taggedAddresses: { lan_ipv6: { address: '2001:db8::77', port: 8866 } },
        });
        consul.register({
          name: 'ds4',
          address: '2001:db8::78',
          port: 80,
          taggedAddresses: { lan_ipv4: { address: '10.1.1.2', port: 8844 } },
        });
        consul.register({ name: 'dsnode', node: 'both', port: 80 });
      },
      asks: [
        ...both('ds'),
        ...both('ds4'),
        ...both('dsnode'),
        ...withTypes('both.node.consul', 'A', 'AAAA', 'ANY'),
      ],
    },
  ],
};
