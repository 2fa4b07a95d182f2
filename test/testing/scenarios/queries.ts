import { type Scenario, withTypes } from './scenario.ts';

/** Prepared queries: dots, tags, TTLs, and the order of `Near` (F1.9, F1.10). */
export const queries: Scenario = {
  name: 'prepared queries',
  options: { serviceTtl: { near: 8_000, q: 9_000 }, nodeTtl: 5_000 },
  steps: [
    {
      put(consul) {
        for (const index of [1, 2, 3])
          consul.addNode({ name: `p${index}`, address: `10.0.0.${index}`, meta: {} });
        for (const index of [1, 2, 3]) {
          consul.register({
            name: 'near',
            node: `p${index}`,
            address: `10.1.0.${index}`,
            port: index,
            tags: [`t${index}`],
          });
        }
        consul.addQuery({ name: 'nearest', service: 'near', near: ['p2', 'p1', 'p3'] });
        consul.addQuery({ name: 'q', service: 'near', tag: 't3' });
        consul.addQuery({ name: 'zero', service: 'near', tag: 't1', ttl: 0 });
        consul.addQuery({ name: 'fine', service: 'near', tag: 't1', ttl: 1_500 });
        consul.addQuery({ name: 'empty', service: 'nosuch' });
      },
      asks: [
        { name: 'nearest.query.consul', replies: 6 },
        { name: 'nearest.query.consul', type: 'A', replies: 6 },
        ...withTypes('q.query.consul', 'SRV', 'A', 'AAAA'),
        { name: 'zero.query.consul' },
        { name: 'fine.query.consul' },
        { name: '_fine._tcp.query.consul' },
        { name: 'empty.query.consul' },
        { name: 'nosuch.query.consul' },
        { name: 'tag.q.query.consul' },
        { name: 'q.query.dc1.consul' },
        { name: 'q.query.dc1.dc.consul' },
      ],
    },
  ],
};
