import { afterEach, describe, expect, it } from 'vitest';
import {
  type ConsulDouble,
  type ConsulDoubleOptions,
  createConsulDouble,
} from '../../src/testing/consul-double.ts';
import type { ServiceDefinition } from '../../src/testing/definitions.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { askTcp, askUdp, read, request, udpClient } from './ask.ts';

let double: ConsulDouble;
const start = async (options?: ConsulDoubleOptions) => {
  double = await createConsulDouble({ seed: 1, nodeMeta: {}, ...options });
};
afterEach(() => double.close());

const http = (port: number) => [
  { name: 'http', port, default: true },
  { name: 'admin', port: port + 1 },
];

describe('several ports', () => {
  it('SRV gives the default one, or the one the name says; A ignores it (F1.8)', async () => {
    await start();
    double.register({ name: 'web', address: '10.1.0.1', ports: http(8080) });
    const ports = async (name: string) => (await askUdp(double, { name })).instances;
    expect(await ports('web.service.consul')).toEqual(['10.1.0.1:8080']);
    expect(await ports('web.service.admin.port.consul')).toEqual(['10.1.0.1:8081']);
    const a = await askUdp(double, { name: 'web.service.nope.port.consul', type: 'A' });
    expect(a.answers).toEqual(['web.service.nope.port.consul 0 A 10.1.0.1']);
  });

  it('where one of three instances has no such port: NXDOMAIN, with 0, 1 or 2 of the others, a third of the time each (F12.11)', async () => {
    await start();
    for (const last of [1, 2]) double.register({ name: 'web', address: `10.1.0.${last}`, ports: http(8080) });
    const old = double.register({ name: 'web', address: '10.1.0.3', port: 80 });
    const seen = [0, 0, 0];
    for (let asked = 0; asked < 600; asked++) {
      const { rcode, answers, authorities } = await askUdp(double, { name: 'web.service.http.port.consul' });
      expect([rcode, authorities.length]).toEqual(['NXDOMAIN', 1]);
      seen[answers.length]!++;
    }
    for (const count of seen) expect(Math.abs(count - 200)).toBeLessThan(50);
    old.deregister();
    expect(await askUdp(double, { name: 'web.service.http.port.consul' })).toMatchObject({
      rcode: 'NOERROR',
    });
  });

  it.each([
    ['none is the default', { ports: [{ name: 'http', port: 80 }] }],
    ['two are', { ports: [...http(1), { name: 'third', port: 3, default: true }] }],
    ['there is a port besides', { port: 80, ports: http(80) }],
  ])('are refused where %s, as by Consul', async (_, wrong: Partial<ServiceDefinition>) => {
    await start();
    expect(() => double.register({ name: 'web', ...wrong })).toThrow(
      'exactly one of them is marked as default',
    );
  });

  it.each(['1.8.7', '1.19.0'] as const)('are refused by %s, which has none', async (version) => {
    await start({ version });
    expect(() => double.register({ name: 'web', ports: http(80) })).toThrow(
      `Consul ${version} knows one port`,
    );
  });
});

describe('an instance at the address of its node, on 1.19.0', () => {
  const register = (count: number) => {
    for (let index = 1; index <= count; index++) {
      double.addNode({ name: `n${index}`, address: `10.2.0.${index}` });
      double.register({ name: 'web', node: `n${index}`, address: `10.2.0.${index}`, port: 20_000 + index });
    }
  };

  it('shares its target with the others; their addresses come in the order of the SRV records', async () => {
    await start({ version: '1.19.0' });
    register(4);
    for (let asked = 0; asked < 20; asked++) {
      const { answers, additionals, targets } = await askTcp(double, { name: 'web.service.consul' });
      expect(new Set(targets)).toEqual(new Set(['web.service.dc1.consul']));
      const ports = answers.map((record) => Number(record.split(' ')[5]) - 20_000);
      expect(additionals).toEqual(ports.map((port) => `web.service.dc1.consul 0 A 10.2.0.${port}`));
    }
  });

  it('loses its address once the reply is trimmed: one is left for all', async () => {
    await start({ version: '1.19.0' });
    register(12);
    const { answers, additionals } = await askUdp(double, { name: 'web.service.consul' });
    expect([answers.length, additionals.length]).toEqual([3, 1]);
  });

  it('has a target of its own on every other version, and there where its address is another', async () => {
    await start();
    register(2);
    expect((await askUdp(double, { name: 'web.service.consul' })).targets[0]).toBe(
      '0a020001.addr.dc1.consul',
    );
    await double.close();
    await start({ version: '1.19.0' });
    double.register({ name: 'web', address: '10.1.0.1', port: 80 });
    expect((await askUdp(double, { name: 'web.service.consul' })).targets).toEqual([
      '0a010001.addr.dc1.consul',
    ]);
  });

  it('comes with a question in lower case, whatever was asked', async () => {
    await start({ version: '1.19.0' });
    register(1);
    const { bytes } = await askUdp(double, { name: 'wEb.SeRvIcE.cOnSuL' });
    expect(bytes.includes(Buffer.from('\x03web\x07service\x06consul\x00', 'latin1'))).toBe(true);
  });
});

describe('servers', () => {
  it('are named by NS and SOA, three at most, a random choice (F2.15)', async () => {
    await start();
    for (const name of ['s2', 's3', 's4', 's5']) double.addNode({ name, address: '10.0.0.9', server: true });
    const seen = new Set<string>();
    for (let asked = 0; asked < 40; asked++) {
      const { answers, additionals } = await askUdp(double, { name: 'consul', type: 'NS' });
      expect([answers.length, additionals.length]).toEqual([3, 3]);
      for (const answer of answers) seen.add(answer);
    }
    expect(seen.size).toBe(5);
    expect((await askUdp(double, { name: 'consul', type: 'SOA' })).authorities).toHaveLength(3);
    expect((await askUdp(double, { name: 'consul.service.consul', edns: 4096 })).answers).toHaveLength(5);
  });
});

describe('nodes', () => {
  it('that are added again move, and their instances with them', async () => {
    await start();
    double.addNode({ name: 'n1', address: '10.0.0.1' });
    double.register({ name: 'web', node: 'n1', port: 80 });
    double.addNode({ name: 'n1', address: '10.0.0.2' });
    expect((await askUdp(double, { name: 'web.service.consul' })).instances).toEqual(['10.0.0.2:80']);
  });

  it('of a peer and of the own datacenter may have the same name', async () => {
    await start();
    double.addNode({ name: 'n1', address: '10.0.0.1' });
    double.addNode({ name: 'n1', address: '10.60.0.1', peer: 'east' });
    double.register({ name: 'web', node: 'n1', port: 80 });
    double.register({ name: 'web', node: 'n1', peer: 'east', port: 81 });
    const ask = async (name: string) => (await askUdp(double, { name })).instances;
    expect(await ask('web.service.consul')).toEqual(['10.0.0.1:80']);
    expect(await ask('web.service.east.peer.consul')).toEqual(['10.60.0.1:81']);
    expect(() => double.register({ name: 'web', node: 'n2', peer: 'east' })).toThrow(
      'no node n2 in the peer east',
    );
  });
});

describe('a double', () => {
  it('is not to be had of a version nobody measured', async () => {
    await start();
    await expect(createConsulDouble({ version: '1.20.0' as '1.22.7' })).rejects.toThrow(
      'one of 1.8.7, 1.19.0, 1.22.7',
    );
  });

  it('has the TTL of the service, of its longest prefix, or of all (F2.12)', async () => {
    await start({ serviceTtl: { web: 30_000, 'db-*': 7_000, 'db-master*': 8_000, '*': 5_000, sub: 1_500 } });
    for (const [name, ttl] of [
      ['web', '30'],
      ['db-x', '7'],
      ['db-master1', '8'],
      ['sub', '1'],
      ['other', '5'],
    ] as const) {
      double.register({ name, address: '10.1.0.1', port: 80 });
      expect((await askUdp(double, { name: `${name}.service.consul` })).answers[0]?.split(' ')[1]).toBe(ttl);
    }
  });

  it('waits 2 s for a recursor that stays silent, then does without it (F5.13)', async () => {
    const clock = createFakeClock();
    await start({ clock, recursor: { 'host.example.com': 'timeout' } });
    double.register({ name: 'web', address: 'host.example.com', port: 443 });
    await using client = await udpClient(double);
    client.send(request({ name: 'web.service.consul', type: 'A', id: 1 }));
    while (clock.pending === 0) await clock.advance(0);
    await clock.advance(1_999);
    client.send(request({ name: 'consul', type: 'SOA', id: 2 }));
    expect((await client.next()).readUInt16BE(0)).toBe(2);
    await clock.advance(1);
    expect(read(await client.next()).answers).toEqual(['web.service.consul 0 CNAME host.example.com']);
  });
});
