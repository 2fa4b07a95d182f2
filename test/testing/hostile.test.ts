import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts';
import { askTcp, askUdp, read, request, udpClient } from './ask.ts';

let clock: FakeClock;
let double: ConsulDouble;
beforeEach(async () => {
  clock = createFakeClock();
  double = await createConsulDouble({ clock, seed: 1, nodeMeta: {} });
  double.register({ name: 'web', address: '10.1.0.1', port: 80 });
});
afterEach(() => double.close());

const name = 'web.service.consul';
const web = (id: number) => request({ name, id });
const id = (message: Buffer) => message.readUInt16BE(0);

describe('what comes besides the reply', () => {
  it('duplicate: the same packet so many times more, over UDP only', async () => {
    double.dns.duplicate(2);
    await using client = await udpClient(double);
    client.send(web(1), web(2));
    const replies = [];
    for (let count = 0; count < 6; count++) replies.push(id(await client.next()));
    expect(replies).toEqual([1, 1, 1, 2, 2, 2]);
    expect(await askTcp(double, { name })).toMatchObject({ rcode: 'NOERROR' });
  });

  it('late: the reply at once, and again when its question is long settled', async () => {
    double.dns.late(5_000);
    await using client = await udpClient(double);
    client.send(web(1));
    expect(id(await client.next())).toBe(1);
    double.dns.late(0);
    await clock.advance(4_999);
    client.send(web(2));
    expect(id(await client.next())).toBe(2);
    await clock.advance(1);
    expect(id(await client.next())).toBe(1);
  });

  it('guess: so many forged replies first, right in everything but their ids', async () => {
    double.dns.guess(500);
    await using client = await udpClient(double);
    const asked = web(7);
    client.send(asked);
    const ids = new Set<number>();
    for (let count = 0; count < 500; count++) {
      const guess = await client.next();
      ids.add(id(guess));
      expect(guess.subarray(12, 12 + asked.length - 12)).toEqual(asked.subarray(12));
      expect(read(guess).instances).toEqual(['192.0.2.66:66']);
    }
    expect(ids.has(7)).toBe(false);
    expect(ids.size).toBeGreaterThan(450);
    expect(read(await client.next()).instances).toEqual(['10.1.0.1:80']);
  });

  it('spoof: a perfect forgery, but from another port', async () => {
    double.dns.spoof(true);
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const seen: [string, boolean][] = [];
    const both = new Promise<void>((resolve) => {
      socket.on('message', (message, { port }) => {
        seen.push([read(message).instances.join(), port === double.port]);
        if (seen.length === 2) resolve();
      });
    });
    socket.send(web(7), double.port, '127.0.0.1');
    await both;
    expect(seen.sort()).toEqual([
      ['10.1.0.1:80', true],
      ['192.0.2.66:66', false],
    ]);
    socket.close();
    await once(socket, 'close');
  });

  it('unrelated: additional records of names that are no target of the answer', async () => {
    double.dns.unrelated(true);
    const { targets, instances, additionals } = await askUdp(double, { name, edns: 1232 });
    expect(instances).toEqual(['10.1.0.1:80']);
    const owners = additionals
      .filter((record) => /192\.0\.2\.66|2001:db8::66/.test(record))
      .map((record) => record.split(' ')[0]!);
    expect(owners.length).toBeGreaterThan(3);
    expect(owners.some((owner) => targets.includes(owner))).toBe(false);
    expect(owners).toContain('www.example.com');
    expect((await askTcp(double, { name })).additionals.length).toBeGreaterThan(3);
  });
});

describe('a reply that is none', () => {
  it('truncate: TC and not one answer over UDP, the whole over TCP', async () => {
    double.dns.truncate(true);
    expect(await askUdp(double, { name })).toMatchObject({
      rcode: 'NOERROR',
      tc: true,
      answers: [],
      additionals: ['0a010001.addr.dc1.consul 0 A 10.1.0.1'],
    });
    expect(await askTcp(double, { name })).toMatchObject({ tc: false, instances: ['10.1.0.1:80'] });
  });

  it('formerr: a bare header as from Consul, or with the question as from others (F5.15)', async () => {
    await using client = await udpClient(double);
    double.dns.formerr('bare');
    client.send(web(9));
    expect((await client.next()).toString('hex')).toBe('000981010000000000000000');
    double.dns.formerr('question');
    client.send(web(9));
    const reply = await client.next();
    expect(reply.subarray(12)).toEqual(web(9).subarray(12));
    expect(reply.readUInt16BE(2) & 0x840f).toBe(0x8001);
    double.dns.formerr(false);
    expect(await askTcp(double, { name })).toMatchObject({ rcode: 'NOERROR' });
  });

  it('nxdomain: every name of the domain at once, as from an expired token; names outside are refused as ever', async () => {
    double.dns.nxdomain(true);
    for (const asked of [name, 'double.node.consul', 'consul']) {
      expect(await askUdp(double, { name: asked, type: 'A' })).toMatchObject({
        rcode: 'NXDOMAIN',
        authorities: [expect.stringContaining('SOA')],
      });
    }
    expect(await askUdp(double, { name: 'example.com', type: 'A' })).toMatchObject({ rcode: 'REFUSED' });
    double.dns.nxdomain(false);
    expect(await askUdp(double, { name })).toMatchObject({ rcode: 'NOERROR' });
  });

  it('servfail with a share: about so many of the questions, at random (F12.15)', async () => {
    double.dns.servfail(0.3);
    let failed = 0;
    for (let asked = 0; asked < 200; asked++) {
      failed += (await askUdp(double, { name })).rcode === 'SERVFAIL' ? 1 : 0;
    }
    expect(failed).toBeGreaterThan(35);
    expect(failed).toBeLessThan(85);
  });
});

describe('whom a fault hits', () => {
  it('only: the questions it says yes to', async () => {
    double.dns.servfail(true);
    double.dns.only(({ type }) => type === 'A');
    expect(await askUdp(double, { name })).toMatchObject({ rcode: 'NOERROR' });
    expect(await askUdp(double, { name, type: 'A' })).toMatchObject({ rcode: 'SERVFAIL' });
    double.dns.only(undefined);
    expect(await askUdp(double, { name })).toMatchObject({ rcode: 'SERVFAIL' });
  });

  it('only: what it says no to is not lost, dropped or held back either', async () => {
    double.dns.drop(true);
    double.dns.loseNext(3);
    double.dns.delay(1_000);
    double.dns.only(({ name: asked }) => asked !== name);
    expect(await askUdp(double, { name })).toMatchObject({ rcode: 'NOERROR' });
  });

  it('delay by question: a function of what is asked', async () => {
    double.dns.delay(({ type }) => (type === 'SRV' ? 300 : 0));
    await using client = await udpClient(double);
    client.send(web(1), request({ name, type: 'A', id: 2 }));
    expect(id(await client.next())).toBe(2);
    await clock.advance(300);
    expect(id(await client.next())).toBe(1);
  });

  it('intercept: may send several packets, and sees where the question came from', async () => {
    const ports: number[] = [];
    double.dns.intercept(({ from, request: message }) => {
      ports.push(from.port);
      expect(from.address).toBe('127.0.0.1');
      return [Buffer.from([1]), Buffer.concat([message.subarray(0, 2), Buffer.from([2])])];
    });
    await using one = await udpClient(double);
    await using other = await udpClient(double);
    for (const client of [one, other]) {
      client.send(web(5));
      expect(await client.next()).toEqual(Buffer.from([1]));
      expect(await client.next()).toEqual(Buffer.from([0, 5, 2]));
    }
    expect(new Set(ports).size).toBe(2);
  });
});

describe('what the agent sees and reaches', () => {
  it("unreachable: SERVFAIL for the other datacenter's names, the own ones answer (F7.4)", async () => {
    double.register({ name: 'web', address: '10.2.0.1', port: 80, datacenter: 'dc2' });
    double.dns.unreachable('dc2', true);
    expect(await askUdp(double, { name: 'web.service.dc2.consul' })).toMatchObject({
      rcode: 'SERVFAIL',
      authorities: [],
    });
    expect(await askUdp(double, { name })).toMatchObject({ rcode: 'NOERROR' });
    double.dns.unreachable('DC2', false);
    expect(await askUdp(double, { name: 'web.service.dc2.consul' })).toMatchObject({
      instances: ['10.2.0.1:80'],
    });
  });

  it('unreachable, the own one: an agent alone; addr and SOA still answer, NS is empty (F5.10, F12.15)', async () => {
    double.dns.unreachable('dc1', true);
    expect(await askUdp(double, { name })).toMatchObject({ rcode: 'SERVFAIL' });
    expect(await askUdp(double, { name: '0a010001.addr.consul', type: 'A' })).toMatchObject({
      rcode: 'NOERROR',
    });
    expect(await askUdp(double, { name: 'consul', type: 'NS' })).toMatchObject({
      rcode: 'NOERROR',
      answers: [],
    });
    expect((await askUdp(double, { name: 'consul', type: 'SOA' })).answers).toHaveLength(1);
  });

  it('a failover query moves on with the very next reply (F7.4)', async () => {
    double.addNode({ name: 'b1', address: '10.2.0.1', datacenter: 'dc2' });
    double.addNode({ name: 'c1', address: '10.3.0.1', datacenter: 'dc3' });
    double.register({ name: 'far', node: 'b1', datacenter: 'dc2', port: 2 });
    double.register({ name: 'far', node: 'c1', datacenter: 'dc3', port: 3 });
    double.addQuery({ name: 'far', service: 'far', failover: ['dc9', 'dc2', 'dc3'] });
    const ask = async () => (await askUdp(double, { name: 'far.query.consul' })).targets;
    expect(await ask()).toEqual(['b1.node.dc2.consul']);
    double.dns.unreachable('dc2', true);
    expect(await ask()).toEqual(['c1.node.dc3.consul']);
    double.register({ name: 'far', port: 1 });
    expect(await ask()).toEqual(['double.node.dc1.consul']);
  });

  it('acl deny: everything looks like a typo, and no server is named (F5.4, F5.20)', async () => {
    double.dns.acl('deny');
    for (const asked of [name, 'double.node.consul', 'nosuch.service.consul']) {
      expect(await askUdp(double, { name: asked, type: 'A' })).toMatchObject({ rcode: 'NXDOMAIN' });
    }
    expect(await askUdp(double, { name: 'consul', type: 'NS' })).toMatchObject({
      rcode: 'NOERROR',
      answers: [],
    });
    double.dns.acl('allow');
    expect(await askUdp(double, { name })).toMatchObject({ rcode: 'NOERROR' });
  });

  it('acl unknown-token: SERVFAIL for names that would be looked up, NXDOMAIN for unknown datacenters (F5.5, F12.14)', async () => {
    double.dns.acl('unknown-token');
    expect(await askUdp(double, { name })).toMatchObject({ rcode: 'SERVFAIL' });
    expect(await askUdp(double, { name: 'web.service.dc9.consul' })).toMatchObject({ rcode: 'NXDOMAIN' });
  });
});
