import { type Benchmark, verdict } from '../benchmark.ts';
import { inChild } from '../child.ts';
import { startDnsServer } from '../consul.ts';
import { median } from '../statistics.ts';
import type { Result, Results, Task } from './measure.ts';

const service = 'web';
const instances = Array.from({ length: 8 }, (_, i) => ({
  service,
  address: `10.0.0.${i + 1}`,
  port: 8_001 + i,
}));

const variants = [
  // As in a program that has run for a while: the compiler has had its say on all of it.
  { title: 'sockets kept open', each: false, warmUp: 8_000 },
  { title: 'all new for each resolve', each: true, warmUp: 3_000 },
];

const contenders = [
  { key: 'raw', title: 'one raw round trip, dns-packet' },
  { key: 'ours', title: 'discovery.resolve()' },
  { key: 'node', title: 'dns.Resolver: SRV, then A of each' },
] as const;

/** A resolve past the cache beside the round trip that it cannot do without. */
export const resolve: Benchmark = {
  name: 'resolve',
  about: 'cold discovery.resolve() of 8 instances beside one raw round trip and dns.Resolver',
  async run({ smoke, progress }) {
    progress('starting a server');
    const server = await startDnsServer(instances);
    const rounds = smoke ? 12 : 1_200;
    const passes = smoke ? 1 : 3;
    const results = variants.map((): Results[] => []);
    try {
      for (let pass = 1; pass <= passes; pass++) {
        for (const [i, { title, each, warmUp }] of variants.entries()) {
          progress(`pass ${pass} of ${passes}: ${title}, ${server.what}`);
          const warm = smoke ? 6 : warmUp;
          const task: Task = { service, instances, port: server.port, each, rounds, warmUp: warm };
          results[i]!.push(await inChild<Results>(new URL('./measure.js', import.meta.url), task));
        }
      }
    } finally {
      await server.close();
    }
    return {
      title: `resolve(), ${instances.length} instances, ${server.what}`,
      columns: ['what', 'sockets', 'median µs', 'p99 µs', '× raw', '× raw early', 'found', 'target'],
      rows: variants.flatMap(({ title }, i) =>
        contenders.map((contender) => {
          const of = (key: keyof Results, figure: keyof Result) =>
            results[i]!.map((pass) => pass[key][figure]);
          const ratio = (figure: 'median' | 'early') =>
            median(of(contender.key, figure).map((time, pass) => time / of('raw', figure)[pass]!));
          const toRaw = ratio('median');
          const found = Math.min(...of(contender.key, 'found'));
          const wrong = of(contender.key, 'wrong').reduce((sum, count) => sum + count, 0);
          const checks = [
            { text: '≤ 1.1×', met: toRaw <= 1.1 },
            { text: `${instances.length} found`, met: found === instances.length && wrong === 0 },
          ];
          return [
            contender.title,
            title,
            median(of(contender.key, 'median')).toFixed(0),
            median(of(contender.key, 'p99')).toFixed(0),
            toRaw.toFixed(2),
            ratio('early').toFixed(2),
            `${found} of ${instances.length}${wrong > 0 ? `, ${wrong} wrong` : ''}`,
            contender.key === 'ours' && !smoke ? verdict(checks) : '',
          ];
        }),
      ),
      notes: [
        `Medians over processes of ${rounds} rounds after some thousand that do not count; "early": the first 100 of a process instead, in code that is not compiled yet.`,
        '"found": the fewest in any round, with the right address and port.',
        'dns.Resolver advertises a small UDP size or none, so Consul may leave instances out without a word.',
      ],
      data: results,
    };
  },
};
