import { createSocket, Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { Socket as TcpSocket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DnsClient } from '../../src/dns/client.ts';
import { parseServerAddress } from '../../src/dns/server-address.ts';
import { type ConsulDouble, createConsulDouble } from '../../src/testing/consul-double.ts';
import { createFakeClock } from '../../src/testing/fake-clock.ts';
import { answerTo, asked, forgery } from './messages.ts';

let double: ConsulDouble;
const clients: DnsClient[] = [];
beforeEach(async () => {
  double = await createConsulDouble();
  double.register({ name: 'web', port: 80 });
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const client of clients.splice(0)) client.close();
  await double.close();
});

const clock = createFakeClock();
function client(server = double.dnsAddress): DnsClient {
  const made = new DnsClient({
    servers: [parseServerAddress(server)],
    timeout: 1_000,
    retries: 0,
    edns: undefined,
    clock,
  });
  clients.push(made);
  return made;
}
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'fine',
    (error) => error.code,
  );
const question = 'web.service.consul';
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('sockets', () => {
  it('are one for all questions that begin at the same time, by address and by host name', async () => {
    for (const server of [double.dnsAddress, `localhost:${double.port}`]) {
      const connect = vi.spyOn(UdpSocket.prototype, 'connect');
      const dns = client(server);
      await Promise.all(Array.from({ length: 100 }, () => dns.query(question, 'SRV')));
      expect([server, connect.mock.calls.length]).toEqual([server, 1]);
      vi.restoreAllMocks();
    }
  });

  it('are replaced after a timeout, and the old one is closed', async () => {
    const connect = vi.spyOn(UdpSocket.prototype, 'connect');
    const close = vi.spyOn(UdpSocket.prototype, 'close');
    const dns = client();
    double.dns.drop(true);
    for (let round = 1; round <= 10; round++) {
      const work = codeOf(dns.query(question, 'SRV'));
      while (double.queries.length < round) await turn();
      await clock.advance(1_000);
      expect(await work).toBe('ERR_DNS_TIMEOUT');
    }
    expect([connect.mock.calls.length, close.mock.calls.length]).toEqual([10, 10]);
  });

  it('that cannot be connected fail the question, not the process', async () => {
    // The system refuses to connect to the broadcast address; nothing is sent.
    expect(await codeOf(client('255.255.255.255:8600').query(question, 'SRV', { transport: 'udp' }))).toBe(
      'ERR_UNREACHABLE',
    );
  });

  it('are not opened after close(), whoever still waits', async () => {
    double.dns.drop(true);
    const dns = client();
    const work = Array.from({ length: 100 }, (_, i) =>
      codeOf(dns.query(question, 'SRV', { transport: i % 2 ? 'udp' : 'tcp' })),
    );
    while (double.queries.length < 58) await turn();
    const udp = vi.spyOn(UdpSocket.prototype, 'connect');
    const tcp = vi.spyOn(TcpSocket.prototype, 'connect');
    dns.close();
    expect(new Set(await Promise.all(work))).toEqual(new Set(['ERR_CLOSED']));
    for (let i = 0; i < 5; i++) await turn();
    expect([udp.mock.calls.length, tcp.mock.calls.length, clock.pending]).toEqual([0, 0, 0]);
  });

  it('are given up for another local port after 256 messages that answer nothing', async () => {
    const server = createSocket('udp4').bind(0, '127.0.0.1');
    await once(server, 'listening');
    const ports = new Set<number>();
    server.on('message', async (question, { port, address }) => {
      ports.add(port);
      const { id } = asked(question);
      // One after the other, so that none is lost for want of room.
      for (let i = 1; ports.size === 1 && i <= 256; i++) {
        await new Promise((sent) =>
          server.send(forgery(question, { id: (id + i) & 0xffff }), port, address, sent),
        );
        if (i % 16 === 0) await turn();
      }
      if (ports.size > 1) server.send(answerTo(question), port, address);
    });
    const dns = client(`127.0.0.1:${server.address().port}`);
    const { reply } = await dns.query(question, 'SRV', { transport: 'udp' });
    server.close();
    expect([reply.answers.length, ports.size]).toEqual([1, 2]);
    expect(dns.counters).toMatchObject({ sent: 2, foreign: 256, abandoned: 1 });
  });
});
