import { type Scenario, withTypes } from './scenario.ts';

/** Sidecars, services that speak the mesh's protocol, ingress gateways (F1.12), and mesh addresses (F12.12). */
export const mesh: Scenario = {
  name: 'mesh',
  options: { serviceTtl: { web: 30_000, '*': 10_000 }, nodeTtl: 5_000 },
  steps: [
    {
      put(consul) {
        consul.addNode({ name: 'm', address: '10.0.0.1', meta: { rack: 'r1' } });
        consul.register({ name: 'web', id: 'web', node: 'm', address: '10.1.0.1', port: 8080, tags: ['v1'] });
        consul.register({
          name: 'web-sidecar-proxy',
          node: 'm',
          address: '10.1.0.1',
          port: 21_000,
          sidecarFor: 'web',
        });
        consul.register({ name: 'nodeside', node: 'm', port: 8081 });
        consul.register({ name: 'nodeside-sidecar-proxy', node: 'm', port: 21_001, sidecarFor: 'nodeside' });
        consul.register({ name: 'native', node: 'm', address: '10.1.0.2', port: 9000, native: true });
        consul.register({ name: 'plain', node: 'm', address: '10.1.0.3', port: 9001 });
      },
      asks: [
        ...withTypes('web.connect.consul', 'SRV', 'A', 'AAAA'),
        { name: 'nodeside.connect.consul' },
        { name: 'v1.web.connect.consul' },
        { name: 'anytag.web.connect.consul' },
        { name: '_web._tcp.connect.consul' },
        { name: 'web.connect.dc1.consul' },
        { name: 'native.connect.consul' },
        { name: 'plain.connect.consul' },
        { name: 'web-sidecar-proxy.service.consul' },
        { name: 'web.service.consul' },
        { name: 'nosuch.connect.consul' },
        { name: 'web.ingress.consul' },
      ],
    },
  ],
};

export const ingress: Scenario = {
  name: 'ingress',
  steps: [
    {
      put(consul) {
        consul.addNode({ name: 'g', address: '10.0.0.1', meta: {} });
        consul.register({ name: 'shop', node: 'g', address: '10.1.0.1', port: 8080 });
        consul.register({
          name: 'gateway',
          node: 'g',
          address: '10.1.0.9',
          port: 9999,
          ingressFor: ['shop'],
        });
      },
      asks: [
        ...withTypes('shop.ingress.consul', 'SRV', 'A'),
        { name: 'tag.shop.ingress.consul' },
        { name: 'gateway.service.consul' },
        { name: 'gateway.ingress.consul' },
      ],
    },
  ],
};

/** Not asked with SRV here: that ends an agent of 1.19.0 at once. */
export const virtual: Scenario = {
  name: 'mesh addresses',
  versions: ['1.19.0', '1.22.7'],
  options: { nodeTtl: 5_000 },
  steps: [
    {
      put: (consul) => consul.setVirtualAddress('vweb', '240.0.0.1'),
      asks: [
        ...withTypes('vweb.virtual.consul', 'A', 'AAAA', 'ANY', 'TXT'),
        { name: 'VWeb.Virtual.Consul', type: 'A' },
        { name: 'tag.vweb.virtual.consul', type: 'A' },
        { name: 'vweb.virtual.dc1.consul', type: 'A' },
        { name: 'vweb.virtual.dc1.dc.consul', type: 'A' },
        { name: 'vweb.virtual.east.peer.consul', type: 'A' },
        { name: 'nosuch.virtual.consul', type: 'A' },
        { name: 'vweb.virtual.consul', type: 'A', edns: 1232 },
      ],
    },
  ],
};

export const virtualSrv: Scenario = {
  name: 'mesh addresses and SRV',
  versions: ['1.22.7'],
  steps: [
    {
      put: (consul) => consul.setVirtualAddress('vweb', '240.0.0.1'),
      asks: withTypes('vweb.virtual.consul', 'SRV', 'MX'),
    },
  ],
};
