import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DnsRecord, type DnsReply, decodeReply } from '../../src/dns/reply.ts';
import { ipText } from '../../src/ip.ts';
import { ipFromHexTarget } from '../../src/resolver/hex-target.ts';
import { tellApart } from '../../src/resolver/own-name-targets.ts';
import { a, hex, instances, scriptedDns, srv, txt, upTo } from './scripted-dns.ts';

const own = 'web.service.dc1.consul';
const isConsuls = (name: string) => name.endsWith('.consul');

function reply(answers: readonly [string, number][], addresses: readonly [string, string][]): DnsReply {
  return {
    rcode: 'NOERROR',
    truncated: false,
    answers: answers.map(([target, port]) => ({
      type: 'SRV',
      name: 'web.service.consul',
      ttl: 0,
      priority: 1,
      weight: 1,
      port,
      target,
    })),
    answerCount: answers.length,
    additionals: addresses.map(([name, host]) => ({
      type: host.includes(':') ? 'AAAA' : 'A',
      name,
      ttl: 0,
      host,
    })),
    additionalCount: addresses.length,
    textCount: 0,
    hasOpt: false,
    size: 100,
  };
}

const told = (
  answers: readonly [string, number][],
  addresses: readonly [string, string][],
  question = 'web.service.consul',
) => {
  const { reply: result, ...rest } = tellApart(reply(answers, addresses), question, isConsuls);
  return { ...rest, shown: result.answers.map(shown) };
};
const shown = (record: DnsRecord) =>
  record.type === 'SRV' ? `${record.target}:${record.port}` : record.type;

describe('the targets of Consul 1.19.0, one name for all instances', () => {
  it('in a whole reply are told apart by the order of the records', () => {
    expect(
      told(
        [
          [own, 8001],
          [own, 8002],
          [own, 8003],
        ],
        [
          [own, '10.0.0.1'],
          [own, '10.0.0.2'],
          [own, '2001:db8::3'],
        ],
      ),
    ).toEqual({
      ambiguous: own,
      unusable: false,
      shown: [
        '0a000001.addr.dc1.consul:8001',
        '0a000002.addr.dc1.consul:8002',
        '20010db8000000000000000000000003.addr.dc1.consul:8003',
      ],
    });
  });

  it('are told apart also where target and port are the same for all', () => {
    const { shown: result } = told(
      [
        [own, 80],
        [own, 80],
      ],
      [
        [own, '10.0.0.1'],
        [own, '10.0.0.2'],
      ],
    );
    expect(result).toEqual(['0a000001.addr.dc1.consul:80', '0a000002.addr.dc1.consul:80']);
  });

  it('are told apart where each of two nodes has two ports, so that addresses are repeated', () => {
    const { shown: result } = told(
      [
        [own, 7001],
        [own, 7001],
        [own, 7002],
        [own, 7002],
      ],
      [
        [own, '10.0.0.2'],
        [own, '10.0.0.1'],
        [own, '10.0.0.2'],
        [own, '10.0.0.1'],
      ],
    );
    expect(result).toEqual([
      '0a000002.addr.dc1.consul:7001',
      '0a000001.addr.dc1.consul:7001',
      '0a000002.addr.dc1.consul:7002',
      '0a000001.addr.dc1.consul:7002',
    ]);
  });

  it('in a trimmed reply, with one address for all, are left out, and the others stay', () => {
    expect(
      told(
        [
          [own, 8001],
          [hex(9), 8009],
          [own, 8002],
        ],
        [
          [own, '10.0.0.1'],
          [hex(9), '10.1.0.9'],
        ],
      ),
    ).toEqual({ ambiguous: own, unusable: true, shown: [`${hex(9)}:8009`] });
  });

  it('without any address are of no use either', () => {
    const { unusable, shown: result } = told(
      [
        [own, 8001],
        [own, 8002],
      ],
      [],
    );
    expect([unusable, result]).toEqual([true, []]);
  });

  it('stand among others, and only their own records count', () => {
    expect(
      told(
        [
          [hex(9), 8009],
          [own, 8001],
          ['n3.node.dc1.consul', 8003],
          [own, 8002],
        ],
        [
          [hex(9), '10.1.0.9'],
          [own, '10.0.0.1'],
          ['n3.node.dc1.consul', '10.0.0.3'],
          [own, '10.0.0.2'],
          ['other.service.dc1.consul', '10.0.0.66'],
        ],
      ).shown,
    ).toEqual([
      `${hex(9)}:8009`,
      '0a000001.addr.dc1.consul:8001',
      'n3.node.dc1.consul:8003',
      '0a000002.addr.dc1.consul:8002',
    ]);
  });

  it('are no riddle for one instance alone, or for several at one address; each has that in its target', () => {
    expect(told([[own, 8001]], [[own, '10.0.0.1']])).toEqual({
      ambiguous: undefined,
      unusable: false,
      shown: ['0a000001.addr.dc1.consul:8001'],
    });
    const same = told(
      [
        [own, 8001],
        [own, 8002],
      ],
      [
        [own, '10.0.0.1'],
        [own, '10.0.0.1'],
      ],
    );
    expect([same.ambiguous, same.shown]).toEqual([
      undefined,
      ['0a000001.addr.dc1.consul:8001', '0a000001.addr.dc1.consul:8002'],
    ]);
  });

  it('are known by the service that was asked for, however that was written', () => {
    const two = [
      [own, 1],
      [own, 2],
    ] as [string, number][];
    const hosts = [
      [own, '10.0.0.1'],
      [own, '10.0.0.2'],
    ] as [string, string][];
    for (const question of [
      'web.service.consul',
      'WEB.Service.dc1.consul',
      'v1.2.3.web.service.consul',
      '_web._v1.service.consul',
      'web.service.p1.peer.consul',
      'nearest.query.consul',
    ]) {
      expect([question, told(two, hosts, question).ambiguous]).toEqual([question, own]);
    }
    expect(told(two, hosts, 'other.service.consul').ambiguous).toBe(undefined);
  });

  it('get every address as the hex target that spells it', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(fc.ipV4(), fc.ipV6().map(ipText)), { minLength: 2 }), (hosts) => {
        const { shown: result } = told(
          hosts.map((_, i) => [own, i + 1]),
          hosts.map((host) => [own, host]),
        );
        expect(result.map((text) => ipFromHexTarget(text))).toEqual(hosts);
      }),
    );
  });
});

describe('instances that are registered under the name of another service', () => {
  const other = 'db.service.consul';
  const two = [
    [other, 80],
    [other, 81],
  ] as [string, number][];
  const untouched = { ambiguous: undefined, unusable: false, shown: [`${other}:80`, `${other}:81`] };

  it('are left to be found by that name, whatever addresses come along', () => {
    for (const hosts of [[], ['10.0.0.1'], ['10.0.0.1', '10.0.0.2'], ['10.0.0.1', '10.0.0.1']]) {
      expect(
        told(
          two,
          hosts.map((host) => [other, host]),
        ),
      ).toEqual(untouched);
    }
  });

  it('also behind a prepared query, where all have all addresses or none has any', () => {
    for (const hosts of [[], ['10.0.0.1', '10.0.0.2', '10.0.0.2', '10.0.0.1']]) {
      expect(
        told(
          two,
          hosts.map((host) => [other, host]),
          'nearest.query.consul',
        ),
      ).toEqual(untouched);
    }
  });

  it('are not mistaken for it where a node or a host of somebody else has such a name', () => {
    for (const target of ['a.service.node.dc1.consul', 'web.service.example.com']) {
      const answers = [
        [target, 80],
        [target, 81],
      ] as [string, number][];
      const { ambiguous, shown: result } = told(answers, [[target, '10.0.0.1']], 'nearest.query.consul');
      expect([ambiguous, result]).toEqual([undefined, [`${target}:80`, `${target}:81`]]);
    }
  });

  it('as the resolver shows them: at each address of that service, and those without one do not hurt the rest', async () => {
    const dns = scriptedDns(({ type, name }) => {
      const found = ['10.0.0.1', '10.0.0.2'].map((host) => a(other, host));
      if (type !== 'SRV') return name === other && type === 'A' ? { answers: found } : { rcode: 'NXDOMAIN' };
      const gone = 'gone.service.consul';
      return {
        answers: [srv(other, 80), srv(other, 81), srv(gone, 80), srv(gone, 81), srv(hex(1), 8001)],
        additionals: [
          ...['10.0.0.1', '10.0.0.2', '10.0.0.2', '10.0.0.1'].map((host) => a(other, host)),
          a(hex(1), '10.1.0.1'),
          txt('n1.node.dc1.consul'),
        ],
      };
    });
    expect(await dns.pairs()).toEqual([
      '10.0.0.1:80',
      '10.0.0.1:81',
      '10.0.0.2:80',
      '10.0.0.2:81',
      ...instances([1]),
    ]);
    expect(dns.warnings).toEqual([]);
  });
});

describe('replies of a real Consul 1.19.0', () => {
  const captures: { name: string; setup: string; responseHex: string }[] = JSON.parse(
    readFileSync(new URL('../fixtures/captures-1.19.0.json', import.meta.url), 'utf8'),
  );
  const whole = captures.filter(
    ({ name }) => /SRV.*service address = node address/.test(name) && !/1 A/.test(name),
  );
  const instancesOf = (name: string) => {
    const { responseHex } = captures.find((capture) => capture.name === name)!;
    const decoded = decodeReply(Buffer.from(responseHex, 'hex'))!;
    const question = `${/[a-z]+(?=\.service)/.exec(shown(decoded.answers[0]!))}.service.consul`;
    const domain = (target: string) => /\.(consul|alt\.local)$/.test(target);
    const { reply: result, ...rest } = tellApart(decoded, question, domain);
    const pairs = result.answers.flatMap((record) =>
      record.type === 'SRV' ? [`${ipFromHexTarget(record.target)}:${record.port}`] : [],
    );
    return { ...rest, pairs };
  };

  it.each(whole.map(({ name }) => name))('%s: each port at its own address', (name) => {
    const { pairs, unusable } = instancesOf(name);
    expect(unusable).toBe(false);
    expect(pairs.length).toBeGreaterThanOrEqual(3);
    expect(new Set(pairs).size).toBe(pairs.length);
    // Registered so: 10.2.0.7 has port 20007; or all have 8080.
    for (const pair of pairs) {
      const [, last, port] = /\.(\d+):(\d+)$/.exec(pair)!;
      expect(port === '8080' || Number(port) % 1_000 === Number(last)).toBe(true);
    }
  });

  it('two ports on each of two nodes are four instances', () => {
    expect(instancesOf('SRV two ports on each of two nodes, EDNS 4096').pairs.sort()).toEqual([
      '10.2.0.1:7001',
      '10.2.0.1:7002',
      '10.2.0.2:7001',
      '10.2.0.2:7002',
    ]);
  });

  it.each(captures.filter(({ name }) => /SRV, 1 A$/.test(name)).map(({ name }) => name))(
    '%s: nothing is made of it',
    (name) => {
      expect(instancesOf(name)).toMatchObject({ unusable: true, pairs: [] });
    },
  );
});

describe('against Consul 1.19.0 the resolver', () => {
  const all = upTo(12);
  const whole = (numbers: readonly number[], { text = true } = {}) => ({
    answers: numbers.map((number) => srv(own, 8_000 + number)),
    additionals: numbers.flatMap((number) => [
      a(own, `10.1.0.${number}`),
      ...(text ? [txt(`n${number}.node.dc1.consul`)] : []),
    ]),
  });
  const trimmed = (numbers: readonly number[]) => ({
    answers: whole(numbers).answers,
    additionals: [a(own, `10.1.0.${numbers[0]}`)],
  });

  it('asks by TCP where UDP was trimmed, remembers that, and says what is wrong once', async () => {
    const dns = scriptedDns(({ transport }) => (transport === 'tcp' ? whole(all) : trimmed(all)));
    expect(await dns.pairs()).toEqual(instances(all));
    expect(dns.asks().at(-1)).toBe('SRV tcp');
    expect(await dns.pairs()).toEqual(instances(all));
    expect(dns.asks()).toEqual(['SRV tcp']);
    const codes = new Set(dns.warnings.map(({ code }) => code));
    expect([...codes]).toEqual(['AMBIGUOUS_TARGETS']);
    for (const words of ['1.19.0', '1.19.2', 'v1dns', own]) expect(dns.warnings[0]?.message).toContain(words);
  });

  it('never makes an endpoint of what it cannot tell apart: rather an error that names the version', async () => {
    const dns = scriptedDns(() => trimmed(all));
    const { code, message } = await dns.refusal();
    expect(code).toBe('ERR_DNS_RESPONSE');
    expect(message).toContain('1.19.0');
  });

  it('does not take such replies for an emptiness when the next question fails', async () => {
    let asked = 0;
    for (const transport of ['udp', 'auto'] as const) {
      const dns = scriptedDns(() => (asked++ === 0 ? trimmed(all) : undefined), { transport });
      expect((await dns.refusal()).code).toBe('ERR_DNS_TIMEOUT');
      asked = 0;
    }
  });

  it('keeps instances of several replies apart, which alone in each have the one name', async () => {
    let turn = 0;
    const dns = scriptedDns(() => whole([(turn++ % 2) + 1], { text: false }), { transport: 'tcp' });
    expect(await dns.pairs()).toEqual(instances([1, 2]));
  });

  it('keeps all instances of one port', async () => {
    const dns = scriptedDns(() => ({
      ...whole(all),
      answers: all.map(() => srv(own, 80)),
    }));
    expect(await dns.pairs()).toEqual(all.map((number) => `10.1.0.${number}:80`).sort());
  });
});
