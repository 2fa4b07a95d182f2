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

const web = (id: number) => request({ name: 'web.service.consul', id });
const id = (message: Buffer) => message.readUInt16BE(0);

describe('over TCP', () => {
  it('pipelined questions are answered in their order, each behind the slow one before it (F8.1)', async () => {
    await using client = await tcpClient(double);
    double.dns.delay(100);
    client.send(...Array.from({ length: 10 }, (_, index) => web(100 + index)));
    const replies: number[] = [];
    for (let index = 0; index < 10; index++) {
      while (clock.pending === 0 || double.queries.length <= index) await clock.advance(0);
      await clock.advance(100);
      replies.push(id(await client.next()));
    }
    expect(replies).toEqual(Array.from({ length: 10 }, (_, index) => 100 + index));
  });

  it('the connection ends after 128 replies (F8.2)', async () => {
    await using client = await tcpClient(double);
    client.send(...Array.from({ length: 130 }, (_, index) => web(index)));
    for (let index = 0; index < 128; index++) expect(id(await client.next())).toBe(index);
    await client.closed;
    expect(double.queries).toHaveLength(128);
  });

  it('a connection that asks nothing is closed after 2 s (F8.3)', async () => {
    await using client = await tcpClient(double);
    while (clock.pending === 0) await clock.advance(0);
    await clock.advance(1_999);
    client.send(web(1));
    await client.next();
    await using silent = await tcpClient(double);
    while (clock.pending < 2) await clock.advance(0);
    await clock.advance(2_000);
    await silent.closed;
  });

  it('a connection is closed 8 s after its last reply (F8.3)', async () => {
    await using client = await tcpClient(double);
    client.send(web(1));
    await client.next();
    await clock.advance(7_999);
    client.send(web(2));
    await client.next();
    await clock.advance(8_000);
    await client.closed;
  });

  it('a client that has ended its side still gets its reply (F8.3)', async () => {
    await using client = await tcpClient(double);
    client.send(web(1));
    client.end();
    expect(id(await client.next())).toBe(1);
    await client.closed;
  });

  it('what cannot be sent leaves the connection open for the next question (F12.5)', async () => {
    double.addNode({ name: 'fat', address: '10.0.0.9', meta: { long: 'x'.repeat(300) } });
    double.register({ name: 'fat', node: 'fat', port: 80 });
    await using client = await tcpClient(double);
    client.send(request({ name: 'fat.service.consul', id: 1 }), web(2));
    expect(id(await client.next())).toBe(2);
  });
});

describe('malformed requests', () => {
  it.each([
    ['two questions', Buffer.from('000901000002000000000000', 'hex'), '000981010000000000000000'],
    ['no question', Buffer.from('000901000000000000000000', 'hex'), '000981010000000000000000'],
    ['a label of 64 bytes', request({ name: `${'a'.repeat(64)}.consul`, id: 9 }), '000981010000000000000000'],
    ['the opcode STATUS', request({ name: 'consul', id: 9, flags: 0x1000 }), '000990040000000000000000'],
  ])('%s: a bare header (F5.15, F5.16)', async (_, message, header) => {
    await using client = await udpClient(double);
    client.send(message);
    expect((await client.next()).toString('hex')).toBe(header);
    expect(double.queries).toEqual([]);
  });

  it('a reply, or less than a header, gets nothing (F5.17)', async () => {
    await using client = await udpClient(double);
    client.send(request({ name: 'web.service.consul', flags: 0x8100 }), Buffer.alloc(11), web(2));
    expect(id(await client.next())).toBe(2);
  });

  it('a dot inside a label is no border between two', async () => {
    await using client = await udpClient(double);
    const message = Buffer.concat([
      Buffer.from('000901000001000000000000', 'hex'),
      Buffer.from('\x0bweb.service\x06consul\x00', 'latin1'),
      Buffer.from([0, 33, 0, 1]),
    ]);
    client.send(message);
    expect(read(await client.next()).rcode).toBe('NXDOMAIN');
    expect(double.queries[0]?.name).toBe('web\\.service.consul');
  });

  it('RD and CD come back, AD does not (F8.6)', async () => {
    const { bytes } = await askUdp(double, { name: 'web.service.consul', flags: 0x0130 });
    expect(bytes.readUInt16BE(2)).toBe(0x8510);
  });
});

describe('going down and coming back', () => {
  it('the port is the same for both transports and stays so', async () => {
    expect(double.dnsAddress).toBe(`127.0.0.1:${double.port}`);
    await double.stop();
    await expect(askUdp(double, { name: 'web.service.consul' })).rejects.toThrow('ECONNREFUSED');
    await expect(askTcp(double, { name: 'web.service.consul' })).rejects.toThrow('ECONNREFUSED');
    await double.start();
    expect((await askUdp(double, { name: 'web.service.consul' })).instances).toEqual(['10.1.0.1:80']);
    expect((await askTcp(double, { name: 'web.service.consul' })).instances).toEqual(['10.1.0.1:80']);
  });

  it('a stop breaks connections (F5.27)', async () => {
    await using client = await tcpClient(double);
    client.send(web(1));
    await client.next();
    await double.stop();
    await client.closed;
  });

  it('each transport can be off alone', async () => {
    await double.dns.udp(false);
    await expect(askUdp(double, { name: 'web.service.consul' })).rejects.toThrow('ECONNREFUSED');
    expect(await askTcp(double, { name: 'web.service.consul' })).toMatchObject({ rcode: 'NOERROR' });
    await double.dns.udp(true);
    await double.dns.tcp(false);
    await expect(askTcp(double, { name: 'web.service.consul' })).rejects.toThrow('ECONNREFUSED');
    expect(await askUdp(double, { name: 'web.service.consul' })).toMatchObject({ rcode: 'NOERROR' });
    await double.dns.tcp(true);
    expect(await askTcp(double, { name: 'web.service.consul' })).toMatchObject({ rcode: 'NOERROR' });
  });

  it('a port that is taken is an error, and takes nothing', async () => {
    await double.dns.tcp(false);
    await expect(createConsulDouble({ port: double.port })).rejects.toThrow('EADDRINUSE');
    await double.dns.tcp(true);
    expect(await askTcp(double, { name: 'web.service.consul' })).toMatchObject({ rcode: 'NOERROR' });
  });

  it('close() may come twice, and await using calls it', async () => {
    await double.close();
    await double.close();
    await double[Symbol.asyncDispose]();
  });
});
