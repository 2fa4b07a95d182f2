import { type Scenario, withTypes } from './scenario.ts';

const two = (http: number) => [
  { name: 'http', port: http, default: true },
  { name: 'admin', port: http + 1000 },
];

/** Several ports: `.port` names, the port in capitals nobody can name, NXDOMAIN with answers, also trimmed (F1.8, F12.11). */
export const ports: Scenario = {
  name: 'named ports',
  versions: ['1.22.7'],
  steps: [
    {
      put(consul) {
        consul.addNode({ name: 'p', address: '10.0.0.1', meta: {} });
        consul.register({ name: 'one', node: 'p', address: '10.1.0.1', ports: two(8000) });
        consul.register({
          name: 'caps',
          node: 'p',
          address: '10.1.0.2',
          ports: [{ name: 'HTTP', port: 1, default: true }],
        });
        for (let index = 0; index < 2; index++) {
          consul.register({
            name: 'rollout',
            node: 'p',
            address: `10.2.0.${index}`,
            ports: two(8000 + index),
          });
        }
        consul.register({ name: 'rollout', node: 'p', address: '10.2.0.9', port: 80 });
        for (let index = 0; index < 40; index++) {
          consul.register({ name: 'wide', node: 'p', address: `10.3.0.${index}`, ports: two(8000 + index) });
        }
        consul.register({ name: 'wide', node: 'p', address: '10.3.0.99', port: 80 });
      },
      asks: [
        { name: 'one.service.consul' },
        ...withTypes('one.service.admin.port.consul', 'SRV', 'A', 'AAAA', 'ANY'),
        { name: '_one._tcp.service.admin.port.consul' },
        { name: '_one._tcp.admin.port.consul' },
        { name: 'one.service.dc1.dc.admin.port.consul' },
        { name: 'one.service.admin.port.dc1.consul' },
        { name: 'one.service.nope.port.consul' },
        { name: 'one.service.ADMIN.port.consul' },
        { name: 'caps.service.http.port.consul' },
        { name: 'caps.service.HTTP.port.consul' },
        { name: 'caps.service.consul' },
        { name: 'rollout.service.http.port.consul', replies: 5 },
        { name: 'rollout.service.http.port.consul', edns: 1232, replies: 5 },
        { name: 'rollout.service.http.port.consul', type: 'A' },
        { name: 'wide.service.http.port.consul', replies: 12, part: true },
        { name: 'wide.service.http.port.consul', edns: 1232, replies: 8, part: true },
      ],
    },
  ],
};
