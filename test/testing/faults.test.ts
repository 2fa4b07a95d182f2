import { decode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { createFakeClock, type FakeClock } from '../../src/testing/fake-clock.ts';
import { askTcp, askUdp, read, request, tcpClient, udpClient } from './ask.ts';

let clock: FakeClock;
let double: ConsulDouble;
beforeEach(async () => {
  clock = createFakeClock();
  double = await createConsulDouble({ clock, nodeMeta: {} });
  double.register({ name: 'web', address: '10.1.0.1', port: 80 });
});
afterEach(() => double.close());

const name = 'web.service.consul';
const web = (id: number) => request({ name, id });
const id = (message: Buffer) => message.readUInt16BE(0);

describe('a fault on demand', () => {
  it('servfail: authoritative, without a SOA (F5.7, F5.21)', async () => {
    double.dns.servfail(true);
    for (const ask of [askUdp, askTcp]) {
      expect(await ask(double, { name })).toMatchObject({ rcode: 'SERVFAIL', aa: true, authorities: [] });
    }
    double.dns.servfail(false);
    expect(await askUdp(double, { name })).toMatchObject({ rcode: 'NOERROR' });
  });

  it('refuse: as outside the domain (F5.12)', async () => {
    double.dns.refuse(true);
    expect(await askUdp(double, { name })).toMatchObject({ rcode: 'REFUSED', aa: false });
    double.dns.refuse(false);
    expect(await askUdp(double, { name })).toMatchObject({ rcode: 'NOERROR' });
  });

  it.each([
    ['UDP', udpClient],
    ['TCP', tcpClient],
  ] as const)('drop: silence over %s, the question was seen', async (_, open) => {
    await using client = await open(double);
    double.dns.drop(true);
    client.send(web(1));
    while (double.queries.length === 0) await clock.advance(0);
    double.dns.drop(false);
    client.send(web(2));
    expect(id(await client.next())).toBe(2);
  });

  it('loseNext: so many over UDP and no more, none over TCP', async () => {
    double.dns.loseNext(2);
    expect(await askTcp(double, { name })).toMatchObject({ rcode: 'NOERROR' });
    await using client = await udpClient(double);
    client.send(web(1), web(2), web(3));
    expect(id(await client.next())).toBe(3);
    expect(double.queries).toHaveLength(4);
  });

  it('delay: the reply comes then and not before', async () => {
    await using client = await udpClient(double);
    double.dns.delay(200);
    client.send(web(1));
    while (clock.pending === 0) await clock.advance(0);
    double.dns.delay(0);
    client.send(web(2));
    expect(id(await client.next())).toBe(2);
    await clock.advance(199);
    client.send(web(3));
    expect(id(await client.next())).toBe(3);
    await clock.advance(1);
    expect(id(await client.next())).toBe(1);
  });

  it('corrupt: malformed packets, then the reply', async () => {
    double.dns.corrupt(true);
    await using client = await udpClient(double);
    client.send(web(7));
    for (let packet = 0; packet < 4; packet++) {
      const message = await client.next();
      expect(() => decode(message)).toThrow();
    }
    const cut = await client.next();
    const reply = await client.next();
    expect(cut).toEqual(reply.subarray(0, -1));
    expect(read(reply).instances).toEqual(['10.1.0.1:80']);
  });

  it('foreign: replies to other questions with an address nobody registered, then the reply', async () => {
    double.dns.foreign(true);
    await using client = await udpClient(double);
    const asked = web(7);
    client.send(asked);
    const question = asked.subarray(12);
    const mine = (message: Buffer) =>
      id(message) === 7 && message.subarray(12, 12 + question.length).equals(question);
    for (let packet = 0; packet < 4; packet++) {
      const message = await client.next();
      expect(mine(message)).toBe(false);
      expect(read(message).answers.join()).toMatch(/66|192\.0\.2\.66/);
    }
    const reply = await client.next();
    expect(mine(reply)).toBe(true);
    expect(read(reply).instances).toEqual(['10.1.0.1:80']);
  });

  it('intercept: sees each question, and answers, drops or lets it go on', async () => {
    await using client = await udpClient(double);
    double.dns.intercept(({ request: message, type, transport, name: asked }) => {
      expect([asked, type, transport]).toEqual([name, 'SRV', 'udp']);
      if (id(message) === 1) return 'drop';
      return id(message) === 2 ? Buffer.from([0, 2, 1]) : undefined;
    });
    client.send(web(1), web(2), web(3));
    expect(await client.next()).toEqual(Buffer.from([0, 2, 1]));
    expect(id(await client.next())).toBe(3);
    double.dns.intercept(undefined);
    expect(await askTcp(double, { name })).toMatchObject({ rcode: 'NOERROR' });
  });
});

describe('the questions so far', () => {
  it('are kept as spelt, with type, transport and EDNS size', async () => {
    await askUdp(double, { name: 'wEb.service.consul', edns: 1232 });
    await askTcp(double, { name, type: 'A' });
    expect(double.queries).toEqual([
      { name: 'wEb.service.consul', type: 'SRV', transport: 'udp', edns: 1232 },
      { name, type: 'A', transport: 'tcp', edns: undefined },
    ]);
    double.clearQueries();
    expect(double.queries).toEqual([]);
  });
});
