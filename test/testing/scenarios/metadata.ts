import { type Scenario, withTypes } from './scenario.ts';

/** A metadata string of more than 255 bytes silences what carries it: no reply where there would have been one (F12.5). */
export const silence: Scenario = {
  name: 'a metadata string of 256 bytes',
  steps: [
    {
      put(consul) {
        consul.addNode({ name: 'long', address: '10.0.0.1', meta: { k: 'v'.repeat(254) } });
        consul.addNode({ name: 'fits', address: '10.0.0.2', meta: { k: 'v'.repeat(253) } });
        consul.register({ name: 'long', node: 'long', address: '10.1.0.1', port: 1 });
        consul.register({ name: 'fits', node: 'fits', address: '10.1.0.2', port: 1 });
        for (let index = 1; index <= 12; index++) {
          consul.register({
            name: 'twelve',
            node: index === 1 ? 'long' : 'fits',
            address: `10.2.0.${index}`,
            port: index,
          });
        }
      },
      asks: [
        ...withTypes('fits.service.consul', 'SRV', 'A'),
        ...withTypes('long.service.consul', 'SRV', 'A'),
        { name: 'long.service.consul', transport: 'tcp' },
        ...withTypes('long.node.consul', 'A', 'SRV'),
        { name: 'twelve.service.consul', part: true },
        { name: 'twelve.service.consul', edns: 600, part: true },
        { name: 'twelve.service.consul', edns: 65_000 },
        { name: 'twelve.service.consul', transport: 'tcp' },
        { name: 'twelve.service.consul', type: 'A', edns: 1232 },
      ],
    },
  ],
};

/** Without compression fewer answers fit (F4.11). */
export const uncompressed: Scenario = {
  name: 'disable_compression',
  options: { disableCompression: true, node: 'own', nodeMeta: {} },
  steps: [
    {
      put(consul) {
        consul.addNode({ name: 'u', address: '10.0.0.1', meta: {} });
        for (let index = 0; index < 60; index++) {
          consul.register({ name: 'sixty', node: 'u', address: `10.1.0.${index}`, port: 6000 + index });
        }
        consul.register({ name: 'one', node: 'u', address: '10.1.0.1', port: 1 });
      },
      asks: [
        ...withTypes('one.service.consul', 'SRV', 'A'),
        { name: 'nosuch.service.consul' },
        { name: 'sixty.service.consul', part: true },
        { name: 'sixty.service.consul', edns: 1232, part: true },
        { name: 'sixty.service.consul', edns: 4096, part: true },
        { name: 'sixty.service.consul', type: 'A', edns: 1232, part: true },
        { name: 'sixty.service.consul', transport: 'tcp' },
      ],
    },
  ],
};
