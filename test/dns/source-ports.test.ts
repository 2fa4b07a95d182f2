import { afterEach, describe, expect, it } from 'vitest';
import type { DnsClient } from '../../src/dns/client.ts';
import { type MemoryDatagram, MemoryNetwork, memoryClient, seededFill } from './memory-network.ts';
import { answerTo } from './messages.ts';

const clients: DnsClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function world(options: Parameters<typeof memoryClient>[1] = {}) {
  const network = new MemoryNetwork();
  const made = memoryClient(network, options);
  clients.push(made.dns);
  network.onDatagram = (question, socket) => void socket.receive(answerTo(question));
  return { network, ...made };
}
const name = 'web.service.consul';
const minute = 60_000;

/** What each socket has carried. */
const loads = ({ datagrams }: MemoryNetwork) => datagrams.map(({ asked }) => asked.length);

describe('a UDP socket, whose port is a secret', () => {
  it('is replaced after 2 048…4 095 questions, each time another number', async () => {
    const { network, dns } = world();
    for (let i = 0; i < 20_000; i++) await dns.query(name, 'SRV');
    const full = loads(network).slice(0, -1);
    expect(full.length).toBeGreaterThan(3);
    for (const load of full) {
      expect(load).toBeGreaterThanOrEqual(2_048);
      expect(load).toBeLessThan(4_096);
    }
    expect(new Set(full).size).toBe(full.length);
    expect(network.open).toBe(1);
  });

  it('is replaced after 5…10 minutes, at the first question after that', async () => {
    const lives = new Set<number>();
    for (let seed = 1; seed <= 10; seed++) {
      const { network, dns, clock } = world({ randomFill: seededFill(seed) });
      await dns.query(name, 'SRV');
      let minutes = 0;
      for (; network.datagrams.length === 1; minutes += 0.5) {
        await clock.advance(minute / 2);
        await dns.query(name, 'SRV');
      }
      expect(minutes).toBeGreaterThanOrEqual(5);
      expect(minutes).toBeLessThanOrEqual(10.5);
      lives.add(minutes);
      expect(network.open).toBe(1);
      expect(clock.pending).toBe(0);
    }
    expect(lives.size).toBeGreaterThan(3);
  });

  it('ends when the last question in flight on it does: none is lost by the change', async () => {
    const { network, dns, clock } = world();
    const held: [Buffer, MemoryDatagram][] = [];
    network.onDatagram = (question, socket) => void held.push([question, socket]);
    const slow = [dns.query('a.service.consul', 'SRV'), dns.query('b.service.consul', 'SRV')];
    await clock.advance(0);
    await replaceSocket(network, dns);
    expect(network.datagrams.map(({ closed }) => closed)).toEqual([false, false]);
    for (const [question, socket] of held) socket.receive(answerTo(question));
    expect((await Promise.all(slow)).map(({ reply }) => reply.answers[0]!.name)).toEqual([
      'a.service.consul',
      'b.service.consul',
    ]);
    expect(network.datagrams.map(({ closed }) => closed)).toEqual([true, false]);
  });

  it('leaves no handle after close(), in whatever state of change', async () => {
    const { network, dns, clock } = world();
    await dns.query(name, 'SRV');
    network.onDatagram = () => {};
    const slow = dns.query(name, 'SRV').catch((error) => error.code);
    await clock.advance(0);
    await replaceSocket(network, dns);
    expect(network.open).toBe(2);
    dns.close();
    expect(await slow).toBe('ERR_CLOSED');
    expect([network.open, clock.pending]).toEqual([0, 0]);
  });

  it('never carries an id twice', async () => {
    const { network, dns } = world();
    for (let i = 0; i < 5_000; i++) await dns.query(name, 'SRV');
    for (const { asked } of network.datagrams) {
      const ids = asked.map((question) => question.readUInt16BE(0));
      expect(new Set(ids).size).toBe(ids.length);
    }
  });
});

/** Asks, and answers, until the client changes the socket. */
async function replaceSocket(network: MemoryNetwork, dns: DnsClient): Promise<void> {
  const before = network.datagrams.length;
  network.onDatagram = (question, socket) => void socket.receive(answerTo(question));
  while (network.datagrams.length === before) await dns.query(name, 'SRV');
}
