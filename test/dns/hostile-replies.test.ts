import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { DnsClient } from '../../src/dns/client.ts';
import type { DnsReply } from '../../src/dns/reply.ts';
import { systemSockets } from '../../src/dns/sockets.ts';
import { MemoryNetwork, memoryClient } from './memory-network.ts';
import { answerTo, asked, bareHeader, forgery, replyTo, respelt } from './messages.ts';

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

/** What an attacker, or a bad network, may put before the answer. */
const hostile: Record<string, (question: Buffer) => Buffer> = {
  'another id': (question) => forgery(question, { id: asked(question).id ^ 1 }),
  'the id with its bytes swapped': (question) => {
    const { id } = asked(question);
    return forgery(question, { id: id === 0x1111 ? 0 : ((id << 8) | (id >> 8)) & 0xffff });
  },
  'another name': (question) => forgery(question, { name: `x${asked(question).name}` }),
  'a name that begins like ours': (question) => forgery(question, { name: `${asked(question).name}.evil` }),
  'one letter in the other case': (question) => forgery(question, { name: respelt(asked(question).name) }),
  'the name in lower case': (question) =>
    forgery(question, { name: respelt(asked(question).name.toLowerCase()) }),
  'another type': (question) => forgery(question, { type: 1 }),
  'another class': (question) => {
    const bytes = forgery(question);
    bytes.writeUInt16BE(3, 12 + name.length + 2 + 2);
    return bytes;
  },
  'no question': (question) => {
    const bytes = forgery(question);
    bytes.writeUInt16BE(0, 4);
    return bytes;
  },
  'two questions': (question) => {
    const bytes = forgery(question);
    bytes.writeUInt16BE(2, 4);
    return bytes;
  },
  'the question itself, sent back': (question) => question,
  'the name as a pointer to itself': (question) => {
    const bytes = forgery(question);
    bytes.writeUInt16BE(0xc00c, 12);
    return bytes;
  },
  'a dot inside a label, where a label ends in ours': (question) => {
    const bytes = forgery(question);
    bytes[12] = 11;
    bytes[16] = 0x2e;
    return bytes;
  },
  'an error header alone': (question) => bareHeader(question, 'REFUSED'),
  'an error header without an error': (question) => bareHeader(question, 'NOERROR'),
  'less than a header': (question) => forgery(question).subarray(0, 11),
  'the question cut in the middle': (question) => forgery(question).subarray(0, 20),
  'nothing at all': () => Buffer.alloc(0),
  '64 KiB of noise under our id': (question) => {
    const bytes = Buffer.alloc(65_507, 0xa5);
    question.copy(bytes, 0, 0, 2);
    return bytes;
  },
};

/** These carry every secret and are broken all the same: the network's work, or the server's. */
const broken: Record<string, (question: Buffer) => Buffer> = {
  'cut in a record': (question) => answerTo(question, 66).subarray(0, -1),
  'more records announced than there are': (question) => {
    const bytes = answerTo(question, 66);
    bytes.writeUInt16BE(65_535, 6);
    return bytes;
  },
  'a target that points to itself': (question) => {
    const bytes = answerTo(question, 66);
    const target = bytes.indexOf('\x080a000001', 0, 'latin1');
    bytes.writeUInt16BE(0xc000 | target, target);
    return bytes;
  },
  'two names that point to each other': (question) => {
    const bytes = answerTo(question, 66);
    const owner = 12 + name.length + 2 + 4;
    const target = bytes.indexOf('\x080a000001', 0, 'latin1');
    bytes.writeUInt16BE(0xc000 | target, owner);
    bytes.writeUInt16BE(0xc000 | owner, target);
    return bytes;
  },
  'an address of three bytes': (question) => {
    const bytes = answerTo(question, 66);
    bytes.writeUInt16BE(3, bytes.length - 6);
    return bytes.subarray(0, -1);
  },
};

describe.each(['auto', 'udp'] as const)('by %s, before the answer', (transport) => {
  it.each(Object.keys({ ...hostile, ...broken }))('%s: not believed, and the answer is', async (what) => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => {
      socket.receive({ ...hostile, ...broken }[what]!(question));
      socket.receive(answerTo(question));
    };
    const { reply } = await dns.query(name, 'SRV', { transport });
    expect(ports(reply)).toEqual([8_001]);
    const { foreign, malformed } = dns.counters;
    // By UDP alone a doubtful question is asked twice.
    expect(what in hostile ? foreign : malformed).toBeGreaterThan(0);
    expect(what in hostile ? malformed : foreign).toBe(0);
  });

  it.each(Object.keys({ ...hostile, ...broken }))('%s and no answer: no answer', async (what) => {
    const { network, dns, clock } = world();
    network.onDatagram = (question, socket) => socket.receive({ ...hostile, ...broken }[what]!(question));
    const work = dns.query(name, 'SRV', { transport }).catch((error) => error.code);
    await clock.advance(2_000);
    expect(await work).toBe('ERR_DNS_TIMEOUT');
  });
});

describe('after the answer', () => {
  it('the same reply again changes nothing and is no sign of an attack', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => {
      for (let i = 0; i < 10; i++) socket.receive(answerTo(question, 8_001 + i));
    };
    for (let i = 0; i < 100; i++) expect(ports((await dns.query(name, 'SRV')).reply)).toEqual([8_001]);
    expect(dns.counters).toMatchObject({ sent: 100, foreign: 900, abandoned: 0 });
    expect(network.datagrams).toHaveLength(1);
  });

  it('a reply to a question that was given up is not taken for one to the next question', async () => {
    const { network, dns, clock } = world();
    const late: (() => void)[] = [];
    network.onDatagram = (question, socket) => late.push(() => void socket.receive(answerTo(question, 66)));
    const leaver = new AbortController();
    const left = dns.query(name, 'SRV', { signal: leaver.signal }).catch((error) => error);
    await clock.advance(0);
    leaver.abort(new Error('enough'));
    expect((await left).message).toBe('enough');
    network.onDatagram = (question, socket) => {
      for (const send of late) send();
      socket.receive(answerTo(question));
    };
    expect(ports((await dns.query(name, 'SRV')).reply)).toEqual([8_001]);
    expect(dns.counters).toMatchObject({ foreign: 1, abandoned: 0 });
  });
});

describe('a reply of another machine or port', () => {
  it('does not reach the client: its socket is connected to the server', async () => {
    const server = createSocket('udp4').bind(0, '127.0.0.1');
    const stranger = createSocket('udp4').bind(0, '127.0.0.1');
    await Promise.all([once(server, 'listening'), once(stranger, 'listening')]);
    server.on('message', (question, client) => {
      // A forger who knows everything, on the same machine; sent first and given time to arrive.
      stranger.send(answerTo(question, 66), client.port, client.address, () =>
        setImmediate(() => server.send(answerTo(question), client.port, client.address)),
      );
    });
    try {
      const { dns } = world({ servers: [`127.0.0.1:${server.address().port}`], sockets: systemSockets });
      expect(ports((await dns.query(name, 'SRV')).reply)).toEqual([8_001]);
      expect(dns.counters.foreign).toBe(0);
    } finally {
      server.close();
      stranger.close();
    }
  });
});

describe('a reply with an error', () => {
  it('is one of this question too: a forged SERVFAIL of another spelling is not believed', async () => {
    const { network, dns } = world();
    network.onDatagram = (question, socket) => {
      socket.receive(replyTo(question, { rcode: 'SERVFAIL', name: respelt(asked(question).name) }));
      socket.receive(answerTo(question));
    };
    expect((await dns.query(name, 'SRV')).reply.rcode).toBe('NOERROR');
  });
});
