import { afterEach, describe, expect, it } from 'vitest';
import {
  agentMetadata,
  type ConsulDouble,
  type ConsulDoubleOptions,
  createConsulDouble,
} from '../../src/testing/consul-double.ts';
import { askTcp, askUdp, read, request, udpClient } from './ask.ts';

let double: ConsulDouble;
const start = async (options?: ConsulDoubleOptions) => {
  double = await createConsulDouble({ seed: 1, nodeMeta: {}, ...options });
  return double;
};
afterEach(() => double.close());

/** `count` instances at 10.4.0.0:6000, 10.4.0.1:6001 … */
const registerMany = (name: string, count: number) => {
  for (let index = 0; index < count; index++) {
    double.register({ name, address: `10.4.0.${index}`, port: 6000 + index });
  }
};

describe('an SRV answer', () => {
  it('has priority 1, TTL 0, a hex target and its address in the additional section (F2.5, F2.8, F2.12)', async () => {
    await start();
    double.register({ name: 'web', address: '10.1.0.1', port: 8001, weights: { passing: 10, warning: 3 } });
    const reply = await askUdp(double, { name: 'web.service.consul' });
    expect(reply).toMatchObject({
      rcode: 'NOERROR',
      aa: true,
      tc: false,
      answers: ['web.service.consul 0 SRV 1 10 8001 0a010001.addr.dc1.consul'],
      authorities: [],
      additionals: ['0a010001.addr.dc1.consul 0 A 10.1.0.1'],
    });
  });

  it.each([
    [{ address: '10.1.0.1' }, '0a010001.addr.dc1.consul', ['A 10.1.0.1']],
    [{ address: '2001:db8::5' }, '20010db8000000000000000000000005.addr.dc1.consul', ['AAAA 2001:db8::5']],
    [{}, 'double.node.dc1.consul', ['A 127.0.0.1']],
    [{ node: 'Node_Upper' }, 'Node_Upper.node.dc1.consul', ['A 10.0.0.4']],
    [{ address: 'some.host.example.com' }, 'some.host.example.com', []],
    [{ address: 'one.service.consul' }, 'one.service.consul', ['A 10.1.0.9']],
    [{ address: 'web.service.consul' }, 'double.node.dc1.consul', ['A 127.0.0.1']],
    [{ node: 'aliased' }, 'host.example.com', []],
  ])('registered with %j has the target %s (F2.8)', async (where, target, records) => {
    await start();
    double.addNode({ name: 'Node_Upper', address: '10.0.0.4' });
    double.addNode({ name: 'aliased', address: 'host.example.com' });
    double.register({ name: 'one', address: '10.1.0.9', port: 9000 });
    double.register({ name: 'web', port: 80, ...where });
    const reply = await askUdp(double, { name: 'web.service.consul' });
    expect(reply.targets).toEqual([target]);
    expect(reply.additionals).toEqual(records.map((record) => `${target} 0 ${record}`));
  });

  it('comes in every order, each about as often as any other (F2.3)', async () => {
    await start();
    registerMany('web', 3);
    const seen = new Map<string, number>();
    for (let asked = 0; asked < 600; asked++) {
      const { answers } = await askUdp(double, { name: 'web.service.consul' });
      const order = answers.map((record) => record.split(' ')[5]).join();
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    for (const count of seen.values()) expect(Math.abs(count - 100)).toBeLessThan(40);
  });

  it('has one record per node, address and port; two nodes make two equal ones (F2.1, F2.2)', async () => {
    await start();
    double.addNode({ name: 'n2', address: '10.0.0.2' });
    for (let copy = 0; copy < 2; copy++) double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    expect((await askUdp(double, { name: 'web.service.consul' })).answers).toHaveLength(1);
    double.register({ name: 'web', address: '10.1.0.1', port: 80, node: 'n2' });
    const { answers } = await askUdp(double, { name: 'web.service.consul' });
    expect(answers).toHaveLength(2);
    expect(answers[0]).toBe(answers[1]);
  });

  it('repeats an address for each record that shares its target (F2.4)', async () => {
    await start();
    for (const port of [7000, 7001, 7002]) double.register({ name: 'web', address: '10.1.0.4', port });
    const { additionals } = await askUdp(double, { name: 'web.service.consul' });
    expect(additionals).toEqual(new Array(3).fill('0a010004.addr.dc1.consul 0 A 10.1.0.4'));
  });

  it('carries the metadata of each node behind its address (F2.14, F12.1)', async () => {
    await start({ nodeMeta: { rack: 'r1', 'rfc1035-note': 'hello' } });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    const { additionals } = await askUdp(double, { name: 'web.service.consul' });
    expect(additionals[0]).toBe('0a010001.addr.dc1.consul 0 A 10.1.0.1');
    expect(additionals.slice(1).sort()).toEqual([
      'double.node.dc1.consul 0 TXT hello',
      'double.node.dc1.consul 0 TXT rack=r1',
    ]);
  });

  it.each([
    ['1.8.7', ['consul-network-segment=']],
    ['1.22.7', ['consul-network-segment=', 'consul-version=1.22.7']],
  ] as const)('of %s has the metadata an agent publishes by itself (F2.14)', async (version, texts) => {
    double = await createConsulDouble({ version });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    const { additionals } = await askUdp(double, { name: 'web.service.consul' });
    expect(additionals.slice(1).sort()).toEqual(texts.map((text) => `double.node.dc1.consul 0 TXT ${text}`));
  });

  it('carries no metadata where that is switched off (F12.2)', async () => {
    await start({ nodeMeta: { rack: 'r1' }, metaTxt: false });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    expect((await askUdp(double, { name: 'web.service.consul' })).additionals).toHaveLength(1);
  });

  it('takes the weight of the state it is in; 0 is served, too (F2.5)', async () => {
    await start();
    const weights = { passing: 10, warning: 0 };
    const one = double.register({ name: 'web', address: '10.1.0.1', port: 80, weights });
    const weight = async () =>
      (await askUdp(double, { name: 'web.service.consul' })).answers[0]?.split(' ')[4];
    expect(await weight()).toBe('10');
    one.setStatus('warning');
    expect(await weight()).toBe('0');
    one.setWeights({ passing: 10, warning: 7 });
    expect(await weight()).toBe('7');
  });

  it('has the TTL of the services in whole seconds (F2.12)', async () => {
    await start({ serviceTtl: 1500 });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    const { answers, additionals } = await askUdp(double, { name: 'web.service.consul' });
    expect([answers[0]?.split(' ')[1], additionals[0]?.split(' ')[1]]).toEqual(['1', '1']);
  });

  it('is not sent at all with a metadata text over 255 bytes; A still is (F12.5)', async () => {
    await start({ nodeMeta: { long: 'x'.repeat(300) } });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    await using client = await udpClient(double);
    client.send(request({ name: 'web.service.consul' }), request({ name: 'web.service.consul', type: 'A' }));
    expect(read(await client.next()).answers).toEqual(['web.service.consul 0 A 10.1.0.1']);
  });
});

describe('an address answer', () => {
  it('has each address once, in an order of its own (F2.1)', async () => {
    await start();
    for (const port of [1, 2]) double.register({ name: 'web', address: '10.1.0.1', port });
    double.register({ name: 'web', port: 3 });
    const { answers } = await askUdp(double, { name: 'web.service.consul', type: 'A' });
    expect(answers.sort()).toEqual(['web.service.consul 0 A 10.1.0.1', 'web.service.consul 0 A 127.0.0.1']);
  });

  it('comes to TXT and ANY questions, too (F2.15)', async () => {
    await start();
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    for (const type of ['TXT', 'ANY'] as const) {
      const { answers } = await askUdp(double, { name: 'web.service.consul', type });
      expect(answers).toEqual(['web.service.consul 0 A 10.1.0.1']);
    }
  });

  it('is a bare CNAME where no instance has an address, and loses host names where one has (F2.10)', async () => {
    await start();
    double.register({ name: 'web', address: 'some.host.example.com', port: 443 });
    const ask = () => askUdp(double, { name: 'web.service.consul', type: 'A' });
    expect((await ask()).answers).toEqual(['web.service.consul 0 CNAME some.host.example.com']);
    double.register({ name: 'web', address: '10.1.0.1', port: 443 });
    expect((await ask()).answers).toEqual(['web.service.consul 0 A 10.1.0.1']);
    expect((await askUdp(double, { name: 'web.service.consul' })).answers).toHaveLength(2);
  });

  it('can be limited, over TCP, too, and never says so (F4.10)', async () => {
    await start({ aRecordLimit: 4, enableTruncate: true });
    registerMany('web', 12);
    const { answers, tc } = await askTcp(double, { name: 'web.service.consul', type: 'A' });
    expect([answers.length, tc]).toEqual([4, false]);
    expect((await askTcp(double, { name: 'web.service.consul' })).answers).toHaveLength(12);
  });
});

describe('a reply over plain UDP', () => {
  it('has 3 of 12 answers and does not say so (F4.1, F4.2)', async () => {
    await start();
    registerMany('web', 12);
    const { answers, instances, tc } = await askUdp(double, { name: 'web.service.consul' });
    expect([answers.length, tc]).toEqual([3, false]);
    expect(instances.every((instance) => !instance.startsWith('?'))).toBe(true);
  });

  it('says so with enable_truncate (F4.1)', async () => {
    await start({ enableTruncate: true });
    registerMany('web', 12);
    expect(await askUdp(double, { name: 'web.service.consul' })).toMatchObject({ tc: true });
    expect(await askTcp(double, { name: 'web.service.consul' })).toMatchObject({ tc: false });
  });

  it('has as many as are configured, 8 at most (F4.2)', async () => {
    await start({ udpAnswerLimit: 20 });
    registerMany('web', 12);
    expect((await askUdp(double, { name: 'web.service.consul', type: 'A' })).answers).toHaveLength(8);
  });

  it('is another random part each time (F4.9)', async () => {
    await start();
    registerMany('web', 12);
    const seen = new Set<string>();
    for (let asked = 0; asked < 40; asked++) {
      const { instances } = await askUdp(double, { name: 'web.service.consul' });
      for (const instance of instances) seen.add(instance);
    }
    expect(seen.size).toBe(12);
  });

  it('is as long as it must be where it has one answer (F4.6)', async () => {
    const nodeMeta = Object.fromEntries(Array.from({ length: 40 }, (_, key) => [`k${key}`, 'x'.repeat(100)]));
    await start({ nodeMeta });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    const { bytes, additionals } = await askUdp(double, { name: 'web.service.consul' });
    expect(additionals).toHaveLength(41);
    expect(bytes.length).toBeGreaterThan(4000);
  });
});

describe('a reply to a question with EDNS', () => {
  it('is limited by bytes alone: all 12 fit into 1232 (F4.3)', async () => {
    await start();
    registerMany('web', 12);
    const reply = await askUdp(double, { name: 'web.service.consul', edns: 1232 });
    expect([reply.answers.length, reply.edns]).toEqual([12, 1232]);
  });

  it.each([
    ['1.8.7', 'still', 1232],
    ['1.22.7', 'no longer', undefined],
  ] as const)('of %s that was cut %s has its OPT (F4.4, F12.6)', async (version, _, edns) => {
    await start({ version });
    registerMany('web', 40);
    const reply = await askUdp(double, { name: 'web.service.consul', edns: 1232 });
    expect([reply.answers.length, reply.edns, reply.tc]).toEqual([19, edns, false]);
  });

  it('can have a TXT in the place of an address (F12.3)', async () => {
    await start({ nodeMeta: agentMetadata('1.22.7') });
    for (const index of [1, 2, 3]) {
      double.addNode({ name: `n${index}`, address: `10.30.0.${index}` });
      double.register({ name: 'web', node: `n${index}`, address: `10.23.0.${index}`, port: 7000 });
      double.register({ name: 'web', node: `n${index}`, port: 7001 });
    }
    let without = 0;
    for (let asked = 0; asked < 30; asked++) {
      const { instances } = await askUdp(double, { name: 'web.service.consul', edns: 600 });
      without += instances.filter((instance) => instance.startsWith('?')).length;
    }
    expect(without).toBeGreaterThan(0);
    expect(without).toBeLessThan(30 * 3);
  });
});

describe('names', () => {
  it.each([
    ['web.service.consul', 2],
    ['primary.web.service.consul', 1],
    ['v1.2.3.web.service.consul', 1],
    ['mixed.web.service.consul', 1],
    ['nope.web.service.consul', 0],
    ['_web._tcp.service.consul', 2],
    ['_web._primary.service.consul', 1],
    ['_web._udp.service.consul', 0],
    ['_web._primary._tcp.service.consul', 0],
    ['_web._tcp.consul', 2],
    ['_web._tcp.dc1.consul', 2],
    ['_web.service.consul', 0],
    ['web.service.dc1.consul', 2],
    ['web.service.DC1.consul', 2],
    ['web.service.dc9.consul', 0],
    ['web.service.dc1.dc.consul', 2],
    ['web.service.p1.peer.consul', 0],
    ['web.service.default.ns.consul', 0],
    ['web.consul', 0],
    ['my.dotted.service.consul', 0],
  ])('%s finds %i (F1.2–F1.6)', async (name, found) => {
    await start();
    double.register({ name: 'web', address: '10.1.0.1', port: 1, tags: ['primary', 'v1.2.3', 'MiXed'] });
    double.register({ name: 'web', address: '10.1.0.2', port: 2 });
    double.register({ name: 'my.dotted', address: '10.1.0.3', port: 3 });
    const { answers, rcode } = await askUdp(double, { name });
    expect([answers.length, rcode]).toEqual([found, found === 0 ? 'NXDOMAIN' : 'NOERROR']);
  });

  it('the label service is left out of SRV questions only (F1.5)', async () => {
    await start();
    double.register({ name: 'web', address: '10.1.0.1', port: 1 });
    expect(await askUdp(double, { name: '_web._tcp.consul', type: 'A' })).toMatchObject({
      rcode: 'NXDOMAIN',
    });
    expect(await askUdp(double, { name: '_web._tcp.service.consul', type: 'A' })).toMatchObject({
      answers: ['_web._tcp.service.consul 0 A 10.1.0.1'],
    });
  });

  it('the pair with dc is new: unknown to 1.8.7 (F1.6)', async () => {
    await start({ version: '1.8.7' });
    double.register({ name: 'web', address: '10.1.0.1', port: 1 });
    expect(await askUdp(double, { name: 'web.service.dc1.dc.consul' })).toMatchObject({ rcode: 'NXDOMAIN' });
  });

  it.each([
    ['1.8.7', '0a010001.addr.dc1.consul'],
    ['1.22.7', '0a010001.addr.dc1.cOnSuL'],
  ] as const)(
    '%s gives the question back letter for letter, and the target %s (F1.15, F12.9)',
    async (version, target) => {
      await start({ version });
      double.register({ name: 'web', address: '10.1.0.1', port: 80 });
      const { bytes, answers, targets } = await askUdp(double, { name: 'wEb.SeRvIcE.cOnSuL' });
      expect(bytes.includes(Buffer.from('\x03wEb\x07SeRvIcE\x06cOnSuL\x00', 'latin1'))).toBe(true);
      expect(answers[0]).toMatch(/^wEb\.SeRvIcE\.cOnSuL 0 SRV/);
      expect(targets).toEqual([target]);
    },
  );

  it('an instance of another datacenter is found there only, and its target says so (F7.1, F7.2)', async () => {
    await start();
    double.register({ name: 'web', address: '10.2.0.1', port: 80, datacenter: 'dc2' });
    expect(await askUdp(double, { name: 'web.service.consul' })).toMatchObject({ rcode: 'NXDOMAIN' });
    const { targets } = await askUdp(double, { name: 'web.service.dc2.consul' });
    expect(targets).toEqual(['0a020001.addr.dc2.consul']);
  });

  it('a node answers with its address and metadata, whatever the health of its services (F1.11)', async () => {
    await start({ nodeMeta: { rack: 'r1' } });
    double.addNode({ name: 'a.b', address: '10.0.0.7' });
    expect(await askUdp(double, { name: 'a.b.node.consul', type: 'A' })).toMatchObject({
      answers: ['a.b.node.consul 0 A 10.0.0.7'],
      additionals: ['a.b.node.consul 0 TXT rack=r1'],
    });
    expect(await askUdp(double, { name: 'a.b.node.consul' })).toMatchObject({
      rcode: 'NOERROR',
      answers: [],
      authorities: [],
    });
    expect(await askUdp(double, { name: 'nosuch.node.consul', type: 'A' })).toMatchObject({
      rcode: 'NXDOMAIN',
    });
  });

  it('an address in hex is computed, with anything behind it (F1.14)', async () => {
    await start();
    const { answers } = await askUdp(double, { name: '7f000001.addr.any.where.consul', type: 'A' });
    expect(answers).toEqual(['7f000001.addr.any.where.consul 0 A 127.0.0.1']);
    const v6 = await askUdp(double, { name: '20010db8000000000000000000000005.addr.consul', type: 'AAAA' });
    expect(v6.answers[0]).toMatch(/AAAA 2001:db8::5$/);
    expect(await askUdp(double, { name: 'zzzzzzzz.addr.consul', type: 'A' })).toMatchObject({
      rcode: 'NXDOMAIN',
    });
  });

  it('an address asked with the other type: in the answer on 1.8.7, later in the additional section (F1.14)', async () => {
    await start({ version: '1.8.7' });
    const ask = () => askUdp(double, { name: '7f000001.addr.consul', type: 'AAAA' });
    expect(await ask()).toMatchObject({ answers: ['7f000001.addr.consul 0 A 127.0.0.1'], additionals: [] });
    await double.close();
    await start();
    expect(await ask()).toMatchObject({ answers: [], additionals: ['7f000001.addr.consul 0 A 127.0.0.1'] });
  });

  it('a prepared query has its own name, dots included, and its own TTL (F1.9, F2.12)', async () => {
    await start();
    double.register({ name: 'web', address: '10.1.0.1', port: 1, tags: ['v1'] });
    double.register({ name: 'web', address: '10.1.0.2', port: 2 });
    double.addQuery({ name: 'my.query', service: 'web', tag: 'v1', ttl: 21_000 });
    const { answers } = await askUdp(double, { name: 'My.Query.query.consul' });
    expect(answers).toEqual(['My.Query.query.consul 21 SRV 1 1 1 0a010001.addr.dc1.consul']);
    for (const name of ['tag.my.query.query.consul', 'my.query.query.dc2.consul', 'nope.query.consul']) {
      expect(await askUdp(double, { name })).toMatchObject({ rcode: 'NXDOMAIN' });
    }
  });

  it.each([
    ['1.8.7', 'NXDOMAIN'],
    ['1.22.7', 'NOERROR'],
  ] as const)('on %s the RFC 2782 form of a query is %s (F1.9)', async (version, rcode) => {
    await start({ version });
    double.register({ name: 'web', address: '10.1.0.1', port: 1 });
    double.addQuery({ name: 'near', service: 'web' });
    expect(await askUdp(double, { name: '_near._tcp.query.consul' })).toMatchObject({ rcode });
  });

  it('another domain is served where one is configured', async () => {
    await start({ domain: 'consul.example' });
    double.register({ name: 'web', address: '10.1.0.1', port: 1 });
    const { targets } = await askUdp(double, { name: 'web.service.consul.example' });
    expect(targets).toEqual(['0a010001.addr.dc1.consul.example']);
    expect(await askUdp(double, { name: 'web.service.consul' })).toMatchObject({ rcode: 'REFUSED' });
  });
});

describe('nothing to answer with', () => {
  const soa = ['consul 0 SOA ns.consul hostmaster.consul'];

  it('an unknown service is NXDOMAIN with the SOA (F5.1)', async () => {
    await start();
    const reply = await askUdp(double, { name: 'nosuch.service.consul', edns: 1232 });
    expect(reply).toMatchObject({ rcode: 'NXDOMAIN', aa: true, answers: [], authorities: soa, edns: 1232 });
  });

  it('so is a service without a usable instance, for every type (F5.2)', async () => {
    await start();
    const one = double.register({ name: 'web', address: '10.1.0.1', port: 80, status: 'critical' });
    for (const type of ['SRV', 'A', 'AAAA'] as const) {
      const reply = await askUdp(double, { name: 'web.service.consul', type });
      expect(reply).toMatchObject({ rcode: 'NXDOMAIN', authorities: soa });
    }
    one.setStatus('passing');
    expect(await askUdp(double, { name: 'web.service.consul' })).toMatchObject({ rcode: 'NOERROR' });
    one.deregister();
    expect(await askUdp(double, { name: 'web.service.consul' })).toMatchObject({ rcode: 'NXDOMAIN' });
  });

  it('a type the service has no record of is NOERROR with the SOA (F5.3)', async () => {
    await start();
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    for (const type of ['AAAA', 'MX', 'CNAME'] as const) {
      const reply = await askUdp(double, { name: 'web.service.consul', type });
      expect(reply).toMatchObject({ rcode: 'NOERROR', answers: [], authorities: soa });
    }
  });

  it('a name outside the domain is REFUSED, without AA and OPT (F5.12)', async () => {
    await start();
    const reply = await askUdp(double, { name: 'example.com', type: 'A', edns: 1232 });
    expect(reply).toMatchObject({ rcode: 'REFUSED', aa: false, authorities: [], edns: undefined });
  });

  it('SOA and NS are known for any name (F2.15)', async () => {
    await start();
    expect(await askUdp(double, { name: 'nosuch.service.consul', type: 'SOA' })).toMatchObject({
      answers: soa,
      authorities: ['consul 0 NS double.node.dc1.consul'],
      additionals: ['double.node.dc1.consul 0 A 127.0.0.1'],
    });
    expect(await askUdp(double, { name: 'consul', type: 'NS' })).toMatchObject({
      answers: ['consul 0 NS double.node.dc1.consul'],
    });
    expect(await askUdp(double, { name: 'consul', type: 'A' })).toMatchObject({ rcode: 'NXDOMAIN' });
    expect(await askTcp(double, { name: 'consul', type: 'AXFR' })).toMatchObject({ rcode: 'NOTIMP' });
  });
});

describe('the catalogue', () => {
  it('replaces an instance that is registered again under its id', async () => {
    await start();
    double.register({ name: 'web', id: 'one', address: '10.1.0.1', port: 80 });
    double.register({ name: 'web', id: 'one', address: '10.1.0.2', port: 81 });
    expect((await askUdp(double, { name: 'web.service.consul' })).instances).toEqual(['10.1.0.2:81']);
  });

  it('changes tags of an instance', async () => {
    await start();
    const one = double.register({ name: 'web', address: '10.1.0.1', port: 80, tags: ['v1'] });
    one.setTags(['v2']);
    expect(await askUdp(double, { name: 'v1.web.service.consul' })).toMatchObject({ rcode: 'NXDOMAIN' });
    expect(await askUdp(double, { name: 'v2.web.service.consul' })).toMatchObject({ rcode: 'NOERROR' });
  });

  it('knows no node that was not added', async () => {
    await start();
    expect(() => double.register({ name: 'web', node: 'n2' })).toThrow('no node n2 in dc1');
  });
});
