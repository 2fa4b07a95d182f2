import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DnsClient } from '../../src/dns/client.ts';
import { splitMessages } from '../../src/dns/framing.ts';
import type { DnsReply } from '../../src/dns/reply.ts';
import { MemoryNetwork, type MemoryStream, memoryClient, uint16 } from './memory-network.ts';
import { answerTo, asked, bareHeader, forgery, replyTo, respelt } from './messages.ts';

const clients: DnsClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function world(options: Parameters<typeof memoryClient>[1] = {}) {
  const network = new MemoryNetwork();
  const { dns, clock } = memoryClient(network, options);
  clients.push(dns);
  const ask = (name = 'web.service.consul', signal?: AbortSignal) =>
    dns.query(name, 'SRV', { transport: 'tcp', signal });
  const outcome = (name?: string) =>
    ask(name).then(
      ({ reply }) => ports(reply),
      (error) => error.code as string,
    );
  return { network, dns, clock, ask, outcome };
}
const ports = ({ answers }: DnsReply) => answers.map((record) => (record.type === 'SRV' ? record.port : 0));

describe('messages over TCP that answer no question in flight', () => {
  it.each<[string, (question: Buffer) => Buffer]>([
    ['another id', (question) => forgery(question, { id: asked(question).id ^ 1 })],
    ['another name', (question) => forgery(question, { name: 'other.service.consul' })],
    ['another type', (question) => forgery(question, { type: 1 })],
    ['a question', (question) => question],
    [
      'an error header of another id',
      (question) => bareHeader(replyTo(question, { id: asked(question).id ^ 1 }), 'REFUSED'),
    ],
    ['an error header without an error', (question) => bareHeader(question, 'NOERROR')],
    ['an empty message', () => Buffer.alloc(0)],
    ['a broken reply', (question) => answerTo(question, 66).subarray(0, -1)],
  ])('%s: ignored, and the answer behind it is taken', async (_, wrong) => {
    const { network, dns, outcome } = world();
    network.onStream = (question, stream) => stream.send(wrong(question), answerTo(question));
    expect(await outcome()).toEqual([8_001]);
    expect(dns.counters.foreign + dns.counters.malformed).toBe(1);
  });

  it('repeated replies: the first counts', async () => {
    const { network, outcome } = world();
    network.onStream = (question, stream) => stream.send(answerTo(question), answerTo(question, 66));
    expect([await outcome(), await outcome()]).toEqual([[8_001], [8_001]]);
    expect(network.streams).toHaveLength(1);
  });

  it('256 of them: the connection is broken off, and the question asked again', async () => {
    const { network, dns, clock } = world({ retries: 1 });
    network.onStream = (question, stream) => {
      if (stream !== network.streams[0]) return stream.send(answerTo(question));
      const { id } = asked(question);
      for (let i = 1; i <= 300; i++) stream.send(forgery(question, { id: (id + i) & 0xffff }));
    };
    const work = dns.query('web.service.consul', 'SRV', { transport: 'tcp' });
    await clock.advance(50);
    expect(ports((await work).reply)).toEqual([8_001]);
    expect(network.streams.map(({ closed }) => closed)).toEqual([true, false]);
  });

  it('the letters in another case: taken, as nobody but the server can have sent it', async () => {
    const { network, outcome } = world();
    network.onStream = (question, stream) =>
      stream.send(replyTo(question, { name: respelt(asked(question).name) }));
    expect(await outcome()).toEqual([]);
  });
});

describe('several questions on one connection', () => {
  /** Eight connections, all busy: the questions after them share. */
  async function busy(
    network: MemoryNetwork,
    clock: { advance(ms: number): Promise<void> },
    ask: (name: string) => Promise<unknown>,
  ) {
    const work = Array.from({ length: 8 }, (_, i) => ask(`busy${i}.service.consul`));
    await clock.advance(0);
    expect(network.streams).toHaveLength(8);
    return work;
  }

  it('may be answered in any order', async () => {
    const { network, clock, outcome } = world();
    const held: [Buffer, MemoryStream][] = [];
    network.onStream = (question, stream) => void held.push([question, stream]);
    const first = await busy(network, clock, outcome);
    const more = Array.from({ length: 8 }, (_, i) => outcome(`more${i}.service.consul`));
    await clock.advance(0);
    for (const [i, [question, stream]] of [...held.entries()].reverse())
      stream.send(answerTo(question, 9_000 + i));
    expect(await Promise.all([...first, ...more])).toEqual(Array.from({ length: 16 }, (_, i) => [9_000 + i]));
  });

  it('one that is never answered times out alone, as when Consul stays silent on one name (F12.5)', async () => {
    const { network, clock, outcome } = world();
    network.onStream = (question, stream) => {
      if (!asked(question).name.toLowerCase().startsWith('silent')) stream.send(answerTo(question));
    };
    const silent = Array.from({ length: 8 }, (_, i) => outcome(`silent${i}.service.consul`));
    await clock.advance(0);
    // All connections are occupied by one that waits; these go behind it.
    expect(await Promise.all([outcome(), outcome(), outcome()])).toEqual([[8_001], [8_001], [8_001]]);
    expect(network.streams).toHaveLength(8);
    await clock.advance(1_000);
    expect(await Promise.all(silent)).toEqual(Array(8).fill('ERR_DNS_TIMEOUT'));
    expect(await outcome()).toEqual([8_001]);
  });

  it('a connection on which one timed out gets no further question, and ends with the last that waits there', async () => {
    const { network, clock, outcome } = world();
    network.onStream = () => {};
    const early = await busy(network, clock, outcome);
    await clock.advance(600);
    const later = outcome('later.service.consul');
    await clock.advance(400);
    expect(await Promise.all(early)).toEqual(Array(8).fill('ERR_DNS_TIMEOUT'));
    expect(network.streams.filter(({ closed }) => !closed)).toHaveLength(1);
    const [shared] = network.streams.filter(({ asked: all }) => all.length === 2);
    shared!.send(answerTo(shared!.asked[1]!));
    expect(await later).toEqual([8_001]);
    expect(network.open).toBe(0);
  });

  it("a late reply to one that timed out is nobody else's", async () => {
    const { network, clock, outcome } = world();
    network.onStream = () => {};
    const early = await busy(network, clock, outcome);
    await clock.advance(600);
    const later = outcome('later.service.consul');
    await clock.advance(400);
    await Promise.all(early);
    const [shared] = network.streams.filter(({ asked: all }) => all.length === 2);
    shared!.send(answerTo(shared!.asked[0]!, 66), answerTo(shared!.asked[1]!));
    expect(await later).toEqual([8_001]);
  });

  it('more than 128 at once: spread so that no connection carries more than 100 (F8.2)', async () => {
    const { network, clock, outcome } = world();
    network.onStream = (question, stream) => setImmediate(() => stream.send(answerTo(question)));
    const work = Array.from({ length: 1_000 }, () => outcome());
    await clock.advance(0);
    expect(new Set((await Promise.all(work)).flat())).toEqual(new Set([8_001]));
    for (const { asked: all } of network.streams) expect(all.length).toBeLessThanOrEqual(100);
    expect(network.streams.length).toBeGreaterThanOrEqual(10);
  });

  it('that the server closes on are failures of a connection, asked again', async () => {
    const { network, clock, dns } = world({ retries: 1 });
    network.onStream = (question, stream) => {
      if (network.streams.length === 1) stream.end();
      else stream.send(answerTo(question));
    };
    const work = dns.query('web.service.consul', 'SRV', { transport: 'tcp' });
    await clock.advance(50);
    expect(ports((await work).reply)).toEqual([8_001]);
  });
});

describe('the bytes of a connection', () => {
  const framed = (message: Buffer) => Buffer.concat([uint16(message.length), message]);

  it('may come one by one', async () => {
    const { network, outcome } = world();
    network.onStream = (question, stream) => {
      for (const byte of framed(answerTo(question))) stream.receive(Buffer.from([byte]));
    };
    expect(await outcome()).toEqual([8_001]);
  });

  it('may announce more than ever comes: the question times out, the others do not', async () => {
    const { network, clock, outcome } = world();
    network.onStream = (question, stream) =>
      stream.receive(Buffer.concat([uint16(65_535), answerTo(question)]));
    const work = outcome();
    await clock.advance(1_000);
    expect(await work).toBe('ERR_DNS_TIMEOUT');
    expect(network.open).toBe(0);
    network.onStream = (question, stream) => stream.send(answerTo(question));
    expect(await outcome()).toEqual([8_001]);
  });

  it('that drip do not keep a question waiting longer than its time', async () => {
    const { network, clock, outcome } = world();
    let dripping: MemoryStream | undefined;
    network.onStream = (_, stream) => {
      stream.receive(uint16(65_535));
      dripping = stream;
    };
    const work = outcome();
    for (let ms = 0; ms < 1_000; ms += 10) {
      await clock.advance(10);
      dripping?.receive(Buffer.from([0]));
    }
    expect(await work).toBe('ERR_DNS_TIMEOUT');
  });

  it('are held in little more memory than they are', () => {
    const messages: Buffer[] = [];
    const feed = splitMessages((message) => void messages.push(Buffer.from(message)));
    const whole = Buffer.alloc(65_535, 7);
    const concat = vi.spyOn(Buffer, 'concat');
    for (const byte of framed(whole)) feed(Buffer.from([byte]));
    const most = Math.max(...concat.mock.calls.map(([parts]) => parts.length));
    concat.mockRestore();
    expect(messages).toEqual([whole]);
    // Each part is an object, which takes more than the byte in it.
    expect(most).toBeLessThan(300);
  });

  it('may be cut anywhere: the messages come out whole and in order', () => {
    const sent = Array.from({ length: 40 }, (_, i) => Buffer.alloc((i * 97) % 600, i));
    const stream = Buffer.concat(sent.map(framed));
    for (const size of [1, 2, 3, 7, 100, 599, 5_000, stream.length]) {
      const messages: Buffer[] = [];
      const feed = splitMessages((message) => void messages.push(Buffer.from(message)));
      for (let at = 0; at < stream.length; at += size) feed(stream.subarray(at, at + size));
      expect(messages).toEqual(sent);
    }
  });
});
