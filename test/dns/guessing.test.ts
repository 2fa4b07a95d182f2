import { afterEach, describe, expect, it } from 'vitest';
import type { DnsClient } from '../../src/dns/client.ts';
import type { DnsReply } from '../../src/dns/reply.ts';
import { type MemoryDatagram, MemoryNetwork, memoryClient } from './memory-network.ts';
import { answerTo, asked, bareHeader, forgery, respelt } from './messages.ts';

const clients: DnsClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function world(options: Parameters<typeof memoryClient>[1] = {}) {
  const network = new MemoryNetwork();
  const made = memoryClient(network, options);
  clients.push(made.dns);
  return { network, ...made };
}
const name = 'web.service.consul';
const ports = ({ answers }: DnsReply) =>
  answers.map((record) => (record.type === 'SRV' ? record.port : record.type));

/** A forger who knows the port and the question, and runs through ids that are not ours. */
function sweep(question: Buffer, socket: MemoryDatagram, count: number): void {
  const own = asked(question).id;
  for (let i = 1; i <= count; i++) socket.receive(forgery(question, { id: (own + i) & 0xffff }));
}

/** One who knows the id too, and tries spellings. */
function respell(question: Buffer, socket: MemoryDatagram, count: number): void {
  for (let i = 0; i < count; i++)
    socket.receive(forgery(question, { name: respelt(asked(question).name, i % 16) }));
}

describe('up to 255 wrong replies', () => {
  it.each(['auto', 'udp'] as const)(
    'by %s: the honest answer is taken, on the same socket',
    async (transport) => {
      for (const count of [1, 100, 255]) {
        const { network, dns } = world();
        network.onDatagram = (question, socket) => {
          sweep(question, socket, count);
          socket.receive(answerTo(question));
        };
        const answer = await dns.query(name, 'SRV', { transport });
        expect([answer.transport, ports(answer.reply)]).toEqual(['udp', [8_001]]);
        expect(dns.counters).toMatchObject({ sent: 1, foreign: count, abandoned: 0 });
      }
    },
  );

  it.each(['auto', 'udp'] as const)('by %s, under our very id: too', async (transport) => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => {
      respell(question, socket, 100);
      socket.receive(answerTo(question));
    };
    expect(ports((await dns.query(name, 'SRV', { transport })).reply)).toEqual([8_001]);
    expect(dns.counters.abandoned).toBe(0);
  });
});

describe('256 wrong replies', () => {
  it('give the socket up for a new one, and the question goes to TCP', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => sweep(question, socket, 300);
    network.onStream = (question, stream) => stream.send(answerTo(question));
    const answer = await dns.query(name, 'SRV');
    expect([answer.transport, ports(answer.reply)]).toEqual(['tcp', [8_001]]);
    expect(network.datagrams.map(({ closed }) => closed)).toEqual([true, false]);
    expect(dns.counters).toMatchObject({ sent: 2, sentByTcp: 1, foreign: 256, abandoned: 1 });
  });

  it('and what comes then on the old socket is not even seen, be it the right answer', async () => {
    const { network, dns, clock } = world();
    const seen: boolean[] = [];
    network.onDatagram = (question, socket) => {
      sweep(question, socket, 256);
      seen.push(socket.receive(answerTo(question, 66)));
    };
    network.onStream = (question, stream) => stream.send(answerTo(question));
    expect(ports((await dns.query(name, 'SRV')).reply)).toEqual([8_001]);
    await clock.advance(0);
    expect(seen).toEqual([false]);
  });

  it('ask again by UDP, on the new socket and in another spelling, where TCP is not wanted', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => {
      if (socket === network.datagrams[0]) sweep(question, socket, 256);
      else socket.receive(answerTo(question));
    };
    const answer = await dns.query(name, 'SRV', { transport: 'udp' });
    expect([answer.transport, ports(answer.reply)]).toEqual(['udp', [8_001]]);
    const [first, second] = network.datagrams.map((socket) => socket.asked.map(asked)[0]!);
    expect(second!.id).not.toBe(first!.id);
    expect(second!.name).not.toBe(first!.name);
    expect(dns.counters).toMatchObject({ sent: 2, sentByTcp: 0, abandoned: 1 });
  });

  it('and where TCP is closed', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => {
      if (socket === network.datagrams[0]) sweep(question, socket, 256);
      else socket.receive(answerTo(question));
    };
    expect(ports((await dns.query(name, 'SRV')).reply)).toEqual([8_001]);
  });

  it('may come in any number of bursts, and between answers', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => {
      sweep(question, socket, 60);
      socket.receive(answerTo(question));
    };
    network.onStream = (question, stream) => stream.send(answerTo(question));
    for (let i = 0; i < 4; i++) expect((await dns.query(name, 'SRV')).transport).toBe('udp');
    expect((await dns.query(name, 'SRV')).transport).toBe('tcp');
    expect((await dns.query(name, 'SRV')).transport).toBe('udp');
  });

  it('do not lose the other questions in flight: each is asked again', async () => {
    for (const transport of ['auto', 'udp'] as const) {
      const { network, dns, clock } = world();
      network.onStream = (question, stream) => stream.send(answerTo(question));
      const names = Array.from({ length: 100 }, (_, i) => `s${i}.service.consul`);
      const work = names.map((one) => dns.query(one, 'SRV', { transport }));
      await clock.advance(0);
      const [socket] = network.datagrams;
      expect(socket!.asked).toHaveLength(64);
      network.onDatagram = (question, from) => from.receive(answerTo(question));
      sweepAround(socket!);
      const answers = await Promise.all(work);
      expect(answers.map(({ reply }) => reply.answers[0]!.name)).toEqual(names);
      expect(dns.counters).toMatchObject({ timeouts: 0, abandoned: 1 });
    }
  });

  it('count under our very id as well', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => {
      if (socket === network.datagrams[0]) respell(question, socket, 256);
      else socket.receive(answerTo(question));
    };
    const { transport } = await dns.query(name, 'SRV', { transport: 'udp' });
    expect([transport, network.datagrams[0]!.closed, dns.counters.abandoned]).toEqual(['udp', true, 1]);
  });

  it('again and again are an error at last, which says so', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => sweep(question, socket, 256);
    const error = await dns.query(name, 'SRV', { transport: 'udp' }).catch((reason) => reason);
    expect([error.code, error.rcode]).toEqual(['ERR_DNS_TIMEOUT', undefined]);
    expect(error.message).toContain('somebody may be guessing');
    expect(dns.counters.abandoned).toBe(2);
  });
});

describe('no guesses are', () => {
  it('late replies of a slow server, however many, while other questions wait', async () => {
    const { network, dns, clock } = world();
    const late: (() => void)[] = [];
    const slow = (question: Buffer, socket: MemoryDatagram) =>
      late.push(() => void socket.receive(answerTo(question, 66)));
    // Callers that leave keep the socket: 1 000 questions of their kind, and their replies then come all at once.
    network.onDatagram = slow;
    for (let round = 0; round < 20; round++) {
      const leavers = Array.from({ length: 50 }, () => new AbortController());
      const work = Promise.allSettled(leavers.map(({ signal }) => dns.query(name, 'SRV', { signal })));
      await clock.advance(0);
      for (const leaver of leavers) leaver.abort();
      await work;
    }
    network.onDatagram = (question, socket) => {
      for (const send of late) send();
      socket.receive(answerTo(question));
    };
    const answer = await dns.query(name, 'SRV');
    expect([answer.transport, ports(answer.reply)]).toEqual(['udp', [8_001]]);
    expect(dns.counters).toMatchObject({ foreign: 1_000, abandoned: 0 });
    expect(network.datagrams).toHaveLength(1);
  });

  it('late replies to questions that timed out', async () => {
    const { network, dns, clock } = world();
    const late: (() => void)[] = [];
    network.onDatagram = (question, socket) => late.push(() => void socket.receive(answerTo(question, 66)));
    for (let round = 0; round < 10; round++) {
      const work = Promise.allSettled(Array.from({ length: 50 }, () => dns.query(name, 'SRV')));
      await clock.advance(1_000);
      await work;
      for (const send of late) send();
    }
    expect(dns.counters).toMatchObject({ timeouts: 500, abandoned: 0 });
  });
});

describe('somebody who knows an id', () => {
  it('has one guess at the spelling: after it the question goes to TCP, which is believed', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => {
      respell(question, socket, 1);
      // The lucky second guess.
      socket.receive(forgery(question));
    };
    network.onStream = (question, stream) => stream.send(answerTo(question));
    const answer = await dns.query(name, 'SRV');
    expect([answer.transport, ports(answer.reply)]).toEqual(['tcp', [8_001]]);
  });

  it('and by UDP alone: another socket decides', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => {
      if (socket !== network.datagrams[0]) return void socket.receive(answerTo(question));
      respell(question, socket, 1);
      socket.receive(forgery(question));
    };
    expect(ports((await dns.query(name, 'SRV', { transport: 'udp' })).reply)).toEqual([8_001]);
  });

  it('knows the port: later questions have another one', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => {
      if (socket === network.datagrams[0]) respell(question, socket, 1);
      socket.receive(answerTo(question));
    };
    await dns.query(name, 'SRV');
    await dns.query(name, 'SRV');
    expect(network.datagrams.map(({ closed, asked }) => [closed, asked.length])).toEqual([
      [true, 1],
      [false, 1],
    ]);
  });

  it('cannot hurt where TCP is silent: what came by UDP is taken when that is certain', async () => {
    const { network, dns, clock } = world();
    network.onDatagram = (question, socket) => {
      respell(question, socket, 3);
      socket.receive(answerTo(question));
    };
    network.onStream = () => {};
    const work = dns.query(name, 'SRV');
    await clock.advance(1_000);
    const answer = await work;
    expect([answer.transport, ports(answer.reply)]).toEqual(['udp', [8_001]]);
  });

  it('leaves nothing behind', async () => {
    const { network, dns, clock } = world();
    network.onDatagram = (question, socket) => respell(question, socket, 1);
    network.onStream = (question, stream) => stream.send(answerTo(question));
    await dns.query(name, 'SRV');
    // The idle time of the TCP connection.
    expect(clock.pending).toBe(1);
    dns.close();
    expect([clock.pending, network.open]).toEqual([0, 0]);
  });

  it('is not told apart from a forwarder that changes the spelling: TCP is the way there, in any spelling', async () => {
    const { network, dns } = world();
    const lower = (question: Buffer) => {
      const bytes = answerTo(question);
      for (let at = 12; bytes[at] !== 0; at++)
        if (bytes[at]! >= 0x41 && bytes[at]! <= 0x5a) bytes[at]! |= 0x20;
      return bytes;
    };
    network.onDatagram = (question, socket) => void socket.receive(lower(question));
    network.onStream = (question, stream) => stream.send(lower(question));
    const answer = await dns.query(name, 'SRV');
    expect([answer.transport, ports(answer.reply)]).toEqual(['tcp', [8_001]]);
  });
});

describe('a reply that knows everything and cannot be read', () => {
  it('sends the question to TCP at once', async () => {
    const { network, dns, clock } = world();
    network.onDatagram = (question, socket) => void socket.receive(answerTo(question).subarray(0, -1));
    network.onStream = (question, stream) => stream.send(answerTo(question));
    expect(ports((await dns.query(name, 'SRV')).reply)).toEqual([8_001]);
    expect([clock.now(), dns.counters.malformed]).toEqual([1_000, 1]);
  });
});

describe('a bare error header', () => {
  it('sends the question to TCP and leaves the honest answer its chance', async () => {
    const { network, dns, clock } = world();
    network.onDatagram = (question, socket) => {
      socket.receive(bareHeader(question, 'FORMERR'));
      socket.receive(answerTo(question));
    };
    expect(ports((await dns.query(name, 'SRV')).reply)).toEqual([8_001]);
    expect(ports((await dns.query(name, 'SRV', { transport: 'udp' })).reply)).toEqual([8_001]);
    expect(clock.now()).toBe(1_000);
  });
});

/** 256 replies with ids that no question in flight has. */
function sweepAround(socket: MemoryDatagram): void {
  const taken = new Set(socket.asked.map((question) => asked(question).id));
  for (let id = 0, sent = 0; sent < 256; id++) {
    if (taken.has(id)) continue;
    socket.receive(forgery(socket.asked[0]!, { id }));
    sent++;
  }
}
